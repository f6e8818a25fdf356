import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from assay_core.documents import Element, ElementKind, ParsedDocument
from assay_core.errors import Invalid

from assay_adapters.parsers.canvas import Canvas
from assay_adapters.parsers.decoding import without_controls
from assay_adapters.parsers.limits import ParseLimits
from assay_adapters.parsers.pdf_blocks import Block, page_blocks, take_margins
from assay_adapters.parsers.pdf_rules import Rules, read_rules
from assay_adapters.parsers.pdf_scans import Scans, needs_recognition
from assay_adapters.parsers.pdf_words import read_words
from assay_adapters.parsers.pdf_writing import rounded, write_blocks

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument, PdfPage

PARSER = "pdf/2"

_POOR_TITLES = ("untitled", "microsoft word", "microsoft powerpoint", "powerpoint presentation", "(anonymous)")


@dataclass(slots=True)
class _Pages:
    """What was read: blocks and height by page, and the pages (from 1) that could not be, or hold pictures of text."""

    blocks: list[list[Block]] = field(default_factory=list[list[Block]])
    heights: list[float] = field(default_factory=list[float])
    unreadable: list[int] = field(default_factory=list[int])
    scanned: list[int] = field(default_factory=list[int])
    plain: list[int] = field(default_factory=list[int])
    chars: int = 0

    def add(self, blocks: list[Block], height: float) -> None:
        self.blocks.append(blocks)
        self.heights.append(height)
        self.chars += sum(len(line.text) for block in blocks for line in block.lines)
        self.chars += sum(len(cell) for b in blocks if b.table is not None for row in b.table.rows for cell in row)


def parse_pdf(data: bytes, *, name: str, limits: ParseLimits) -> ParsedDocument:
    """The text layer, page by page, as generated text with blank lines between blocks; scanned pages are recognised.

    A page is let go before the next one is opened, and scans come last, so that they cannot use up the time of text.

    Raises:
        Invalid: encrypted, broken, too_many_pages, too_large, no_text or timeout.
    """
    document = _opened(data, name)
    limits.check_pages(name, len(document))
    pages = _read_pages(document, name, limits)
    scans = Scans(document, limits)
    for number in pages.scanned:
        blocks, height = scans.read(number)
        if blocks:
            pages.blocks[number - 1], pages.heights[number - 1] = blocks, height
    text, elements = _written(pages)
    if not elements:
        raise scans.nothing_found(name)
    headings = (text[e.start : e.end] for e in elements if e.level == 1)
    title = _metadata_title(document) or " ".join(next(headings, "").split())
    warnings = [f"page {number} cannot be read" for number in pages.unreadable]
    if pages.plain:
        warnings.append(f"from page {pages.plain[0]} on read without tables and columns: it took too long")
    warnings += scans.warnings()
    return ParsedDocument(text, elements, title, "application/pdf", PARSER, len(document), tuple(warnings))


def _opened(data: bytes, name: str) -> "PdfDocument":
    import pypdfium2 as pdfium

    try:
        return pdfium.PdfDocument(data)
    except pdfium.PdfiumError as e:
        if e.err_code in (pdfium.raw.FPDF_ERR_PASSWORD, pdfium.raw.FPDF_ERR_SECURITY):
            raise Invalid(f"{name!r} is encrypted: remove the password and upload it again", code="encrypted") from e
        raise Invalid(f"{name!r} is a broken PDF: {e}", code="broken") from e


def _read_pages(document: "PdfDocument", name: str, limits: ParseLimits) -> _Pages:
    import pypdfium2 as pdfium

    pages = _Pages()
    for index in range(len(document)):
        try:
            page = document[index]
        except pdfium.PdfiumError:
            pages.unreadable.append(index + 1)
            pages.add([], 0.0)
            continue
        _read_page(page, index + 1, pages, plain=time.monotonic() > limits.layout_until_s)
        page.close()
        limits.check_chars(name, pages.chars)
    if pages.blocks and len(pages.unreadable) == len(pages.blocks):
        raise Invalid(f"{name!r} is a broken PDF: none of its pages can be read", code="broken")
    return pages


def _read_page(page: "PdfPage", number: int, pages: _Pages, *, plain: bool) -> None:
    frame, words, askew = read_words(page)
    rules = (None if plain else read_rules(page, frame)) if words else Rules()
    if plain:
        pages.plain.append(number)
    if needs_recognition(page, frame, [*words, *askew]):
        pages.scanned.append(number)
    blocks = page_blocks(number, words, askew, rules, frame.height)
    pages.add(blocks, frame.height)


def _written(pages: _Pages) -> tuple[str, tuple[Element, ...]]:
    """Running headers come once, before all the rest, and footers after it: they must not cut what goes on below."""
    margins = take_margins(pages.blocks, pages.heights)
    canvas = Canvas()
    for number, line in margins.headers:
        canvas.block(ElementKind.HEADER, line.text, page=number, box=rounded(line.box))
    write_blocks(canvas, [block for blocks in pages.blocks for block in blocks])
    for number, line in margins.footers:
        canvas.block(ElementKind.FOOTER, line.text, page=number, box=rounded(line.box))
    return canvas.finish()


def _metadata_title(document: "PdfDocument") -> str:
    title = " ".join(without_controls(document.get_metadata_value("Title")).split())
    wordy = sum(1 for character in title if character.isalpha()) >= 3
    return title[:300] if wordy and not title.lower().startswith(_POOR_TITLES) else ""
