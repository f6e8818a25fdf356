"""Words of a question that a collection does not know, and the words of its passages that were meant.

Which words may be corrected is decided here, and which of the words in given passages is the likeliest. Which passages
are looked at, and who may read them, is the caller's part: a correction never comes from anywhere else.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from assay_core.wording import plain

MIN_LETTERS = 5
MAX_LETTERS = 32
MAX_SUSPECTS = 4
MAX_CANDIDATES = 8
_TWO_EDITS_FROM = 10
_QUOTED = re.compile(r"""(?<!\w)(?:"[^"]*"|“[^”]*”|`[^`]*`|'[^']*'(?!\w))""")
_TOKEN = re.compile(r"\S+")
_WORD = re.compile(r"[^\W\d_]+")
_IN_TOKEN = re.compile(r"[(\[]*(?P<word>[^\W\d_]+)(?:['’]s)?[)\].,;:!?]*")
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


@dataclass(frozen=True, slots=True)
class Correction:
    """A word as the question has it, and the word that is looked for instead."""

    written: str
    meant: str


def correctable(question: str, phrases: Sequence[str] = ()) -> list[str]:
    """Words of a question that may be misspelled if the collection does not know them, each once, in order.

    Words of letters alone, in small letters but for the first of the question: what holds a digit or a sign is an
    identifier, what has capitals a name or an acronym. What is quoted is meant as it is written.
    """
    quoted = [found.span() for found in _QUOTED.finditer(question)]
    exact = {word for phrase in phrases for word in _WORD.findall(plain(phrase))}
    words: dict[str, None] = {}
    for token in _TOKEN.finditer(question):
        found = _IN_TOKEN.fullmatch(token[0])
        if found is None or any(start <= token.start() < end for start, end in quoted):
            continue
        word = found["word"]
        if MIN_LETTERS <= len(word) <= MAX_LETTERS and _in_small_letters(word, first=not token.start()):
            words.setdefault(word)
    return [word for word in words if plain(word) not in exact and not _UNSPACED.search(word)]


def most_edits(word: str) -> int:
    """How many letters may be missing, added, replaced or swapped with their neighbour."""
    return 1 if len(word) < _TWO_EDITS_FROM else 2


def likeliest(word: str, passages: Iterable[str], rows_with: Callable[[Sequence[str]], Sequence[int]]) -> str | None:
    """The word of the passages that was most likely meant; None if no word is near enough.

    The nearest one; of several, that which most rows hold. It begins as what was written does: a first letter is seldom
    wrong, and "unassociated" does not mean "associated".

    Args:
        rows_with: how many rows that the asker may read hold each word.
    """
    written = plain(word)
    near: dict[str, int] = {}
    for found in {plain(one) for passage in passages for one in _WORD.findall(passage)}:
        if found[0] == written[0] or found[:2] == written[1::-1]:
            edits = edits_between(written, found, most=most_edits(written))
            near |= {found: edits} if edits else {}
    nearest = sorted(near, key=lambda one: (near[one], one))[:MAX_CANDIDATES]
    rows = dict(zip(nearest, rows_with(nearest), strict=True)) if nearest else {}
    held = [one for one in nearest if rows[one]]
    return min(held, key=lambda one: (near[one], -rows[one], one)) if held else None


def respelled(question: str, corrections: Iterable[Correction]) -> str:
    """The question with what was meant in the place of what was written, quotations left alone."""
    meant = {one.written: one.meant for one in corrections}
    if not meant:
        return question
    quoted = [found.span() for found in _QUOTED.finditer(question)]

    def put(found: re.Match[str]) -> str:
        inside = any(start <= found.start() < end for start, end in quoted)
        return found[0] if inside else meant.get(found[0], found[0])

    return _WORD.sub(put, question)


def edits_between(one: str, other: str, *, most: int) -> int | None:
    """Letters missing, added, replaced or swapped with their neighbour; None if they are more than `most`."""
    if abs(len(one) - len(other)) > most or len(set(one) ^ set(other)) > 2 * most:
        return None
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, start=1):
        last, before, row = before, row, [i]
        for j, another in enumerate(other, start=1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != another))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == another:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return None
    return row[-1] if row[-1] <= most else None


def _in_small_letters(word: str, *, first: bool) -> bool:
    return word.islower() or (first and word[1:].islower())
