"""What a parsing process writes: three JSON lines (header, text, elements), or one with an error.

The reader trusts nothing: the writer has handled hostile bytes.
"""

import json
import math
from typing import Any, cast

from assay_core.documents import Box, Element, ElementKind, ParsedDocument, with_heading_paths
from assay_core.errors import Invalid
from assay_core.reasons import PARSING
from assay_core.tables import Cell, Table

from assay_adapters.parsers.limits import ParseLimits
from assay_adapters.parsers.tables import MAX_LISTED_CELLS

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
    return _lines(header, parsed.text, [_row(element) for element in parsed.elements])


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


def _row(element: Element) -> tuple[object, ...]:
    """Heading paths are left out: the reader makes them again, where they cost no bytes."""
    box, table = element.box, element.table
    sides = (box.left, box.top, box.right, box.bottom) if box is not None else None
    shape = (table.rows, table.columns, table.header_rows, [_cell_row(c) for c in table.cells]) if table else None
    return (element.kind.value, element.start, element.end, element.page, element.level, sides, shape)


def _cell_row(cell: Cell) -> tuple[int, ...]:
    return (cell.row, cell.column, cell.start, cell.end, cell.row_span, cell.column_span, int(cell.is_header))


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
        elements=tuple(with_heading_paths(text, _elements(cast("list[object]", rows), len(text), pages))),
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
            kind, start, end, page, level, box, table = cast("list[Any]", row)
            element = Element(ElementKind(kind), start, end, page, level, _box(box), _table(table, start, end))
        except (TypeError, ValueError) as e:
            raise Malformed("an element of unknown shape") from e
        if {type(start), type(end), type(level)} != {int} or not position <= start < end <= chars:
            raise Malformed("elements out of order or beyond the text")
        if not 0 <= level <= 6 or (page is not None and not (type(page) is int and 0 < page <= (pages or 0))):
            raise Malformed("an element of an impossible page or level")
        elements.append(element)
        position = end
    if sum(e.table.rows * e.table.columns for e in elements if e.table is not None) > MAX_LISTED_CELLS:
        raise Malformed("more cells than a document may list")
    return tuple(elements)


def _box(sides: list[Any] | None) -> Box | None:
    if sides is None:
        return None
    box = Box(*sides)
    if any(type(side) not in (int, float) or not math.isfinite(side) for side in sides):
        raise Malformed("a box without measures")
    return box


def _table(shape: list[Any] | None, start: int, end: int) -> Table | None:
    if shape is None:
        return None
    rows, columns, header_rows, cells = shape
    table = Table(rows, columns, header_rows, tuple(_cell(cell, table_start=start, table_end=end) for cell in cells))
    if (
        {type(rows), type(columns), type(header_rows)} != {int}
        or not 0 <= header_rows <= rows
        or min(rows, columns) < 1
    ):
        raise Malformed("a table of impossible shape")
    if any(c.row + c.row_span > rows or c.column + c.column_span > columns for c in table.cells):
        raise Malformed("a cell beyond its table")
    if sum(c.row_span * c.column_span for c in table.cells) > rows * columns:
        raise Malformed("cells that overlap")
    return table


def _cell(row: list[Any], *, table_start: int, table_end: int) -> Cell:
    numbers = [number for number in row if type(number) is int and number >= 0]
    at_row, column, start, end, row_span, column_span, is_header = numbers
    if not table_start <= start <= end <= table_end or min(row_span, column_span) < 1:
        raise Malformed("a cell of impossible place")
    return Cell(at_row, column, start, end, row_span, column_span, is_header=bool(is_header))


def _label(value: object) -> str:
    if not isinstance(value, str):
        raise Malformed("a label that is no text")
    return value[:_MAX_LABEL_CHARS]
