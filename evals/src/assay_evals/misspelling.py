"""Slips of the hand, made by script: what a search loses by them, and what correcting them gives back."""

import random
import re

_WORD = re.compile(r"(?<!\S)[a-z]{5,}(?=[\s.,;:!?)]|\Z)")
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")


def misspelled(question: str, rng: random.Random) -> str:
    """The question with one word of five small letters or more misspelled after its first letter; as it is without one.

    Letters are swapped, left out, doubled, or replaced by their neighbour on the keyboard, each as often.
    """
    words = list(_WORD.finditer(question))
    if not words:
        return question
    found = rng.choice(words)
    return question[: found.start()] + _slip(found[0], rng) + question[found.end() :]


def _slip(word: str, rng: random.Random) -> str:
    at = rng.randrange(1, len(word) - 1)
    slips = (
        word[:at] + word[at + 1] + word[at] + word[at + 2 :],
        word[:at] + word[at + 1 :],
        word[:at] + word[at] + word[at:],
        word[:at] + _neighbour(word[at], rng) + word[at + 1 :],
    )
    return rng.choice(slips)


def _neighbour(letter: str, rng: random.Random) -> str:
    row = next(row for row in _ROWS if letter in row)
    at = row.index(letter)
    return rng.choice(row[max(0, at - 1) : at] + row[at + 1 : at + 2])
