"""Sheets and data files as tables: which cells of a sheet belong together."""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from assay_adapters.parsers.canvas import Canvas
from assay_adapters.parsers.limits import ParseLimits
from assay_adapters.parsers.tables import Merged

# What a cell costs in the text beside its own characters: " | ".
_CELL_CHARS = 3
# Regions within regions: people's sheets have two or three levels of them.
_MAX_DEPTH = 8
# Merged cells may fill that many places for each cell with text, and in any sheet that many.
_MAX_SPREAD, _MIN_SPREAD = 10, 10_000


class SheetRow(NamedTuple):
    """A row as (column, text), and the rows and columns that its merged cells span, by their column."""

    cells: Iterable[tuple[int, str]]
    spans: Mapping[int, tuple[int, int]] = {}


class _Row(NamedTuple):
    number: int
    cells: dict[int, str]


class SheetWriter:
    """Writes sheets to a canvas, within the limit of characters.

    Blank rows part a sheet into blocks; blocks over the same columns are one table. Blank columns part a block into
    tables unless what is on both sides begins and ends in the same rows: then they only space it out. A cell that
    stands alone is a paragraph. Columns without any text are left out.
    """

    def __init__(self, canvas: Canvas, *, name: str, limits: ParseLimits) -> None:
        self._canvas = canvas
        self._name = name
        self._limits = limits

    def write(self, rows: Iterable[SheetRow]) -> None:
        """Write one sheet from its rows in order, blank ones included."""
        spread = _Spread()
        for block in _blocks(self._filled(rows, spread)):
            for region in _regions(block, _MAX_DEPTH):
                self._write_region(region, spread.spans)

    def write_data(self, rows: Iterable[Iterable[tuple[int, str]]]) -> None:
        """Write a data file, all of which is one table."""
        filled = list(self._filled(map(SheetRow, rows), _Spread()))
        if filled:
            self._write_region(filled, {})

    def _filled(self, rows: Iterable[SheetRow], spread: "_Spread") -> Iterator[_Row]:
        """The rows with text, merged cells filled."""
        chars = self._canvas.length
        for number, row in enumerate(rows):
            cells = {column: text for column, text in row.cells if text and not text.isspace()}
            spread.fill(number, cells, row.spans)
            if cells:
                chars += sum(len(text) + _CELL_CHARS for text in cells.values())
                self._limits.check_chars(self._name, chars)
                yield _Row(number, cells)

    def _write_region(self, rows: list[_Row], spans: Mapping[tuple[int, int], Merged]) -> None:
        first, *more = rows
        texts = set(first.cells.values())
        if not more and len(texts) == 1 and (len(first.cells) == 1 or (first.number, min(first.cells)) in spans):
            self._canvas.paragraph(texts.pop())
            return
        columns = sorted({column for row in rows for column in row.cells})
        self._limits.check_chars(self._name, self._canvas.length + _CELL_CHARS * len(columns) * len(rows))
        self._canvas.table(
            [[row.cells.get(column, "") for column in columns] for row in rows],
            merged=list(_merged(rows, columns, spans)),
        )


class _Spread:
    """Fills the places of merged cells with their text, as far as a sheet may grow by that."""

    def __init__(self) -> None:
        self.spans: dict[tuple[int, int], Merged] = {}
        self._open: list[tuple[Merged, str]] = []
        self._left = _MIN_SPREAD

    def fill(self, number: int, cells: dict[int, str], spans: Mapping[int, tuple[int, int]]) -> None:
        self._left += _MAX_SPREAD * len(cells)
        for column, (row_span, column_span) in spans.items():
            if (text := cells.get(column)) and row_span * column_span > 1:
                span = Merged(number, column, row_span, column_span)
                self.spans[number, column] = span
                self._open.append((span, text))
        self._open = [(span, text) for span, text in self._open if number < span.row + span.row_span]
        for span, text in self._open:
            if span.column_span <= self._left:
                self._left -= span.column_span
                for column in range(span.column, span.column + span.column_span):
                    cells.setdefault(column, text)


def _blocks(rows: Iterable[_Row]) -> Iterator[list[_Row]]:
    """Runs of neighbouring rows; those over the same columns are joined."""
    previous: list[_Row] = []
    for run in _runs(rows):
        if previous and _goes_on(previous, run):
            previous += run
            continue
        if previous:
            yield previous
        previous = run
    if previous:
        yield previous


def _runs(rows: Iterable[_Row]) -> Iterator[list[_Row]]:
    run: list[_Row] = []
    for row in rows:
        if run and row.number != run[-1].number + 1:
            yield run
            run = []
        run.append(row)
    if run:
        yield run


def _goes_on(before: list[_Row], after: list[_Row]) -> bool:
    return _width(before) == _width(after) and not (_is_remark(before) or _is_remark(after))


def _width(rows: list[_Row]) -> tuple[int, int]:
    return min(min(row.cells) for row in rows), max(max(row.cells) for row in rows)


def _is_remark(rows: list[_Row]) -> bool:
    return len(rows) == 1 and len(set(rows[0].cells.values())) == 1


def _regions(rows: list[_Row], depth: int) -> Iterator[list[_Row]]:
    """The tables of a block, from left to right."""
    groups = _column_groups(rows)
    if len(groups) == 1 or depth == 0:
        yield rows
        return
    for first, last in groups:
        inside = [_Row(row.number, {c: row.cells[c] for c in row.cells if first <= c <= last}) for row in rows]
        for block in _blocks(row for row in inside if row.cells):
            yield from _regions(block, depth - 1)


def _column_groups(rows: list[_Row]) -> list[tuple[int, int]]:
    """The first and last columns of groups that blank columns part, and that do not lie in the same rows."""
    ends: dict[int, tuple[int, int]] = {}
    for row in rows:
        for column in row.cells:
            ends[column] = (ends[column][0] if column in ends else row.number, row.number)
    groups: list[tuple[int, int]] = []
    heights: list[tuple[int, int]] = []
    for column in sorted(ends):
        if groups and column == groups[-1][1] + 1:
            groups[-1] = (groups[-1][0], column)
            heights[-1] = (min(heights[-1][0], ends[column][0]), max(heights[-1][1], ends[column][1]))
        else:
            groups.append((column, column))
            heights.append(ends[column])
    return _joined(groups, heights)


def _joined(groups: list[tuple[int, int]], heights: list[tuple[int, int]]) -> list[tuple[int, int]]:
    joined = groups[:1]
    for before, group, height in zip(heights, groups[1:], heights[1:], strict=False):
        if before == height:
            joined[-1] = (joined[-1][0], group[1])
        else:
            joined.append(group)
    return joined


def _merged(rows: list[_Row], columns: list[int], spans: Mapping[tuple[int, int], Merged]) -> Iterator[Merged]:
    """The merged cells of a region, in the rows and columns that are written."""
    if not spans:
        return
    row_at = {row.number: at for at, row in enumerate(rows)}
    column_at = {column: at for at, column in enumerate(columns)}
    for row in rows:
        for column in row.cells:
            span = spans.get((row.number, column))
            if span is not None:
                height = sum(number in row_at for number in range(span.row, span.row + min(span.row_span, len(rows))))
                width = sum(c in column_at for c in range(span.column, span.column + span.column_span))
                yield Merged(row_at[row.number], column_at[column], height, width)
