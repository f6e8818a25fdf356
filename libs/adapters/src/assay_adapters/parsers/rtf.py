from assay_core.documents import ParsedDocument
from assay_core.errors import Invalid

from assay_adapters.parsers.limits import ParseLimits
from assay_adapters.parsers.rtf_reader import NestedTooDeeply, RtfReader
from assay_adapters.parsers.titles import best_title

PARSER = "rtf/2"


def parse_rtf(data: bytes, *, name: str, limits: ParseLimits) -> ParsedDocument:
    """Paragraphs, headings by outline level or style, lists, tables, text boxes and footnotes.

    Page headers and footers, comments, pictures and field codes are left out.

    Raises:
        Invalid: broken if it is no RTF or nested too deeply, too_large if its text is too long.
    """
    if not data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{\\rtf"):
        raise _broken(name, "it does not begin with {\\rtf")
    reader = RtfReader(data, name=name, limits=limits)
    try:
        text, elements = reader.read()
    except NestedTooDeeply as e:
        raise _broken(name, str(e)) from e
    warnings = () if reader.complete else ("the file ends early: its last part may be missing",)
    title = best_title(reader.title, text, elements)
    return ParsedDocument(text, elements, title, "application/rtf", PARSER, None, warnings)


def _broken(name: str, why: str) -> Invalid:
    return Invalid(f"{name!r} is no RTF that can be read: {why}. Save it again, best as DOCX", code="broken")
