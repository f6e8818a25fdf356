"""The canonical text of formats that have none of their own: blocks, written like Markdown, with exact offsets."""

from collections.abc import Collection, Sequence

from assay_core.documents import Box, Element, ElementKind
from assay_core.tables import Table

from assay_adapters.parsers.decoding import without_controls
from assay_adapters.parsers.tables import MAX_LISTED_CELLS, Merged, TableDraft, pipe_table

_GAP = "\n\n"


class Canvas:
    """Takes blocks in reading order. `#` headings, `-` lists, pipe tables, a blank line between blocks.

    Blocks without text are passed over. A `page` counts from 1.
    """

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0
        self._elements: list[Element] = []
        self._cells_left = MAX_LISTED_CELLS

    @property
    def length(self) -> int:
        """Characters so far."""
        return self._length

    @property
    def next_start(self) -> int:
        """Where the text of the next block begins, unless that is a heading."""
        return self._length + (len(_GAP) if self._length else 0)

    def heading(self, text: str, level: int, *, page: int | None = None) -> None:
        """A heading of level 1 to 6; it becomes one line."""
        self.block(ElementKind.HEADING, " ".join(text.split()), page=page, level=min(max(level, 1), 6))

    def paragraph(self, text: str, *, page: int | None = None, kind: ElementKind = ElementKind.PARAGRAPH) -> None:
        """A paragraph, or another kind of block that is written like one; its line ends stay."""
        self.block(kind, text.strip(), page=page)

    def items(self, items: Sequence[tuple[int, str]], *, page: int | None = None) -> None:
        """A list: depth from 0, and text, which may begin with a number of its own."""
        lines = [f"{'  ' * depth}{_bullet(text)}" for depth, text in items if text.strip()]
        self.block(ElementKind.LIST, "\n".join(lines), page=page)

    def table(
        self,
        rows: Sequence[Sequence[str]],
        *,
        merged: Sequence[Merged] = (),
        header_rows: int = 1,
        header_cells: Collection[tuple[int, int]] = (),
        page: int | None = None,
        box: Box | None = None,
    ) -> None:
        """A table as pipe rows and as cells (see `pipe_table`)."""
        text, table = pipe_table(
            rows,
            start=self.next_start,
            merged=merged,
            header_rows=header_rows,
            header_cells=header_cells,
        )
        self.block(ElementKind.TABLE, text, page=page, box=box, table=table)

    def draft(self, draft: TableDraft, *, page: int | None = None) -> None:
        """A table from a draft; its first row is the head where none is said to be one."""
        self.table(
            draft.rows,
            merged=draft.merged,
            header_rows=draft.header_rows or 1,
            header_cells=draft.header_cells,
            page=page,
        )

    def code(self, text: str, *, page: int | None = None) -> None:
        """Text whose lines and blanks stay as they are."""
        self.block(ElementKind.CODE, text.strip("\n").rstrip(), page=page)

    def block(
        self,
        kind: ElementKind,
        text: str,
        *,
        page: int | None = None,
        level: int = 0,
        box: Box | None = None,
        table: Table | None = None,
    ) -> None:
        """A block of any kind; a `table` has offsets as if the block began after what is there and a blank line."""
        text = without_controls(text)
        if not text.strip():
            return
        self._append(_GAP if self._length else "")
        if kind is ElementKind.HEADING:
            self._append("#" * level + " ")
        start = self._length
        self._append(text)
        places = table.rows * table.columns if table is not None else 0
        table = table if places <= self._cells_left else None
        self._cells_left -= places if table is not None else 0
        self._elements.append(Element(kind, start, self._length, page=page, level=level, box=box, table=table))

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
