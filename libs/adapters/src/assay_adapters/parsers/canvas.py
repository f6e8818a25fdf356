"""The canonical text of formats that have none of their own: blocks, written like Markdown, with exact offsets."""

from collections.abc import Sequence

from assay_core.documents import Element, ElementKind

from assay_adapters.parsers.decoding import without_controls

_MAX_FILLED_CELLS = 10_000


class Canvas:
    """Takes blocks in reading order. `#` headings, `-` lists, pipe tables, a blank line between blocks.

    Blocks without text are passed over. A `page` counts from 1.
    """

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0
        self._elements: list[Element] = []

    @property
    def length(self) -> int:
        """Characters so far."""
        return self._length

    def heading(self, text: str, level: int, *, page: int | None = None) -> None:
        """A heading of level 1 to 6; it becomes one line."""
        self.block(ElementKind.HEADING, " ".join(text.split()), page=page, level=min(max(level, 1), 6))

    def paragraph(self, text: str, *, page: int | None = None) -> None:
        """A paragraph; its line ends stay."""
        self.block(ElementKind.PARAGRAPH, text.strip(), page=page)

    def items(self, items: Sequence[tuple[int, str]], *, page: int | None = None) -> None:
        """A list: depth from 0, and text, which may begin with a number of its own."""
        lines = [f"{'  ' * depth}{_bullet(text)}" for depth, text in items if text.strip()]
        self.block(ElementKind.LIST, "\n".join(lines), page=page)

    def table(self, rows: Sequence[Sequence[str]], *, page: int | None = None) -> None:
        """A table as pipe rows, its first row as head. Rows without text are left out; short ones are filled up.

        Filling up may at most quadruple a large table: one wide row among many short ones must not inflate the text.
        """
        cells = [[" ".join(cell.split()) for cell in row] for row in rows]
        cells = [row for row in cells if any(row)]
        width = max(map(len, cells), default=0)
        if width * len(cells) > max(_MAX_FILLED_CELLS, 4 * sum(map(len, cells))):
            width = 0
        lines = [_pipe_row(row, width) for row in cells]
        if len(lines) > 1:
            lines.insert(1, _pipe_row(["---"] * (width or len(cells[0])), 0))
        self.block(ElementKind.TABLE, "\n".join(lines), page=page)

    def code(self, text: str, *, page: int | None = None) -> None:
        """Text whose lines and blanks stay as they are."""
        self.block(ElementKind.CODE, text.strip("\n").rstrip(), page=page)

    def block(self, kind: ElementKind, text: str, *, page: int | None = None, level: int = 0) -> None:
        """A block of any kind."""
        text = without_controls(text)
        if not text.strip():
            return
        self._append("\n\n" if self._length else "")
        if kind is ElementKind.HEADING:
            self._append("#" * level + " ")
        start = self._length
        self._append(text)
        self._elements.append(Element(kind, start, self._length, page=page, level=level))

    def finish(self) -> tuple[str, tuple[Element, ...]]:
        """The text and its elements."""
        return "".join(self._parts), tuple(self._elements)

    def _append(self, text: str) -> None:
        self._parts.append(text)
        self._length += len(text)


def evened(text: str) -> str:
    """The lines of a text with single blanks between words; empty lines are left out."""
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return "\n".join(line for line in lines if line)


def _bullet(text: str) -> str:
    line = " ".join(text.split())
    head = line.split(" ", 1)[0]
    numbered = len(head) > 1 and head[-1] in ".)" and head[:-1].isalnum() and len(head) <= 4
    return line if numbered else f"- {line}"


def _pipe_row(cells: Sequence[str], width: int) -> str:
    padded = [cell.replace("|", "\\|") for cell in cells] + [""] * (width - len(cells))
    return f"| {' | '.join(padded)} |"
