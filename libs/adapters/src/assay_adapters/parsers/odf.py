"""OpenDocument texts, presentations and spreadsheets (OASIS ODF 1.3), read as ZIP and XML.

Headers and footers of texts are written once, footnotes and endnotes last; deleted text of tracked changes is left
out. Slides are pages with their title as a heading of level 2, sheets are headings of level 2 with tables.
"""

from typing import TYPE_CHECKING
from zipfile import ZipFile

from assay_core.documents import ElementKind, ParsedDocument
from assay_core.errors import Invalid

from assay_adapters.parsers.canvas import Canvas
from assay_adapters.parsers.limits import ParseLimits
from assay_adapters.parsers.odf_blocks import OdfWriter
from assay_adapters.parsers.odf_sheets import sheet_rows
from assay_adapters.parsers.odf_styles import OdfStyles
from assay_adapters.parsers.odf_text import flat_text
from assay_adapters.parsers.ole import encrypted
from assay_adapters.parsers.sheets import SheetWriter
from assay_adapters.parsers.titles import best_title
from assay_adapters.parsers.xml_tree import attribute, bounded_nesting, child, children, descendants, local, parse_xml
from assay_adapters.parsers.zip_safety import open_zip, read_entry

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

PARSER = "odf/2"

_MEDIA_TYPES = {
    "text": "application/vnd.oasis.opendocument.text",
    "presentation": "application/vnd.oasis.opendocument.presentation",
    "spreadsheet": "application/vnd.oasis.opendocument.spreadsheet",
    "drawing": "application/vnd.oasis.opendocument.graphics",
}


def parse_odf(data: bytes, *, name: str, limits: ParseLimits) -> ParsedDocument:
    """Any kind of OpenDocument file, by what its body holds.

    Raises:
        Invalid: encrypted, broken, too_many_pages or too_large.
    """
    archive = open_zip(data, name=name, limits=limits)
    _refuse_encrypted(archive, name)
    content, styles, meta = (_xml(archive, f"{part}.xml", name) for part in ("content", "styles", "meta"))
    body = next((node for node in child(content, "body") or () if local(node) in _MEDIA_TYPES), None)
    if body is None:
        raise Invalid(f"{name!r} is damaged: its content is missing", code="broken")
    document = _Document(OdfStyles(content, styles), styles, name=name, limits=limits)
    with bounded_nesting(name):
        document.write(body)
    text, elements = document.canvas.finish()
    declared = next((node.text or "" for node in descendants(meta, "title")), "")
    title, media_type = best_title(declared, text, elements), _MEDIA_TYPES[local(body)]
    return ParsedDocument(text, elements, title, media_type, PARSER, document.pages, tuple(document.left_out))


class _Document:
    def __init__(self, styles: OdfStyles, layout: "Element | None", *, name: str, limits: ParseLimits) -> None:
        self.canvas = Canvas()
        self.pages: int | None = None
        self.left_out: list[str] = []
        self._styles = styles
        self._layout = layout
        self._name = name
        self._limits = limits

    def write(self, body: "Element") -> None:
        match local(body):
            case "text":
                self._write_text(body)
            case "spreadsheet":
                self._write_sheets(body)
            case _:
                self._write_slides(body)

    def _write_text(self, body: "Element") -> None:
        writer = OdfWriter(self.canvas, self._styles, name=self._name, limits=self._limits)
        self._write_edges(ElementKind.HEADER)
        writer.blocks(body)
        self._write_edges(ElementKind.FOOTER)
        writer.notes()

    def _write_edges(self, kind: ElementKind) -> None:
        names = (kind.value, f"{kind}-left", f"{kind}-first")
        texts = (flat_text(node) for node in descendants(child(self._layout, "master-styles"), *names))
        for text in dict.fromkeys(texts):
            if any(map(str.isalpha, text)):
                self.canvas.paragraph(text, kind=kind)

    def _write_sheets(self, body: "Element") -> None:
        sheets = SheetWriter(self.canvas, name=self._name, limits=self._limits)
        for table in children(body, "table"):
            title = attribute(table, "name")
            if self._styles.is_hidden(attribute(table, "style-name")):
                self.left_out.append(f"sheet {title!r} is hidden and was left out")
                continue
            self.canvas.heading(title, 2)
            sheets.write(sheet_rows(table, name=self._name, limits=self._limits))

    def _write_slides(self, body: "Element") -> None:
        slides = children(body, "page")
        self._limits.check_pages(self._name, len(slides))
        self.pages = len(slides) or None
        for page, slide in enumerate(slides, start=1):
            if self._styles.is_hidden(attribute(slide, "style-name")):
                self.left_out.append(f"slide {page} is hidden and was left out")
                continue
            OdfWriter(self.canvas, self._styles, name=self._name, limits=self._limits, page=page).slide(slide)


def _xml(archive: ZipFile, path: str, name: str) -> "Element | None":
    if path not in archive.namelist():
        return None
    return parse_xml(read_entry(archive, path, name=name), name=name, part=path)


def _refuse_encrypted(archive: ZipFile, name: str) -> None:
    """Behind a password the entries are there, and look damaged; the manifest tells how they are encrypted."""
    manifest = _xml(archive, "META-INF/manifest.xml", name)
    if next(descendants(manifest, "encryption-data"), None) is not None:
        raise encrypted(name)
