from dataclasses import replace

from assay_core.documents import ParsedDocument, with_heading_paths
from assay_core.errors import Invalid

from assay_adapters.parsers.attachments import ParseAttachment, nested
from assay_adapters.parsers.csv_table import parse_csv
from assay_adapters.parsers.decoding import decode
from assay_adapters.parsers.detection import kind_of_bytes, kind_of_text
from assay_adapters.parsers.docx import parse_docx
from assay_adapters.parsers.email_message import parse_email
from assay_adapters.parsers.epub import parse_epub
from assay_adapters.parsers.html import declared_charset, parse_html
from assay_adapters.parsers.images import parse_image
from assay_adapters.parsers.json_records import parse_json, parse_jsonl
from assay_adapters.parsers.kinds import Kind
from assay_adapters.parsers.limits import ParseLimits
from assay_adapters.parsers.markdown import parse_markdown
from assay_adapters.parsers.msg import parse_msg
from assay_adapters.parsers.notebook import parse_notebook
from assay_adapters.parsers.odf import parse_odf
from assay_adapters.parsers.org import parse_org
from assay_adapters.parsers.pdf import parse_pdf
from assay_adapters.parsers.plain_text import parse_text
from assay_adapters.parsers.pptx import parse_pptx
from assay_adapters.parsers.rst import parse_rst
from assay_adapters.parsers.rtf import parse_rtf
from assay_adapters.parsers.xls import parse_xls
from assay_adapters.parsers.xlsx import parse_xlsx
from assay_adapters.parsers.xml_text import parse_xml_text

_CONTAINERS = {
    Kind.PDF: parse_pdf,
    Kind.DOCX: parse_docx,
    Kind.PPTX: parse_pptx,
    Kind.XLSX: parse_xlsx,
    Kind.XLS: parse_xls,
    Kind.ODF: parse_odf,
    Kind.EPUB: parse_epub,
    Kind.RTF: parse_rtf,
    Kind.IMAGE: parse_image,
}
_MESSAGES = {Kind.EML: parse_email, Kind.MSG: parse_msg}
_TEXTS = {
    Kind.CSV: parse_csv,
    Kind.JSON: parse_json,
    Kind.JSONL: parse_jsonl,
    Kind.NOTEBOOK: parse_notebook,
    Kind.RST: parse_rst,
    Kind.ORG: parse_org,
    Kind.XML: parse_xml_text,
}


def parse_bytes(data: bytes, *, name: str, limits: ParseLimits) -> ParsedDocument:
    """Parse a file in this process; `SandboxedParser` calls it in a throw-away one.

    Raises:
        Invalid: with one of the codes of the `Parser` port.
    """
    limits = limits.from_now()
    attachments = nested(lambda file, called, inner: _parse(file, name=called, limits=limits, attachments=inner))
    parsed = _parse(data, name=name, limits=limits, attachments=attachments)
    return replace(parsed, elements=tuple(with_heading_paths(parsed.text, parsed.elements)))


def _parse(data: bytes, *, name: str, limits: ParseLimits, attachments: ParseAttachment | None) -> ParsedDocument:
    if not data:
        raise Invalid(f"{name!r} is empty: it has no bytes", code="empty")
    kind = kind_of_bytes(data, name=name)
    if kind is None:
        parsed = _parse_text_kind(data, name=name, limits=limits)
    elif kind in _MESSAGES:
        parsed = _MESSAGES[kind](data, name=name, limits=limits, parse_attachment=attachments)
    else:
        parsed = _CONTAINERS[kind](data, name=name, limits=limits)
    limits.check_chars(name, len(parsed.text))
    if not parsed.elements:
        raise Invalid(f"{name!r} holds no text that could be searched", code="no_text")
    return parsed


def _parse_text_kind(data: bytes, *, name: str, limits: ParseLimits) -> ParsedDocument:
    decoded = decode(data, name=name, declared=declared_charset(data))
    limits.check_chars(name, len(decoded.text))
    kind = kind_of_text(decoded.text, name=name)
    match kind:
        case Kind.HTML:
            parsed = parse_html(decoded.text)
        case Kind.MARKDOWN:
            parsed = parse_markdown(decoded.text)
        case Kind.TEXT:
            parsed = parse_text(decoded.text)
        case _:
            parsed = _TEXTS[kind](decoded.text, name=name, limits=limits)
    return _with_warnings(parsed, decoded.warnings)


def _with_warnings(parsed: ParsedDocument, warnings: tuple[str, ...]) -> ParsedDocument:
    return replace(parsed, warnings=(*warnings, *parsed.warnings)) if warnings else parsed
