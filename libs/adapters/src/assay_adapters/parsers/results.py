"""What a parsing process writes: three JSON lines (header, text, elements), or one with an error.

The reader trusts nothing: the writer has handled hostile bytes.
"""

import json
from typing import Any, cast

from assay_core.documents import Element, ElementKind, ParsedDocument
from assay_core.errors import Invalid
from assay_core.reasons import PARSING

from assay_adapters.parsers.limits import ParseLimits

CODES = frozenset(PARSING)
_MAX_LABEL_CHARS = 1000


class Malformed(Exception):
    """The lines are not what a healthy parsing process writes."""


def write_document(parsed: ParsedDocument) -> bytes:
    header = {
        "title": parsed.title,
        "media_type": parsed.media_type,
        "parser": parsed.parser,
        "pages": parsed.pages,
        "warnings": parsed.warnings[:20],
    }
    elements = [(e.kind.value, e.start, e.end, e.page, e.level) for e in parsed.elements]
    return _lines(header, parsed.text, elements)


def write_error(error: Invalid) -> bytes:
    return _lines({"code": error.code, "error": error.message[:_MAX_LABEL_CHARS]})


def read_result(data: bytes, *, limits: ParseLimits) -> ParsedDocument:
    """The document, checked: types, limits, and elements in order without overlap.

    Raises:
        Invalid: the error that was written.
        Malformed: the lines cannot be believed.
    """
    try:
        header, *rest = [json.loads(line) for line in data.decode("utf-8").splitlines()]
    except (ValueError, RecursionError) as e:
        raise Malformed(f"not JSON lines: {type(e).__name__}") from e
    if isinstance(header, dict) and "code" in header and not rest:
        return _raise_error(cast("dict[str, Any]", header))
    if len(rest) != 2 or not isinstance(header, dict) or not isinstance(rest[0], str):
        raise Malformed("not a header, a text and elements")
    return _document(cast("dict[str, Any]", header), rest[0], rest[1], limits)


def _lines(*values: object) -> bytes:
    text = "\n".join(json.dumps(value, ensure_ascii=False, separators=(",", ":")) for value in values)
    # JSON leaves these two as they are; `splitlines` and other readers would break lines there.
    return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029").encode("utf-8", "replace")


def _raise_error(header: dict[str, Any]) -> ParsedDocument:
    code, message = header["code"], header.get("error")
    if code not in CODES or not isinstance(message, str):
        raise Malformed("an error without a known code")
    raise Invalid(message[:_MAX_LABEL_CHARS], code=code)


def _document(header: dict[str, Any], text: str, rows: object, limits: ParseLimits) -> ParsedDocument:
    pages = header.get("pages")
    if pages is not None and not (type(pages) is int and 0 < pages <= limits.max_pages):
        raise Malformed("an impossible number of pages")
    if len(text) > limits.max_chars or not isinstance(rows, list) or len(cast("list[object]", rows)) > len(text):
        raise Malformed("more than the limits allow")
    return ParsedDocument(
        text=text,
        elements=_elements(cast("list[object]", rows), len(text), pages),
        title=_label(header.get("title")),
        media_type=_label(header.get("media_type")),
        parser=_label(header.get("parser")),
        pages=pages,
        warnings=tuple(_label(warning) for warning in list(header.get("warnings") or ())[:20]),
    )


def _elements(rows: list[object], chars: int, pages: int | None) -> tuple[Element, ...]:
    elements: list[Element] = []
    position = 0
    for row in rows:
        try:
            kind, start, end, page, level = cast("list[Any]", row)
            element = Element(ElementKind(kind), start, end, page, level)
        except (TypeError, ValueError) as e:
            raise Malformed("an element of unknown shape") from e
        if {type(start), type(end), type(level)} != {int} or not position <= start < end <= chars:
            raise Malformed("elements out of order or beyond the text")
        if not 0 <= level <= 6 or (page is not None and not (type(page) is int and 0 < page <= (pages or 0))):
            raise Malformed("an element of an impossible page or level")
        elements.append(element)
        position = end
    return tuple(elements)


def _label(value: object) -> str:
    if not isinstance(value, str):
        raise Malformed("a label that is no text")
    return value[:_MAX_LABEL_CHARS]
