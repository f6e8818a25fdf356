"""The text inside of a paragraph of a Word document."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from assay_adapters.parsers.canvas import evened
from assay_adapters.parsers.xml_tree import attribute, child, children, chosen, local

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

# Properties; what was deleted or moved away; the instructions of fields, whose results stand beside them.
_SILENT = frozenset(
    {"pPr", "rPr", "sdtPr", "sdtEndPr", "del", "moveFrom", "delText", "instrText", "delInstrText", "rt", "ctrlPr"}
)
_SIGNS = {"tab": "\t", "ptab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
_NOTE_KINDS = {"footnoteReference": "footnotes", "endnoteReference": "endnotes"}

# For each kind of formula its operands in order, with the mark before each.
_FORMULAS = {
    "f": (("", "num"), ("/", "den")),
    "sSup": (("", "e"), ("^", "sup")),
    "sSub": (("", "e"), ("_", "sub")),
    "sSubSup": (("", "e"), ("_", "sub"), ("^", "sup")),
    "nary": (("_", "sub"), ("^", "sup"), (" ", "e")),
    "d": (("", "e"),),
}


@dataclass(slots=True)
class Notes:
    """Footnotes and endnotes in the order in which the text refers to them; numbers count from 1."""

    numbers: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])

    def mark(self, kind: str, note_id: str) -> str:
        return f"[^{self.numbers.setdefault((kind, note_id), len(self.numbers) + 1)}]"


@dataclass(slots=True)
class Inline:
    """The pieces of one paragraph, and the text boxes that hang on it."""

    notes: Notes
    pieces: list[str] = field(default_factory=list[str])
    boxes: "list[Element]" = field(default_factory=list["Element"])

    @property
    def text(self) -> str:
        return evened("".join(self.pieces))

    def read(self, node: "Element") -> None:
        """Take in all that is below a node."""
        for inner in node:
            self._read_one(inner)

    def _read_one(self, node: "Element") -> None:
        match local(node):
            case name if name in _SILENT:
                return
            case "t":
                self.pieces.append(node.text or "")
            case name if name in _SIGNS:
                self.pieces.append(_SIGNS[name])
            case "footnoteReference" | "endnoteReference" as name:
                self.pieces.append(self.notes.mark(_NOTE_KINDS[name], attribute(node, "id")))
            case "AlternateContent":
                branch = chosen(node)
                if branch is not None:
                    self.read(branch)
            case "txbxContent":
                self.boxes.append(node)
            case name if name in _FORMULAS:
                self.pieces.append(self._formula(name, node))
            case _:
                self.read(node)

    def _formula(self, name: str, node: "Element") -> str:
        """OMML in one line, as one would type it: a^2, x_i, (n+1)/2."""
        sign = child(node, f"{name}Pr", "chr") if name == "nary" else None
        text = (attribute(sign, "val", "∫") if sign is not None else "∫") if name == "nary" else ""
        for mark, part in _FORMULAS[name]:
            operand = self._operand(node, part)
            if operand:
                text += f"{mark}({operand})" if mark.strip() and len(operand) > 1 else mark + operand
        return f"({text})" if name == "d" else text

    def _operand(self, node: "Element", part: str) -> str:
        inline = Inline(self.notes)
        for operand in children(node, part):
            inline.read(operand)
        text = inline.text
        return f"({text})" if part == "num" and len(text) > 1 else text
