"""Tables without lines around their cells: words stand in columns, with gaps that run down all rows."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from assay_adapters.parsers.pdf_lines import box_around, rows_of, word_box
from assay_adapters.parsers.pdf_tables import FoundTable, cell_text, tidied
from assay_adapters.parsers.pdf_words import Word
from assay_adapters.parsers.tables import Merged

# In sizes of the font (em): a blank in running text is about 0.25 wide, one in a justified line up to 1.
_CELL_GAP = 1.3
_COLUMN_GAP = 0.5
_MOST_BETWEEN_ROWS = 3.2
_HEADING = 1.2
_SIGNS = frozenset("$€£¥₩₹")
_SIGN_GAP = 0.4
_MOST_CROSSING = 0.25
_MOST_WORDS_IN_CELL = 8
_TIGHT_EM = 1.6
_TIGHT_SHARE = 0.8
_MARK = re.compile(r"(?:[-*•◦‣–▪●○■□☐✓\uf0b7]|\(?[0-9a-zA-Z]{1,3}[.)])")

Row = list[Word]
Span = tuple[float, float]


@dataclass(slots=True)
class _Run:
    rows: list[Row]
    seeds: int


def aligned_tables(words: Sequence[Word]) -> list[tuple[FoundTable, list[Word]]]:
    """Tables with the words that are in them, from top to bottom."""
    found: list[tuple[FoundTable, list[Word]]] = []
    for run in _runs(rows_of(words)):
        table = _table(run)
        if table is not None:
            found.append((table, [word for row in run.rows for word in row]))
    return found


def _runs(rows: Sequence[Row]) -> Iterator[_Run]:
    """Rows in sequence of which most hold more than one cell; a row of one cell may stand among them."""
    run: list[Row] = []
    waiting: list[Row] = []
    seeds = 0
    for row in rows:
        last = waiting[-1] if waiting else run[-1] if run else None
        if last is not None and _parts(last, row):
            yield _Run(run, seeds)
            run, waiting, seeds = [], [], 0
        if len(pieces_of(row, _CELL_GAP)) > 1:
            run, waiting, seeds = [*run, *waiting, row], [], seeds + 1
        elif run and len(waiting) < 2:
            waiting.append(row)
        elif run:
            yield _Run(run, seeds)
            run, waiting, seeds = [], [], 0
    yield _Run(run, seeds)


def _parts(above: Row, below: Row) -> bool:
    """Whether a table ends between two rows: they are far apart, or a heading stands there."""
    if _distance(above, below) > _MOST_BETWEEN_ROWS * max(_size(above), _size(below)):
        return True
    heading = len(pieces_of(below, _CELL_GAP)) == 1 and _size(below) > _HEADING * _size(above)
    return heading or (len(pieces_of(above, _CELL_GAP)) == 1 and _size(above) > _HEADING * _size(below))


def _distance(above: Row, below: Row) -> float:
    return min(w.bottom for w in below) - max(w.bottom for w in above)


def _size(row: Row) -> float:
    return max(word.size for word in row)


def pieces_of(row: Row, gap_em: float) -> list[Row]:
    """Words of a row, parted at gaps of `gap_em` or more; the sign of a currency goes with the amount after it."""
    pieces: list[Row] = []
    end = float("-inf")
    for word in row:
        after_sign = bool(pieces) and pieces[-1][-1].text in _SIGNS
        far = word.left - end >= gap_em * word.size
        if (far and not after_sign) or (word.text in _SIGNS and word.left - end >= _SIGN_GAP * word.size):
            pieces.append([])
        pieces[-1].append(word)
        end = max(end, word.right)
    return pieces


def _table(run: _Run) -> FoundTable | None:
    if run.seeds < 2:
        return None
    gaps = _column_gaps(run.rows)
    if not gaps or (len(gaps) == 1 and run.seeds < 3):
        return None
    grid = [_placed(row, gaps) for row in run.rows]
    if not _looks_like_one(grid, len(gaps) + 1):
        return None
    box = box_around(word_box(word) for row in run.rows for word in row)
    rows: list[list[str]] = []
    merged: list[Merged] = []
    for group in _rows_together(run.rows):
        cells: dict[tuple[int, int], list[Word]] = {}
        for i in group:
            for first, last, words in grid[i]:
                cells.setdefault((first, last), []).extend(words)
        texts = [""] * (len(gaps) + 1)
        for (first, last), words in sorted(cells.items()):
            texts[first] = f"{texts[first]} {cell_text(words)}".strip()
            if last > first and not any(a > first and a <= last for a, _ in cells):
                merged.append(Merged(len(rows), first, 1, last - first + 1))
        rows.append(texts)
    return tidied(FoundTable(rows, merged, box))


def _column_gaps(rows: Sequence[Row]) -> list[Span]:
    """The gaps between columns: strips that hardly a row crosses, with words on both sides."""
    em = median(word.size for row in rows for word in row)
    pieces = [[(piece[0].left, max(w.right for w in piece)) for piece in pieces_of(row, _COLUMN_GAP)] for row in rows]
    edges = sorted({edge for row in pieces for piece in row for edge in piece})
    allowed = int(_MOST_CROSSING * len(rows)) if len(rows) > 3 else 0
    strips: list[list[tuple[float, float, int]]] = []
    for left, right in pairwise(edges):
        crossing = sum(1 for row in pieces if any(a < right and b > left for a, b in row))
        if crossing <= allowed:
            if not strips or strips[-1][-1][1] != left:
                strips.append([])
            strips[-1].append((left, right, crossing))
    least = (0.4 if len(rows) > 4 else 0.6 if len(rows) > 2 else 0.9) * em
    wide = [_clearest(strip) for strip in strips if strip[-1][1] - strip[0][0] >= least]
    return _that_part(pieces, wide)


def _clearest(strip: Sequence[tuple[float, float, int]]) -> Span:
    """The part of a strip that the fewest rows cross."""
    fewest = min(crossing for left, right, crossing in strip if right > left)
    parts = [(left, right) for left, right, crossing in strip if crossing == fewest]
    return max(parts, key=lambda part: part[1] - part[0])


def _that_part(rows: Sequence[Sequence[Span]], gaps: Sequence[Span]) -> list[Span]:
    """Gaps that divide columns; one between a sign and its amount divides but the rows that have no sign."""
    kept = list(gaps)
    while kept:
        doubts = [_doubt(rows, kept, i) for i in range(len(kept))]
        worst = max(range(len(kept)), key=doubts.__getitem__)
        if doubts[worst] < 0:
            break
        del kept[worst]
    return kept


def _doubt(rows: Sequence[Sequence[Span]], gaps: Sequence[Span], i: int) -> int:
    """How many more rows reach over a gap than there are in the emptier column beside it; below 0 if it divides."""
    start = gaps[i - 1][1] if i else float("-inf")
    end = gaps[i + 1][0] if i + 1 < len(gaps) else float("inf")
    left, right = gaps[i]
    crossing = sum(1 for row in rows if any(a < left and b > right for a, b in row))
    before = [any(start < b <= right for _, b in row) for row in rows]
    after = [any(left <= a < end for a, _ in row) for row in rows]
    if any(x and y for x, y in zip(before, after, strict=True)):
        return -1
    return crossing - min(sum(before), sum(after)) if crossing or not (any(before) and any(after)) else -1


def _placed(row: Row, gaps: Sequence[Span]) -> list[tuple[int, int, list[Word]]]:
    """Pieces of a row with the first and the last column that they stand in."""
    placed: list[tuple[int, int, list[Word]]] = []
    for piece in pieces_of(row, _COLUMN_GAP):
        left, right = piece[0].left, max(word.right for word in piece)
        first = sum(1 for gap in gaps if (gap[0] + gap[1]) / 2 <= left)
        last = max(first, sum(1 for gap in gaps if (gap[0] + gap[1]) / 2 < right))
        if placed and placed[-1][1] >= first:
            before = placed.pop()
            placed.append((before[0], max(before[1], last), before[2] + piece))
        else:
            placed.append((first, last, piece))
    return placed


def _looks_like_one(grid: Sequence[Sequence[tuple[int, int, list[Word]]]], columns: int) -> bool:
    """Not a list with its marks in front, nor running text in columns."""
    firsts = [" ".join(w.text for w in cells[0][2]) for cells in grid if cells and cells[0][0] == 0]
    if columns == 2 and sum(1 for text in firsts if _MARK.fullmatch(text)) > 0.5 * len(firsts):
        return False
    lengths = [len(words) for cells in grid for first, _, words in cells if first > 0]
    return bool(lengths) and median(lengths) <= _MOST_WORDS_IN_CELL and sum(lengths) <= 6 * len(lengths)


def _rows_together(rows: Sequence[Row]) -> list[list[int]]:
    """Indices of lines of text that make one row: they are closer to each other than rows are."""
    groups: list[list[int]] = [[0]]
    pitches = [_distance(a, b) / max(_size(a), _size(b)) for a, b in pairwise(rows)]
    usual = median(pitches) if pitches else 0.0
    for i, pitch in enumerate(pitches, 1):
        if pitch <= min(_TIGHT_EM, _TIGHT_SHARE * usual):
            groups[-1].append(i)
        else:
            groups.append([i])
    return groups
