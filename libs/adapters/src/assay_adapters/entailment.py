"""What words and numbers alone say about a claim and a sentence. No model."""

import re
from dataclasses import dataclass

_WORD = re.compile(r"[^\W_]+(?:[-'’][^\W_]+)*")
_NUMBER = re.compile(r"\d+(?:[.,:/-]\d+)*")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}\b)")
_STOP_WORDS = (
    "a about above after again all also am an and any are as at be because been before being below between both but"
    " by can could did do does doing down during each few for from further had has have having he her here hers him"
    " his how i if in into is it its itself just me more most my of off on once only or other our ours out over own"
    " same she should so some such than that the their theirs them then there these they this those through to too"
    " under until up very was we were what when where which while who whom why will with would you your yours"
)
_STOP = frozenset(_STOP_WORDS.split())
_NEGATIONS = frozenset({"no", "not", "never", "none", "neither", "nor", "without", "cannot", "except", "unless"})
_NUMBER_WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_SPELLED = {word: str(number) for number, word in enumerate(_NUMBER_WORDS, start=1)}
_SUFFIXES = ("ations", "ation", "ments", "ment", "ings", "ing", "ies", "ied", "ed", "es", "ly", "s")


@dataclass(frozen=True, slots=True)
class Wording:
    """The content words (stems), numbers and negations of a text."""

    stems: frozenset[str]
    numbers: frozenset[str]
    negations: int


def wording(text: str) -> Wording:
    """Read a text. Spelled-out numbers up to twelve count as numbers; thousands separators do not matter."""
    words = [w.lower().replace("’", "'") for w in _WORD.findall(text)]
    numbers = set(_NUMBER.findall(_THOUSANDS.sub("", text))) | {_SPELLED[w] for w in words if w in _SPELLED}
    negations = sum(w in _NEGATIONS or w.endswith("n't") for w in words)
    stems = {_stem(w) for w in words if w not in _STOP and w not in _SPELLED and not w.isdigit()}
    return Wording(frozenset(stems), frozenset(numbers), negations)


def containment(claim: Wording, source: Wording) -> float:
    """Share of the claim's content words and numbers that the source has, between 0 and 1; 1 for an empty claim."""
    needed = claim.stems | claim.numbers
    return len(needed & (source.stems | source.numbers)) / len(needed) if needed else 1.0


def missing_numbers(claim: Wording, source: Wording) -> bool:
    """Whether the claim states a number that the source does not."""
    return not claim.numbers <= source.numbers


def opposed(claim: Wording, source: Wording) -> bool:
    """Whether exactly one of the two negates."""
    return (claim.negations % 2) != (source.negations % 2)


def _stem(word: str) -> str:
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            return word.removesuffix(suffix).rstrip("ie")
    return word.rstrip("ie") if len(word) > 4 else word
