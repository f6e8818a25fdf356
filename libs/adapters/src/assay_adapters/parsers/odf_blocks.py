"""Blocks of an OpenDocument text or slide."""

from typing import TYPE_CHECKING

from assay_core.documents import ElementKind

from assay_adapters.parsers.canvas import Canvas
from assay_adapters.parsers.limits import ParseLimits
from assay_adapters.parsers.odf_sheets import table_draft
from assay_adapters.parsers.odf_styles import OdfStyles
from assay_adapters.parsers.odf_text import OdfInline, box_blocks, flat_text
from assay_adapters.parsers.xml_tree import attribute, child, local, number

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_INDEXES = ("table-of-content", "illustration-index", "table-index", "object-index", "user-index", "alphabetical-index")
_WRAPPERS = frozenset(
    {*_INDEXES, "bibliography", "index-body", "index-title", "section", "text-box", "numbered-paragraph", "a"}
)
_SHAPES = ("frame", "custom-shape", "g", "rect", "ellipse", "polygon", "path", "line", "connector", "caption")


class OdfWriter:
    """Writes blocks to a canvas; a `page` is a slide's number."""

    def __init__(
        self, canvas: Canvas, styles: OdfStyles, *, name: str, limits: ParseLimits, page: int | None = None
    ) -> None:
        self._canvas = canvas
        self._styles = styles
        self._name = name
        self._limits = limits
        self._page = page
        self._notes: list[Element] = []
        self._items: list[tuple[int, str]] = []
        self._counts: dict[tuple[str, int], int] = {}

    def blocks(self, container: "Element") -> None:
        """Write paragraphs, headings, lists, tables and shapes in order."""
        for node in container:
            match local(node):
                case "p" | "h":
                    self._paragraph(node)
                case "list":
                    # Neighbouring lists are one: a change of bullets makes two of them.
                    self._list(node, "", 0)
                case "table":
                    self._table(node)
                case name if name in _SHAPES:
                    self._flush()
                    self._shape(node)
                case name if name in _WRAPPERS:
                    self.blocks(node)
                    self._flush()
                case _:
                    continue

    def slide(self, slide: "Element") -> None:
        """Write a slide: its title, what is on it, and its notes."""
        shapes = [node for node in slide if local(node) in _SHAPES]
        titles = [node for node in shapes if attribute(node, "class") == "title"]
        for title in titles:
            self._canvas.heading(flat_text(title), 2, page=self._page)
        for shape in shapes:
            if shape not in titles:
                self._shape(shape)
        self.notes()
        spoken = child(slide, "notes")
        texts = [flat_text(node) for node in spoken or () if attribute(node, "class") == "notes"]
        for text in filter(None, texts):
            self._canvas.paragraph(f"Notes: {text}", page=self._page)

    def notes(self) -> None:
        """Write the footnotes and endnotes that were met."""
        self._flush()
        for index, body in enumerate(self._notes, start=1):
            text = flat_text(body)
            if text:
                self._canvas.paragraph(f"[^{index}]: {text}", page=self._page, kind=ElementKind.FOOTNOTE)

    def _paragraph(self, node: "Element") -> None:
        inline = self._inline(node)
        level = self._styles.heading_level(attribute(node, "style-name"))
        if local(node) == "h":
            level = min(max(number(node, "outline-level", 1), 1), 6)
        self._flush()
        if level:
            self._canvas.heading(inline.text, level, page=self._page)
        else:
            self._canvas.paragraph(inline.text, page=self._page)
        self._boxes(inline)
        self._limits.check_chars(self._name, self._canvas.length)

    def _list(self, node: "Element", style: str, depth: int) -> None:
        """Gather a list's items. A new list counts anew unless it goes on; headings may sit in lists to be counted."""
        style = attribute(node, "style-name") or style
        if attribute(node, "continue-numbering") != "true" and not attribute(node, "continue-list"):
            self._counts.pop((style, depth), None)
        for item in node:
            if local(item) in ("list-item", "list-header"):
                self._item(item, style, depth)

    def _item(self, item: "Element", style: str, depth: int) -> None:
        level = self._styles.level_of(style, depth)
        fresh = local(item) == "list-item"
        for node in item:
            match local(node):
                case "list":
                    self._list(node, style, depth + 1)
                case "p":
                    inline = self._inline(node)
                    if inline.text:
                        label = level.label(self._next(style, depth, level.start, item)) if fresh else ""
                        self._items.append((min(depth, 8), label + inline.text))
                        fresh = False
                    self._boxes(inline)
                case "h":
                    self._paragraph(node)
                case _:
                    continue

    def _next(self, style: str, depth: int, start: int, item: "Element") -> int:
        count = self._counts.get((style, depth), start - 1) + 1
        self._counts[style, depth] = number(item, "start-value", count)
        return self._counts[style, depth]

    def _inline(self, node: "Element") -> OdfInline:
        inline = OdfInline(self._notes)
        inline.read(node)
        return inline

    def _boxes(self, inline: OdfInline) -> None:
        for box in inline.boxes:
            self._flush()
            self._shape(box)

    def _shape(self, node: "Element") -> None:
        for block in box_blocks(node):
            if local(block) == "table":
                self._table(block)
            else:
                self.blocks(block)
                self._flush()

    def _table(self, table: "Element") -> None:
        self._flush()
        self._canvas.draft(table_draft(table, name=self._name, limits=self._limits), page=self._page)
        self._limits.check_chars(self._name, self._canvas.length)

    def _flush(self) -> None:
        self._canvas.items(self._items, page=self._page)
        self._items = []
