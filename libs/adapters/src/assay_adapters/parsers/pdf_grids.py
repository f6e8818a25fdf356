"""Ruled tables: cells are what level and upright lines enclose."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from assay_core.documents import Box

from assay_adapters.parsers.pdf_aligned import pieces_of
from assay_adapters.parsers.pdf_lines import rows_of
from assay_adapters.parsers.pdf_rules import Rule, Rules
from assay_adapters.parsers.pdf_tables import FoundTable, cell_text, count_amounts, tidied
from assay_adapters.parsers.pdf_words import Word
from assay_adapters.parsers.tables import Merged

_TOUCH = 3.0
_COVERS = 0.6
_LEAST_CELLS = 4
_LEAST_FILLED = 0.3
# A frame around a page is no table: its one large cell holds most of what there is.
_MOST_IN_ONE = 0.6
_WIDE_GAP = 2.0
_MOST_PARTED = 0.15
_MAX_RULES = 1000
_MAX_PLACES = 20_000

Place = tuple[int, int]


@dataclass(slots=True)
class _Grid:
    """Where its lines stand, and which lines there are."""

    xs: list[float]
    ys: list[float]
    level: list[Rule]
    upright: list[Rule]

    @property
    def box(self) -> Box:
        return Box(self.xs[0], self.ys[0], self.xs[-1], self.ys[-1])


def ruled_tables(words: Sequence[Word], rules: Rules) -> list[FoundTable]:
    """The tables that lines enclose, from top to bottom."""
    found = [table for grid in _grids(rules) if (table := _table(grid, words)) is not None]
    return sorted(found, key=lambda table: table.box.top)


def _grids(rules: Rules) -> Iterator[_Grid]:
    """Groups of lines that meet, each with two or more columns and rows."""
    if len(rules.level) + len(rules.upright) > _MAX_RULES:
        return
    for strokes in _groups(rules):
        level, upright = _with_edges(*strokes, rules)
        xs = _places([rule.at for rule in upright] + [end for rule in level for end in (rule.start, rule.end)])
        ys = _places([rule.at for rule in level] + [end for rule in upright for end in (rule.start, rule.end)])
        if len(xs) >= 3 and len(ys) >= 2 and (len(xs) - 1) * (len(ys) - 1) <= _MAX_PLACES:
            yield _Grid(xs, ys, level, upright)


def _with_edges(level: list[Rule], upright: list[Rule], rules: Rules) -> tuple[list[Rule], list[Rule]]:
    """Lines of a table, and the edges of shades within it: a head is often set off by its colour alone."""
    left, right = min(r.start for r in level), max(r.end for r in level)
    top, bottom = min(r.start for r in upright), max(r.end for r in upright)
    floors = [r for r in rules.level_edges if top < r.at < bottom and _within(r, left, right)]
    walls = [r for r in rules.upright_edges if left < r.at < right and _within(r, top, bottom)]
    return [*level, *floors], [*upright, *walls]


def _within(rule: Rule, start: float, end: float) -> bool:
    return start - _TOUCH <= rule.start and rule.end <= end + _TOUCH


def _groups(rules: Rules) -> list[tuple[list[Rule], list[Rule]]]:
    parents = list(range(len(rules.level) + len(rules.upright)))

    def root(i: int) -> int:
        while parents[i] != i:
            parents[i] = parents[parents[i]]
            i = parents[i]
        return i

    for i, level in enumerate(rules.level):
        for j, upright in enumerate(rules.upright, len(rules.level)):
            if _meet(level, upright):
                parents[root(i)] = root(j)
    groups: dict[int, tuple[list[Rule], list[Rule]]] = defaultdict(lambda: ([], []))
    for i, rule in enumerate([*rules.level, *rules.upright]):
        groups[root(i)][0 if i < len(rules.level) else 1].append(rule)
    return [group for group in groups.values() if group[0] and group[1]]


def _meet(level: Rule, upright: Rule) -> bool:
    across = level.start - _TOUCH <= upright.at <= level.end + _TOUCH
    return across and upright.start - _TOUCH <= level.at <= upright.end + _TOUCH


def _places(values: Sequence[float]) -> list[float]:
    """Values that are nearly the same, as one."""
    places: list[list[float]] = []
    for value in sorted(values):
        if places and value - places[-1][-1] <= _TOUCH:
            places[-1].append(value)
        else:
            places.append([value])
    return [sum(group) / len(group) for group in places]


def _table(grid: _Grid, words: Sequence[Word]) -> FoundTable | None:
    inside = _by_place(grid, words)
    if not inside:
        return None
    spans = list(_cells(grid))
    filled: list[tuple[Merged, list[Word]]] = []
    for span in spans:
        own = [w for place in _covered(span) for w in inside.get(place, ())]
        filled.append((span, own))
    full = [own for _, own in filled if own]
    total = sum(map(len, full))
    by_row = Counter(span.row for span, own in filled if own)
    beside = sum(1 for cells in by_row.values() if cells > 1)
    if len(full) < _LEAST_CELLS or 2 * beside < len(by_row) or len(full) < _LEAST_FILLED * len(spans):
        return None
    if max(map(len, full)) > max(_MOST_IN_ONE * total, 30) or _leaves_columns(full):
        return None
    table = _split(grid, filled)
    # Lines under totals and between pages of a statement enclose whole columns of amounts: those are no cells.
    least = 2 if len(table.rows) <= 2 else 3
    return None if any(count_amounts(cell) >= least for row in table.rows for cell in row) else table


def _leaves_columns(cells: Sequence[Sequence[Word]]) -> bool:
    """Whether its lines are but ornaments: cells hold several lines with columns of their own."""
    parted = sum(1 for words in cells for row in rows_of(words) if len(pieces_of(row, _WIDE_GAP)) > 1)
    return parted > max(2, _MOST_PARTED * len(cells))


def _by_place(grid: _Grid, words: Sequence[Word]) -> dict[Place, list[Word]]:
    box = grid.box
    inside: dict[Place, list[Word]] = defaultdict(list)
    for word in words:
        if box.left <= word.centre <= box.right and box.top <= word.middle <= box.bottom:
            inside[_slot(grid.ys, word.middle), _slot(grid.xs, word.centre)].append(word)
    return inside


def _slot(places: Sequence[float], value: float) -> int:
    return next((i for i, (a, b) in enumerate(pairwise(places)) if a <= value <= b), len(places) - 2)


def _covered(span: Merged) -> Iterator[Place]:
    for row in range(span.row, span.row + span.row_span):
        for column in range(span.column, span.column + span.column_span):
            yield row, column


def _cells(grid: _Grid) -> Iterator[Merged]:
    """Places that no line divides, as one cell; a cell is always a rectangle."""
    taken: set[Place] = set()
    rows, columns = len(grid.ys) - 1, len(grid.xs) - 1
    walls = {(r, c) for r in range(rows) for c in range(1, columns) if _wall(grid.upright, grid.xs[c], grid.ys, r)}
    floors = {(r, c) for r in range(1, rows) for c in range(columns) if _wall(grid.level, grid.ys[r], grid.xs, c)}
    for row in range(rows):
        for column in range(columns):
            if (row, column) in taken:
                continue
            wide = 1
            while column + wide < columns and (row, column + wide) not in walls | taken:
                wide += 1
            high = 1
            while (
                row + high < rows
                and all(
                    (row + high, c) not in floors and (row + high, c) not in taken for c in range(column, column + wide)
                )
                and all((row + high, c) not in walls for c in range(column + 1, column + wide))
            ):
                high += 1
            span = Merged(row, column, high, wide)
            taken.update(_covered(span))
            yield span


def _wall(rules: Sequence[Rule], at: float, places: Sequence[float], i: int) -> bool:
    """Whether lines at `at` cover most of the way between two neighbouring places."""
    start, end = places[i], places[i + 1]
    covered = sum(
        max(0.0, min(rule.end, end) - max(rule.start, start)) for rule in rules if abs(rule.at - at) <= _TOUCH
    )
    return covered >= _COVERS * (end - start)


def _split(grid: _Grid, filled: Sequence[tuple[Merged, list[Word]]]) -> FoundTable:
    """The table; a row without lines of its own between its lines of text is divided into them."""
    starts: list[float] = []
    for row, (top, bottom) in enumerate(pairwise(grid.ys)):
        own = [words for span, words in filled if span.row <= row < span.row + span.row_span and span.row_span == 1]
        starts += [top, *_cuts(own, top, bottom)]
    starts.append(grid.ys[-1])
    rows: list[list[str]] = [[""] * (len(grid.xs) - 1) for _ in starts[:-1]]
    merged: list[Merged] = []
    for span, words in filled:
        top, bottom = grid.ys[span.row], grid.ys[span.row + span.row_span]
        covered = [i for i, (a, b) in enumerate(pairwise(starts)) if top <= (a + b) / 2 <= bottom]
        if span.row_span > 1 or len(covered) == 1:
            rows[covered[0]][span.column] = cell_text(words)
            if len(covered) > 1 or span.column_span > 1:
                merged.append(Merged(covered[0], span.column, len(covered), span.column_span))
            continue
        for i in covered:
            rows[i][span.column] = cell_text([w for w in words if starts[i] <= w.middle < starts[i + 1]])
            if span.column_span > 1:
                merged.append(Merged(i, span.column, 1, span.column_span))
    return tidied(FoundTable(rows, merged, grid.box))


def _cuts(cells: Sequence[Sequence[Word]], top: float, bottom: float) -> list[float]:
    """Where a row is divided: three or more lines of text that stand level in most of its cells."""
    lines = [[(row[0].top, row[0].bottom) for row in rows_of(words)] for words in cells if words]
    if len(lines) < 2:
        return []
    longest = max(lines, key=len)
    level = sum(1 for own in lines if len(own) == len(longest) and _are_level(own, longest))
    if len(longest) < 3 or level < max(2, 0.7 * len(lines)):
        return []
    return [min(max((a[1] + b[0]) / 2, top), bottom) for a, b in pairwise(longest)]


def _are_level(one: Sequence[tuple[float, float]], other: Sequence[tuple[float, float]]) -> bool:
    return all(abs(a - b) <= _TOUCH for (a, _), (b, _) in zip(one, other, strict=True))
