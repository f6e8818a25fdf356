from collections.abc import Iterator
from typing import TYPE_CHECKING

from assay_core.documents import Element, ElementKind

from assay_adapters.parsers.canvas import Canvas
from assay_adapters.parsers.html_tables import is_data_table, table_draft

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_LISTS = frozenset({"ul", "ol", "menu"})
_INLINE_TAGS = """
    a abbr acronym b bdi bdo big cite code data del dfn em font i img ins kbd label mark nobr q rp rt ruby s samp
    small span strike strong sub sup time tt u var wbr picture source math input
"""
_INLINE = frozenset(_INLINE_TAGS.split())
_BREAK = "\0"  # cannot come out of decoded HTML


class BlockWriter:
    """Writes a tree of HTML as blocks of text with exact offsets.

    The walk keeps its own stack: hostile pages nest deeper than Python may recurse.
    """

    def __init__(self, *, skipped: frozenset[int]) -> None:
        self._skipped = skipped
        self._canvas = Canvas()
        self._inline: list[str] = []
        self._lists: list[int | None] = []
        self._list_lines: list[str] = []
        self._marker = ""

    def write(self, root: "LexborNode") -> None:
        stack: list[tuple[LexborNode, bool]] = [(root, False)]
        while stack:
            node, leaving = stack.pop()
            if leaving:
                self._leave(node)
            elif self._enter(node):
                stack.append((node, True))
                children = list(node.iter(include_text=True))
                stack.extend((child, False) for child in reversed(children))

    def finish(self) -> tuple[str, tuple[Element, ...]]:
        self._flush()
        return self._canvas.finish()

    def _enter(self, node: "LexborNode") -> bool:
        """Take in the start of a node. Returns whether its children are still to be walked."""
        if node.is_text_node:
            self._inline.append(node.text_content or "")
            return False
        tag = node.tag or "-"
        if tag.startswith(("-", "!")) or node.mem_id in self._skipped:
            return False
        if tag in _INLINE:
            return True
        if tag == "br":
            self._inline.append(_BREAK)
            return False
        if tag in ("dt", "dd") and self._lists:
            self._inline.append(" ")
            return True
        self._flush()
        match tag:
            case "pre" | "listing" | "xmp":
                self._verbatim(node)
                return False
            case "table" if is_data_table(node):
                self._table(node)
                return False
            case _ if tag in _LISTS:
                self._lists.append(_first_number(node) if tag == "ol" else None)
            case "li" if self._lists:
                self._open_item(self._lists[-1])
            case _:
                pass
        return True

    def _leave(self, node: "LexborNode") -> None:
        tag = node.tag or ""
        if tag in _INLINE:
            return
        level = _HEADINGS.get(tag, 0)
        if level and not self._lists:
            self._flush(ElementKind.HEADING, level)
            return
        self._flush()
        if tag in _LISTS and self._lists:
            self._lists.pop()
            if not self._lists:
                self._emit(ElementKind.LIST, "\n".join(self._list_lines))
                self._list_lines = []
                self._marker = ""

    def _open_item(self, number: int | None) -> None:
        self._marker = "- " if number is None else f"{number}. "
        if number is not None:
            self._lists[-1] = number + 1

    def _flush(self, kind: ElementKind = ElementKind.PARAGRAPH, level: int = 0) -> None:
        lines = (" ".join(line.split()) for line in _unwrapped(self._inline))
        text = "\n".join(line for line in lines if line)
        self._inline = []
        if not text:
            return
        if self._lists:
            self._add_list_lines(text)
        elif level:
            self._emit(kind, text.replace("\n", " "), level)
        else:
            self._emit(kind, text)

    def _add_list_lines(self, text: str) -> None:
        indent = "  " * (len(self._lists) - 1)
        for line in text.split("\n"):
            self._list_lines.append(indent + (self._marker or "  ") + line)
            self._marker = ""

    def _verbatim(self, node: "LexborNode") -> None:
        text = self._text_of(node).strip("\n").rstrip()
        if self._lists and text:
            self._add_list_lines(text)
        else:
            self._canvas.code(text)

    def _table(self, table: "LexborNode") -> None:
        for caption in (node for node in table.iter() if node.tag == "caption"):
            self._inline.append(self._text_of(caption))
            self._flush(ElementKind.CAPTION)
        draft = table_draft(table, self._text_of, skipped=self._skipped)
        if not self._lists:
            self._canvas.draft(draft)
        elif lines := [" | ".join(" ".join(cell.split()) for cell in row) for row in draft.rows if any(row)]:
            self._add_list_lines("\n".join(lines))

    def _text_of(self, node: "LexborNode") -> str:
        """All text below a node, as it stands; blocks, items and breaks inside it are kept apart by line ends."""
        pieces: list[str] = []
        stack: list[tuple[LexborNode, str]] = [(node, "")]
        while stack:
            inner, marker = stack.pop()
            tag = inner.tag or "-"
            if inner.is_text_node:
                pieces.append(inner.text_content or "")
            elif not tag.startswith("-") and inner.mem_id not in self._skipped:
                if tag == "br" or (pieces and tag not in _INLINE):
                    pieces.append("\n")
                pieces.extend([marker] if marker else [])
                children = list(inner.iter(include_text=True))
                first = _first_number(inner) if tag == "ol" else 0
                stack.extend(reversed(list(zip(children, _markers(children, tag, first), strict=True))))
        return "".join(pieces)

    def _emit(self, kind: ElementKind, text: str, level: int = 0) -> None:
        self._canvas.block(kind, text, level=level)


def _unwrapped(pieces: list[str]) -> list[str]:
    """Lines of inline text: a source line end is a space, `<br>` (a piece of its own) is a line end."""
    lines = [""]
    for piece in pieces:
        if piece == _BREAK:
            lines.append("")
        else:
            lines[-1] += piece
    return lines


def _first_number(node: "LexborNode") -> int:
    start = node.attributes.get("start") or "1"
    return int(start) if start.isdecimal() and len(start) < 10 else 1


def _markers(children: "list[LexborNode]", tag: str, first: int) -> Iterator[str]:
    """What stands before each child: a bullet or number for the items of a list."""
    number = first
    for child in children:
        if child.tag != "li" or tag not in _LISTS:
            yield ""
        elif tag == "ol":
            yield f"{number}. "
            number += 1
        else:
            yield "- "
