"""Rows of spreadsheets and data files as tables."""

import sys
from collections.abc import Iterable, Sequence

from assay_adapters.parsers.canvas import Canvas
from assay_adapters.parsers.limits import ParseLimits

# What a cell costs in the text beside its own characters: " | ".
_CELL_CHARS = 3


def write_table(
    canvas: Canvas, rows: Sequence[Sequence[str]], *, name: str, limits: ParseLimits, page: int | None = None
) -> None:
    """Write a table unless filling up its short rows would go beyond the limit: one wide row widens them all."""
    width = max(map(len, rows), default=0)
    limits.check_chars(name, canvas.length + _CELL_CHARS * width * len(rows))
    canvas.table(rows, page=page)


class _Block:
    """Neighbouring rows, each as text by column, and the first and last column of them."""

    def __init__(self) -> None:
        self.rows: list[dict[int, str]] = []
        self.span = (sys.maxsize, -1)

    @property
    def is_remark(self) -> bool:
        """One cell alone is a title or a remark."""
        return len(self.rows) == 1 and len(self.rows[0]) == 1

    def add(self, row: dict[int, str]) -> None:
        self.rows.append(row)
        self.span = (min(self.span[0], *row), max(self.span[1], *row))

    def goes_on_in(self, other: "_Block") -> bool:
        return self.span == other.span and not (self.is_remark or other.is_remark)


class SheetWriter:
    """Writes sheets to a canvas, within the limit of characters.

    Blank rows part a sheet into blocks. Blocks over the same columns are one table; a cell that stands alone is a
    paragraph. Columns without any text are left out.
    """

    def __init__(self, canvas: Canvas, *, name: str, limits: ParseLimits) -> None:
        self._canvas = canvas
        self._name = name
        self._limits = limits

    def write(self, rows: Iterable[Iterable[tuple[int, str]]]) -> None:
        """Write one sheet from its rows of (column, text), in order, blank ones included."""
        previous: _Block | None = None
        for block in self._blocks(rows):
            if previous is not None and previous.goes_on_in(block):
                previous.rows += block.rows
                continue
            self._write_block(previous)
            previous = block
        self._write_block(previous)

    def _blocks(self, rows: Iterable[Iterable[tuple[int, str]]]) -> Iterable[_Block]:
        chars = self._canvas.length
        block = _Block()
        for row in rows:
            cells = {column: text for column, text in row if text and not text.isspace()}
            if cells:
                chars += sum(len(text) + _CELL_CHARS for text in cells.values())
                self._limits.check_chars(self._name, chars)
                block.add(cells)
            elif block.rows:
                yield block
                block = _Block()
        if block.rows:
            yield block

    def _write_block(self, block: _Block | None) -> None:
        if block is None:
            return
        if block.is_remark:
            self._canvas.paragraph(*block.rows[0].values())
            return
        columns = sorted({column for row in block.rows for column in row})
        self._limits.check_chars(self._name, self._canvas.length + _CELL_CHARS * len(columns) * len(block.rows))
        rows = [[row.get(column, "") for column in columns] for row in block.rows]
        write_table(self._canvas, rows, name=self._name, limits=self._limits)
