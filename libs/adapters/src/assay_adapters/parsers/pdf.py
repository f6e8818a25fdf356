from typing import TYPE_CHECKING

from assay_core.documents import Element, ElementKind, ParsedDocument
from assay_core.errors import Invalid

from assay_adapters.parsers.decoding import without_controls
from assay_adapters.parsers.limits import ParseLimits
from assay_adapters.parsers.pdf_blocks import Block, blocks_of
from assay_adapters.parsers.pdf_lines import Line, read_lines

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument

PARSER = "pdf/1"

_POOR_TITLES = ("untitled", "microsoft word", "microsoft powerpoint", "powerpoint presentation", "(anonymous)")


def parse_pdf(data: bytes, *, name: str, limits: ParseLimits) -> ParsedDocument:
    """The text layer, page by page, as generated text with blank lines between blocks.

    Raises:
        Invalid: encrypted, broken, too_many_pages, too_large or no_text.
    """
    document = _opened(data, name)
    pages = len(document)
    limits.check_pages(name, pages)
    lines, unreadable = _read_pages(document, name, limits)
    text, elements = _canonical(blocks_of(lines))
    if not elements:
        raise Invalid(f"{name!r} has no text layer (a scan?): run it through text recognition first", code="no_text")
    headings = (text[e.start : e.end] for e in elements if e.level == 1)
    title = _metadata_title(document) or " ".join(next(headings, "").split())
    warnings = tuple(f"page {number} cannot be read" for number in unreadable)
    return ParsedDocument(text, elements, title, "application/pdf", PARSER, pages, warnings)


def _opened(data: bytes, name: str) -> "PdfDocument":
    import pypdfium2 as pdfium

    try:
        return pdfium.PdfDocument(data)
    except pdfium.PdfiumError as e:
        if e.err_code in (pdfium.raw.FPDF_ERR_PASSWORD, pdfium.raw.FPDF_ERR_SECURITY):
            raise Invalid(f"{name!r} is encrypted: remove the password and upload it again", code="encrypted") from e
        raise Invalid(f"{name!r} is a broken PDF: {e}", code="broken") from e


def _read_pages(document: "PdfDocument", name: str, limits: ParseLimits) -> tuple[list[list[Line]], list[int]]:
    import pypdfium2 as pdfium

    pages: list[list[Line]] = []
    unreadable: list[int] = []
    chars = 0
    for index in range(len(document)):
        try:
            page = document[index]
            lines = read_lines(page)
            page.close()
        except pdfium.PdfiumError:
            unreadable.append(index + 1)
            lines = []
        pages.append(lines)
        chars += sum(len(line.text) for line in lines)
        limits.check_chars(name, chars)
    if pages and len(unreadable) == len(pages):
        raise Invalid(f"{name!r} is a broken PDF: none of its pages can be read", code="broken")
    return pages, unreadable


def _canonical(blocks: list[Block]) -> tuple[str, tuple[Element, ...]]:
    parts: list[str] = []
    elements: list[Element] = []
    length = 0
    for block in blocks:
        mark = "\n\n" if parts else ""
        if block.level:
            mark += "#" * block.level + " "
        text = block.text.replace("\n", " ") if block.level else block.text
        start, length = length + len(mark), length + len(mark) + len(text)
        parts += [mark, text]
        elements.append(Element(_kind(block), start, length, page=block.page, level=block.level))
    return "".join(parts), tuple(elements)


def _kind(block: Block) -> ElementKind:
    if block.level:
        return ElementKind.HEADING
    return ElementKind.LIST if block.is_list else ElementKind.PARAGRAPH


def _metadata_title(document: "PdfDocument") -> str:
    title = " ".join(without_controls(document.get_metadata_value("Title")).split())
    wordy = sum(1 for character in title if character.isalpha()) >= 3
    return title[:300] if wordy and not title.lower().startswith(_POOR_TITLES) else ""
