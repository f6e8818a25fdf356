"""Reading order: a page is taken apart at the gutters between its columns of text."""

from collections.abc import Sequence
from itertools import pairwise

from assay_adapters.parsers.pdf_lines import rows_of
from assay_adapters.parsers.pdf_words import Word

_GUTTER = 0.8
_LEAST_LINES = 3
# Words a line has on average in running text; labels and values beside each other have fewer.
_LEAST_WORDS = 3.0
_MAX_DEPTH = 6

Span = tuple[float, float]


def columns_of(words: Sequence[Word], *, depth: int = 0) -> list[list[Word]]:
    """The words in groups in the order in which they are read; each group stands in one column."""
    if not words or depth > _MAX_DEPTH:
        return [list(words)] if words else []
    groups: list[list[Word]] = []
    plain: list[Word] = []
    for band, gutter in _bands(words):
        if gutter is None:
            plain += band
            continue
        if plain:
            groups.append(plain)
            plain = []
        middle = (gutter[0] + gutter[1]) / 2
        for side in ([w for w in band if w.centre < middle], [w for w in band if w.centre >= middle]):
            groups += columns_of(side, depth=depth + 1)
    return [*groups, plain] if plain else groups


def _bands(words: Sequence[Word]) -> list[tuple[list[Word], Span | None]]:
    """The words in bands from top to bottom, each with the gutter that runs through it or none."""
    strips = [(strip, _gaps(strip)) for strip in _strips(words)]
    bands: list[tuple[list[Word], Span | None]] = []
    i = 0
    while i < len(strips):
        end, gutter = _longest(strips, i)
        if gutter is None:
            bands.append((strips[i][0], None))
            i += 1
        else:
            bands.append(([word for strip, _ in strips[i:end] for word in strip], gutter))
            i = end
    return bands


def _strips(words: Sequence[Word]) -> list[list[Word]]:
    """Words parted wherever a level line can pass between them."""
    strips: list[list[Word]] = []
    bottom = float("-inf")
    for word in sorted(words, key=lambda word: word.top + 0.15 * (word.bottom - word.top)):
        # Boxes are as high as the font, and those of close lines overlap a little.
        if word.top + 0.15 * (word.bottom - word.top) >= bottom:
            strips.append([])
        strips[-1].append(word)
        bottom = max(bottom, word.bottom - 0.15 * (word.bottom - word.top))
    return strips


def _gaps(strip: Sequence[Word]) -> list[Span]:
    """Where a strip is empty from left to right, wide enough for a gutter; with the open sides."""
    least = _GUTTER * max(word.size for word in strip)
    gaps: list[Span] = []
    end = float("-inf")
    for word in sorted(strip, key=lambda word: word.left):
        if word.left - end >= least:
            gaps.append((end, word.left))
        end = max(end, word.right)
    return [*gaps, (end, float("inf"))]


def _longest(strips: Sequence[tuple[list[Word], list[Span]]], i: int) -> tuple[int, Span | None]:
    """The gutter from strip `i` on that runs down furthest, and the strip after its end."""
    best: tuple[int, Span | None] = (i, None)
    for gap in strips[i][1][1:-1] or strips[i][1]:
        end, span = i, gap
        least = _GUTTER * strips[i][0][0].size
        for j in range(i, len(strips)):
            narrowed = _narrowed(span, strips[j][1], least)
            if narrowed is None:
                break
            end, span = j + 1, narrowed
        if end > best[0] and span[0] > float("-inf") and span[1] < float("inf"):
            inside = [word for strip, _ in strips[i:end] for word in strip]
            if _divides_text(inside, span):
                best = (end, span)
    return best


def _narrowed(span: Span, gaps: Sequence[Span], least: float) -> Span | None:
    """The widest overlap of a span with one of the gaps; None where it is less than `least`."""
    found: Span | None = None
    for a, b in gaps:
        left, right = (a if a > span[0] else span[0]), (b if b < span[1] else span[1])
        if right - left >= least:
            found, least = (left, right), right - left
    return found


def _divides_text(words: Sequence[Word], gutter: Span) -> bool:
    """Whether there are lines of running text on both sides."""
    middle = (gutter[0] + gutter[1]) / 2
    return all(
        _is_text(side) for side in ([w for w in words if w.centre < middle], [w for w in words if w.centre >= middle])
    )


def _is_text(words: Sequence[Word]) -> bool:
    rows = rows_of(words)
    if len(rows) < _LEAST_LINES:
        return False
    dense = [sum(b.left - a.right for a, b in pairwise(row)) <= 0.35 * (row[-1].right - row[0].left) for row in rows]
    letters = sum(len(word.text) for word in words)
    wordy = len(words) >= _LEAST_WORDS * len(rows) or letters >= 18 * len(rows)
    return wordy and sum(dense) > 0.7 * len(rows)
