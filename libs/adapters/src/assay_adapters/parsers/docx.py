"""Word documents since 2007 (also with macros, which are not read).

A table of one cell is a frame around text.
Headers come first and footers last, each text once; then footnotes, endnotes and comments. Deleted text of tracked
changes is left out. The package is read without python-docx: that refuses documents with macros and those with a
dangling relationship, reads every picture into memory, and has no text boxes, notes or tracked changes.
"""

from collections import deque
from typing import TYPE_CHECKING

from assay_core.documents import ElementKind, ParsedDocument

from assay_adapters.parsers.canvas import Canvas
from assay_adapters.parsers.comments import comment_line
from assay_adapters.parsers.docx_styles import Numbering, Style, Styles
from assay_adapters.parsers.docx_text import Inline, Notes
from assay_adapters.parsers.limits import ParseLimits
from assay_adapters.parsers.opc import Package
from assay_adapters.parsers.tables import TableDraft
from assay_adapters.parsers.titles import best_title
from assay_adapters.parsers.xml_tree import attribute, bounded_nesting, child, children, chosen, local, number

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

PARSER = "docx/2"
MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"

_MAX_HEADING_CHARS = 500
_MAX_COLUMNS = 1000
_WRAPPERS = frozenset({"customXml", "ins", "moveTo", "smartTag", "sdtContent", "sdt"})


def parse_docx(data: bytes, *, name: str, limits: ParseLimits) -> ParsedDocument:
    """The document in reading order, as generated text.

    Raises:
        Invalid: encrypted, broken or too_large.
    """
    package = Package(data, name=name, limits=limits)
    main, root = package.main_part()
    writer = _Writer(package, main, name=name, limits=limits)
    with bounded_nesting(name):
        writer.edges("header")
        writer.blocks(root)
        writer.flush()
        writer.edges("footer")
        writer.notes()
        writer.comments()
    text, elements = writer.canvas.finish()
    return ParsedDocument(text, elements, best_title(package.title(), text, elements), MEDIA_TYPE, PARSER)


class _Writer:
    def __init__(self, package: Package, main: str, *, name: str, limits: ParseLimits) -> None:
        self.canvas = Canvas()
        self._package = package
        self._main = main
        self._name = name
        self._limits = limits
        self._styles = Styles(package.related(main, "styles"))
        self._numbering = Numbering(package.related(main, "numbering"))
        self._notes = Notes()
        self._items: list[tuple[int, str]] = []

    def blocks(self, container: "Element") -> None:
        """Write paragraphs and tables, through all that may be wrapped around them."""
        for node in container:
            match local(node):
                case "p":
                    self._paragraph(node)
                case "tbl":
                    self._table(node)
                case "AlternateContent":
                    branch = chosen(node)
                    if branch is not None:
                        self.blocks(branch)
                case "body":
                    self.blocks(node)
                case name if name in _WRAPPERS:
                    self.blocks(node)
                case _:
                    continue

    def flush(self) -> None:
        """End the list that is being gathered."""
        self.canvas.items(self._items)
        self._items = []
        self._limits.check_chars(self._name, self.canvas.length)

    def edges(self, kind: str) -> None:
        """Write the headers or footers of all sections, each text once; a page number alone is none."""
        written: set[str] = set()
        for part in self._package.parts_of(self._main, kind):
            root = self._package.xml(part)
            text = self._flat(root) if root is not None else ""
            if text not in written and any(map(str.isalpha, text)):
                self.canvas.paragraph(text, kind=ElementKind(kind))
                written.add(text)

    def notes(self) -> None:
        """Write the footnotes and endnotes that the text refers to; notes may refer to further ones."""
        known = {
            (kind, attribute(note, "id")): note
            for kind, wanted in (("footnotes", "footnote"), ("endnotes", "endnote"))
            for note in children(self._package.related(self._main, kind), wanted)
        }
        # A note that refers to another adds it to the numbers while they are walked.
        waiting = deque(self._notes.numbers.items())
        while waiting:
            key, index = waiting.popleft()
            before = len(self._notes.numbers)
            note = known.get(key)
            text = self._flat(note) if note is not None else ""
            waiting.extend(list(self._notes.numbers.items())[before:])
            if text:
                self.canvas.paragraph(f"[^{index}]: {text}", kind=ElementKind.FOOTNOTE)
        self.flush()

    def comments(self) -> None:
        root = self._package.related(self._main, "comments")
        for comment in children(root, "comment"):
            text = self._flat(comment)
            if text:
                self.canvas.paragraph(comment_line(attribute(comment, "author"), text))
        self.flush()

    def _paragraph(self, node: "Element") -> None:
        inline = Inline(self._notes)
        inline.read(node)
        if inline.text:
            self._write(inline.text, self._styles.of(node))
        for box in inline.boxes:
            self.flush()
            self.blocks(box)
            self.flush()

    def _write(self, text: str, style: Style) -> None:
        listed = style.num_id not in ("", "0")
        label = self._numbering.label(style.num_id, style.depth) if listed else ""
        labelled = f"{label} {text}" if label else text
        if style.level and len(text) <= _MAX_HEADING_CHARS:
            self.flush()
            self.canvas.heading(labelled, style.level)
        elif listed:
            self._items.append((style.depth, labelled))
        else:
            self.flush()
            self.canvas.paragraph(text)

    def _table(self, table: "Element") -> None:
        self.flush()
        rows = [(row, list(_inside(row, "tc"))) for row in _inside(table, "tr")]
        cells = [cell for _, row_cells in rows for cell in row_cells]
        if len(cells) == 1:
            self.blocks(cells[0])
        else:
            draft = TableDraft()
            for row, row_cells in rows:
                self._row(draft, row, row_cells)
            self.canvas.draft(draft)
        self.flush()

    def _row(self, draft: TableDraft, row: "Element", cells: "list[Element]") -> None:
        draft.next_row(header=child(row, "trPr", "tblHeader") is not None)
        draft.skip(_count(child(row, "trPr", "gridBefore"), 0))
        for cell in cells:
            span = _count(child(cell, "tcPr", "gridSpan"), 1)
            merge = child(cell, "tcPr", "vMerge")
            if merge is not None and attribute(merge, "val", "continue") == "continue":
                draft.goes_on_from_above(column_span=span)
            else:
                draft.cell(self._flat(cell), column_span=span)

    def _flat(self, container: "Element") -> str:
        """All text of a cell, note or header, a line for each paragraph; tables and boxes in it lose their shape."""
        lines: list[str] = []
        for node in container:
            match local(node):
                case "p":
                    inline = Inline(self._notes)
                    inline.read(node)
                    style = self._styles.of(node)
                    label = self._numbering.label(style.num_id, style.depth) if inline.text else ""
                    lines += [f"{label} {inline.text}".strip(), *map(self._flat, inline.boxes)]
                case "AlternateContent":
                    branch = chosen(node)
                    lines.append(self._flat(branch) if branch is not None else "")
                case "tbl" | "tr" | "tc":
                    lines.append(self._flat(node))
                case name if name in _WRAPPERS:
                    lines.append(self._flat(node))
                case _:
                    continue
        return "\n".join(line for line in lines if line)


def _inside(node: "Element", wanted: str) -> "list[Element]":
    """Children with this name, also those inside of content controls and tracked changes."""
    found: list[Element] = []
    for inner in node:
        if local(inner) == wanted:
            found.append(inner)
        elif local(inner) in _WRAPPERS:
            found += _inside(inner, wanted)
    return found


def _count(node: "Element | None", default: int) -> int:
    return min(max(number(node, "val", default), 0), _MAX_COLUMNS) if node is not None else default
