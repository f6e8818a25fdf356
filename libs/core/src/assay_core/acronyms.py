"""Acronyms that a text explains: "paid time off (PTO)".

After Schwartz and Hearst, "A simple algorithm for identifying abbreviation definitions in biomedical text" (PSB 2003):
the characters of the short form are met from right to left in the words before it, the first one at a word's beginning.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_SHORT = re.compile(r"\(([A-Za-z][\w&./-]{1,9})\)")
_BEFORE_CHARACTERS = 200
_SENTENCE = re.compile(r"[^().;:!?]*\Z")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A short form, the long form that texts gave it, and in how many texts."""

    short: str
    long: str
    texts: int


def candidates(texts: Iterable[str], *, most: int) -> list[Candidate]:
    """What texts explain, the most often first; of one short form, the long form that most texts give."""
    counts = Counter(
        pair for text in texts for pair in {(short, long.casefold()): long for short, long in defined(text)}
    )
    best: dict[str, Candidate] = {}
    for (short, long), count in counts.most_common():
        best.setdefault(short, Candidate(short, long, count))
    return sorted(best.values(), key=lambda one: (-one.texts, one.short))[:most]


def defined(text: str) -> Iterator[tuple[str, str]]:
    """Short forms in parentheses with the long forms before them, in order."""
    for found in _SHORT.finditer(text):
        short = found[1]
        before = _SENTENCE.search(text[max(0, found.start() - _BEFORE_CHARACTERS) : found.start()])
        if sum(map(str.isupper, short)) >= 2 and before and (long := _long_form(short, before[0])):
            yield short, long


def _long_form(short: str, before: str) -> str | None:
    letters = [c for c in short.casefold() if c.isalnum()]
    words = " ".join(before.split()[-min(len(letters) + 5, 2 * len(letters)) :])
    at = len(words)
    folded = words.lower()  # unlike casefold, of the same length but for a few letters of Turkish
    for number in reversed(range(len(letters))):
        at = _place(folded, letters[number], at, first=number == 0)
        if at < 0:
            return None
    long = words[at:]
    return (
        long if len(long.split()) > 1 and len(long) > len(short) and short.casefold() not in long.casefold() else None
    )


def _place(words: str, letter: str, end: int, *, first: bool) -> int:
    """The last place of a letter before `end`; of the first letter, the last one where a word begins; -1 if none."""
    at = words.rfind(letter, 0, end)
    while first and at > 0 and words[at - 1].isalnum():
        at = words.rfind(letter, 0, at)
    return at
