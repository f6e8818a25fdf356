"""Words put together to lines."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from assay_core.documents import Box

from assay_adapters.parsers.pdf_words import SOFT_HYPHEN, Word

# Words whose middles are closer than this share of the smaller one's height stand in one line.
_LEVEL = 0.5
_RIGHT_TO_LEFT = ("\u0590", "\u08ff")


@dataclass(slots=True)
class Line:
    """A line of text; `size` is that of most of it, `bold` says that all of it is."""

    text: str
    box: Box
    size: float
    bold: bool


def rows_of(words: Iterable[Word]) -> list[list[Word]]:
    """Words that stand on one level, from top to bottom; each row from left to right."""
    rows: list[list[Word]] = []
    largest: Word | None = None
    for word in sorted(words, key=lambda word: word.top + word.bottom):
        # Measured against the largest word of the row: superscripts and subscripts stand off its middle.
        if largest is None or not _on_level(largest, word):
            rows.append([])
            largest = word
        rows[-1].append(word)
        if word.size > largest.size:
            largest = word
    for row in rows:
        row.sort(key=lambda word: word.left)
    return rows


def _on_level(largest: Word, word: Word) -> bool:
    height = min(largest.bottom - largest.top, word.bottom - word.top)
    overlap = min(largest.bottom, word.bottom) - max(largest.top, word.top)
    return overlap > _LEVEL * height


def line_of(row: Sequence[Word]) -> Line:
    """The text of a row; from right to left where that is how its script runs."""
    letters = "".join(word.text for word in row)
    backwards = sum(1 for c in letters if _RIGHT_TO_LEFT[0] <= c <= _RIGHT_TO_LEFT[1]) * 2 > len(letters)
    ordered = row[::-1] if backwards else row
    return Line(
        " ".join(word.text for word in ordered),
        box_around(word_box(word) for word in row),
        median(word.size for word in row for _ in word.text),
        all(word.bold for word in row),
    )


def joined_text(lines: Sequence[Line], known: "Known | None" = None, *, glue: str = "\n") -> str:
    """The text of lines; a word that is divided at the end of one goes on without its hyphen."""
    text = ""
    for line in lines:
        if not text:
            text = line.text
        elif text.endswith((SOFT_HYPHEN, "-", "\u2010")) and line.text[:1].islower() and text[-2:-1].isalpha():
            text = _mended(text, line.text, known)
        else:
            text = f"{text.rstrip(SOFT_HYPHEN)}{glue}{line.text}"
    return text.replace(SOFT_HYPHEN, "-")


class Known:
    """The words of a document: they tell whether a hyphen at a line's end belongs to the word."""

    def __init__(self) -> None:
        self._words: set[str] = set()

    def add(self, line: Line) -> None:
        self._words.update(word.strip(".,;:()") for word in line.text.split())

    def __contains__(self, word: str) -> bool:
        return word.strip(".,;:()") in self._words

    def has_compound(self, head: str, tail: str) -> bool:
        """Whether two words are written with a hyphen elsewhere, or stand as words of their own."""
        apart = len(head) > 2 and len(tail) > 2 and head in self and tail in self
        return apart or f"{head}-{tail}" in self


def _mended(text: str, following: str, known: Known | None) -> str:
    before = text[:-1]
    head, tail = before.split()[-1], following.split()[0]
    compound = known is not None and f"{head}{tail}" not in known and known.has_compound(head, tail)
    return f"{before}-{following}" if compound else before + following


def word_box(word: Word) -> Box:
    return Box(word.left, word.top, word.right, word.bottom)


def box_around(boxes: Iterable[Box]) -> Box:
    """The smallest box around some; there must be one."""
    sides = [(box.left, box.top, box.right, box.bottom) for box in boxes]
    lefts, tops, rights, bottoms = zip(*sides, strict=True)
    return Box(min(lefts), min(tops), max(rights), max(bottoms))
