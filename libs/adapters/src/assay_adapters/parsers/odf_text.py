"""The text inside of a paragraph of an OpenDocument file."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from assay_adapters.parsers.canvas import evened
from assay_adapters.parsers.xml_tree import child, descendants, local, number

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

# Remarks of reviewers, readings over characters, alternative texts of pictures, scripts.
_SILENT = frozenset(
    {"annotation", "ruby-text", "desc", "title", "script", "tracked-changes", "event-listeners", "binary-data"}
)
_PARAGRAPHS = ("p", "h")
_MAX_SPACES = 100


@dataclass(slots=True)
class OdfInline:
    """The pieces of one paragraph; `notes` gathers the bodies of the notes of the whole document in order."""

    notes: "list[Element]"
    pieces: list[str] = field(default_factory=list[str])
    boxes: "list[Element]" = field(default_factory=list["Element"])

    @property
    def text(self) -> str:
        return evened("".join(self.pieces))

    def read(self, node: "Element") -> None:
        """Take in all that is below a node. A line end in the source is a space."""
        self._take(node.text)
        for inner in node:
            self._read_one(inner)
            self._take(inner.tail)

    def _take(self, text: str | None) -> None:
        self.pieces.append((text or "").replace("\n", " "))

    def _read_one(self, node: "Element") -> None:
        match local(node):
            case name if name in _SILENT:
                return
            case "s":
                self.pieces.append(" " * min(max(number(node, "c", 1), 1), _MAX_SPACES))
            case "tab":
                self.pieces.append("\t")
            case "line-break":
                self.pieces.append("\n")
            case "note":
                body = child(node, "note-body")
                if body is not None:
                    self.notes.append(body)
                    self.pieces.append(f"[^{len(self.notes)}]")
            case "frame" | "custom-shape" | "rect" | "ellipse" | "g" | "text-box":
                self.boxes.append(node)
            case _:
                self.read(node)


def flat_text(container: "Element") -> str:
    """All text of a cell, note or header, a line for each paragraph; notes in it are left out."""
    lines: list[str] = []
    for paragraph in _paragraphs(container):
        inline = OdfInline([])
        inline.read(paragraph)
        lines += [inline.text, *map(flat_text, inline.boxes)]
    return "\n".join(line for line in lines if line)


def _paragraphs(container: "Element") -> "list[Element]":
    found: list[Element] = []
    for node in container:
        if local(node) in _PARAGRAPHS:
            found.append(node)
        elif local(node) not in _SILENT:
            found += _paragraphs(node)
    return found


def box_blocks(node: "Element") -> "list[Element]":
    """What holds the paragraphs of a frame or shape: its text boxes and tables, those of groups too."""
    match local(node):
        case "frame":
            return [inner for inner in node if local(inner) in ("text-box", "table")]
        case "g":
            return [block for inner in node for block in box_blocks(inner)]
        case _:
            return [node] if next(descendants(node, *_PARAGRAPHS), None) is not None else []


def direct(node: "Element", wanted: str, through: frozenset[str]) -> "list[Element]":
    """Children with this name, also those inside of wrappers such as groups of rows."""
    found: list[Element] = []
    for inner in node:
        if local(inner) == wanted:
            found.append(inner)
        elif local(inner) in through:
            found += direct(inner, wanted, through)
    return found
