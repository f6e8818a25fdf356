"""The one builder of tables: places cells, spreads spanning ones, writes pipe rows, and keeps where each cell is."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from assay_core.tables import Cell, Table

from assay_adapters.parsers.decoding import without_controls

MAX_LISTED_CELLS = 200_000
"""Places of all tables of a document that are listed as cells; larger tables are in the text alone."""

# As many as a spreadsheet has.
_MAX_COLUMNS = 16_384
# What HTML allows; a cell that says more is no better read.
_MAX_COLUMN_SPAN = 1000
# Filling up short rows, and repeating what spans, may make a small table this large, and any other four times as large.
_MAX_FILLED_CELLS = 10_000


@dataclass(slots=True)
class Merged:
    """A cell that spans rows and columns from its first one on; all count from 0."""

    row: int
    column: int
    row_span: int = 1
    column_span: int = 1


@dataclass(slots=True)
class TableDraft:
    """Takes the cells of a table row by row, as markup names them.

    A cell goes to the first column that no cell from above reaches into, as in HTML, unless it says its column.
    """

    rows: list[list[str]] = field(default_factory=list[list[str]])
    merged: list[Merged] = field(default_factory=list[Merged])
    header_rows: int = 0
    header_cells: set[tuple[int, int]] = field(default_factory=set[tuple[int, int]])
    _column: int = 0
    _spread: int = 0
    _cells: int = 0
    _free_from: dict[int, int] = field(default_factory=dict[int, int])
    _last: dict[int, Merged] = field(default_factory=dict[int, Merged])

    @property
    def next_column(self) -> int:
        """Where the next cell of the row will stand."""
        return self._next_free(len(self.rows) - 1)

    def next_row(self, *, header: bool = False) -> None:
        """Begin a row. Heading rows count as long as only such ones came before."""
        if header and self.header_rows == len(self.rows):
            self.header_rows += 1
        self.rows.append([])
        self._column = 0

    def cell(
        self, text: str, *, row_span: int = 1, column_span: int = 1, header: bool = False, column: int | None = None
    ) -> None:
        """Add a cell to the row. Spans may reach beyond the table: they end with it."""
        row = len(self.rows) - 1
        at = self._next_free(row) if column is None else column
        at = self._put(row, at, text)
        span = Merged(row, at, max(row_span, 1), self._allowed(at, column_span))
        self._last[at] = span
        self._column = at + span.column_span
        if span.row_span > 1 or span.column_span > 1:
            self.merged.append(span)
            self._reserve(span)
        if header:
            self.header_cells.add((row, at))

    def goes_on_from_above(self, *, column_span: int = 1, column: int | None = None) -> None:
        """Add a place that belongs to the cell above it (Word, RTF); an empty cell where there is none."""
        row = len(self.rows) - 1
        at = self._column if column is None else column
        above = self._last.get(at)
        if above is None or above.row + above.row_span != row:
            self.cell("", column_span=column_span, column=at)
            return
        if above.row_span == above.column_span == 1:
            self.merged.append(above)
        above.row_span += 1
        self._column = at + above.column_span

    def goes_on_from_left(self) -> None:
        """Add a place that belongs to the cell before it in the row (RTF)."""
        row = len(self.rows) - 1
        before = next((span for span in self._last.values() if span.column + span.column_span == self._column), None)
        if before is None or not before.row <= row < before.row + before.row_span:
            self.cell("")
            return
        if before.row_span == before.column_span == 1:
            self.merged.append(before)
        before.column_span += 1
        self._column += 1

    def skip(self, columns: int) -> None:
        """Leave places of the row empty."""
        self._column = min(self._column + columns, _MAX_COLUMNS)

    def _put(self, row: int, column: int, text: str) -> int:
        """Returns the column: the last one there may be, or the next one where there were too many gaps already."""
        cells = self.rows[row]
        gap = max(0, column - len(cells))
        column = len(cells) if not self._affords(gap) else min(column, _MAX_COLUMNS - 1)
        cells.extend([""] * (column + 1 - len(cells)))
        cells[column] = f"{cells[column]} {text}" if cells[column] else text
        self._cells += 1
        return column

    def _affords(self, places: int) -> bool:
        """Whether the table may grow by places without a cell of their own: a small file must not make a large one."""
        if self._spread + places > max(_MAX_FILLED_CELLS, 4 * self._cells):
            return False
        self._spread += places
        return True

    def _next_free(self, row: int) -> int:
        column = self._column
        while self._free_from.get(column, 0) > row:
            column += 1
        return column

    def _allowed(self, column: int, span: int) -> int:
        span = max(1, min(span, _MAX_COLUMN_SPAN, _MAX_COLUMNS - column))
        return span if self._affords(span - 1) else 1

    def _reserve(self, span: Merged) -> None:
        if span.row_span > 1:
            for column in range(span.column, span.column + span.column_span):
                self._free_from[column] = max(self._free_from.get(column, 0), span.row + span.row_span)


def pipe_table(
    rows: Sequence[Sequence[str]],
    *,
    start: int,
    merged: Sequence[Merged] = (),
    header_rows: int = 1,
    header_cells: Collection[tuple[int, int]] = (),
) -> tuple[str, Table | None]:
    """The text of a table, and its cells with offsets into a text in which it begins at `start`.

    The first row stands above the rule. What spans rows or columns is repeated in each of them. Rows without text are
    left out; short ones are filled up unless that would inflate the table. The cells are None where they would be more
    than `MAX_LISTED_CELLS`, or rows are of different length.

    Args:
        rows: one line of cells a row; the places that a merged cell covers are empty or missing.
        header_rows: the leading rows that are headings.
        header_cells: row and column of further cells that are headings.
    """
    cells = [[" ".join(without_controls(cell).split()) for cell in row] for row in rows]
    spans = _spread(cells, merged)
    kept = [number for number, row in enumerate(cells) if any(row)]
    cells = [cells[number] for number in kept]
    if not cells:
        return "", None
    width = max(map(len, cells))
    inflates = width * len(cells) > max(_MAX_FILLED_CELLS, 4 * sum(map(len, cells)))
    for row in () if inflates else cells:
        row.extend([""] * (width - len(row)))
    text = "\n".join(_lines(cells))
    if inflates or width * len(cells) > MAX_LISTED_CELLS:
        return text, None
    numbers = {number: place for place, number in enumerate(kept)}
    heads = {(numbers[row], column) for row, column in header_cells if row in numbers}
    leading = sum(number < header_rows for number in kept)
    listed = _listed(cells, _renumbered(spans, numbers), heads, leading, start)
    return text, Table(len(cells), width, leading, tuple(listed))


def _spread(cells: list[list[str]], merged: Sequence[Merged]) -> list[Merged]:
    """Repeat the text of merged cells in all places that they cover. Returns those that overlap no other."""
    left = max(_MAX_FILLED_CELLS, 4 * sum(map(len, cells)))
    covered = set[tuple[int, int]]()
    spans: list[Merged] = []
    for span in merged:
        rows = min(span.row_span, len(cells) - span.row)
        left -= rows * span.column_span
        if left <= 0:
            break
        places = [(row, column) for row in range(span.row, span.row + rows) for column in _columns(span)]
        text = _at(cells, (span.row, span.column))
        taken = any(_at(cells, place) not in ("", text) for place in places)
        if taken or len(places) < 2 or not covered.isdisjoint(places):
            continue
        covered.update(places)
        spans.append(Merged(span.row, span.column, rows, span.column_span))
        for row, column in places:
            cells[row].extend([""] * (column + 1 - len(cells[row])))
            cells[row][column] = text
    return spans


def _columns(span: Merged) -> range:
    return range(span.column, span.column + span.column_span)


def _at(cells: list[list[str]], place: tuple[int, int]) -> str:
    row, column = place
    return cells[row][column] if column < len(cells[row]) else ""


def _renumbered(spans: list[Merged], numbers: dict[int, int]) -> Iterator[Merged]:
    """The spans among the rows that were kept."""
    for span in spans:
        rows = [numbers[row] for row in range(span.row, span.row + span.row_span) if row in numbers]
        if rows:
            yield Merged(rows[0], span.column, len(rows), span.column_span)


def _listed(
    cells: list[list[str]], spans: Iterator[Merged], heads: set[tuple[int, int]], header_rows: int, start: int
) -> Iterator[Cell]:
    by_place = {(row, column): span for span in spans for row in _rows(span) for column in _columns(span)}
    at = start
    for row, texts in enumerate(cells):
        for column, text in enumerate(texts):
            at += 2 if column == 0 else 3
            length = len(_escaped(text))
            span = by_place.get((row, column))
            if span is None or (span.row, span.column) == (row, column):
                head = row < header_rows or (row, column) in heads
                size = (span.row_span, span.column_span) if span is not None else (1, 1)
                yield Cell(row, column, at, at + length, *size, is_header=head)
            at += length
        at += len(" |\n")
        if row == 0 and len(cells) > 1:
            at += len(_rule(len(texts))) + 1


def _rows(span: Merged) -> range:
    return range(span.row, span.row + span.row_span)


def _lines(cells: list[list[str]]) -> Iterator[str]:
    for number, row in enumerate(cells):
        yield f"| {' | '.join(map(_escaped, row))} |"
        if number == 0 and len(cells) > 1:
            yield _rule(len(row))


def _rule(columns: int) -> str:
    return f"| {' | '.join(['---'] * columns)} |"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")
