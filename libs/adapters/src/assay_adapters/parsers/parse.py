from dataclasses import replace

from assay_core.documents import ParsedDocument
from assay_core.errors import Invalid

from assay_adapters.parsers.decoding import decode
from assay_adapters.parsers.detection import Kind, kind_of_bytes, kind_of_text
from assay_adapters.parsers.html import declared_charset, parse_html
from assay_adapters.parsers.limits import ParseLimits
from assay_adapters.parsers.markdown import parse_markdown
from assay_adapters.parsers.pdf import parse_pdf
from assay_adapters.parsers.plain_text import parse_text


def parse_bytes(data: bytes, *, name: str, limits: ParseLimits) -> ParsedDocument:
    """Parse a file in this process; `SandboxedParser` calls it in a throw-away one.

    Raises:
        Invalid: with one of the codes of the `Parser` port.
    """
    if not data:
        raise Invalid(f"{name!r} is empty: it has no bytes", code="empty")
    if kind_of_bytes(data, name=name) is Kind.PDF:
        parsed = parse_pdf(data, name=name, limits=limits)
    else:
        parsed = _parse_text_kind(data, name=name, limits=limits)
    limits.check_chars(name, len(parsed.text))
    if not parsed.elements:
        raise Invalid(f"{name!r} holds no text that could be searched", code="no_text")
    return parsed


def _parse_text_kind(data: bytes, *, name: str, limits: ParseLimits) -> ParsedDocument:
    decoded = decode(data, name=name, declared=declared_charset(data))
    limits.check_chars(name, len(decoded.text))
    match kind_of_text(decoded.text, name=name):
        case Kind.HTML:
            parsed = parse_html(decoded.text)
        case Kind.MARKDOWN:
            parsed = parse_markdown(decoded.text)
        case _:
            parsed = parse_text(decoded.text)
    return _with_warnings(parsed, decoded.warnings)


def _with_warnings(parsed: ParsedDocument, warnings: tuple[str, ...]) -> ParsedDocument:
    return replace(parsed, warnings=(*warnings, *parsed.warnings)) if warnings else parsed
