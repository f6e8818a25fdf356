"""How well passages let answers be found, whatever their size: scored by the text that is read, not by their number."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log2

STEP_TOKENS = 100
"""Of the discount of `found_early`: so many tokens read count as one rank."""


@dataclass(frozen=True, slots=True)
class Span:
    """Characters of a document's text."""

    document: str
    start: int
    end: int

    def holds(self, other: "Span") -> bool:
        """Whether all of `other` is in it."""
        return self.document == other.document and self.start <= other.start and other.end <= self.end


@dataclass(frozen=True, slots=True)
class ReadPassage:
    """What is read for a hit, and what that costs."""

    span: Span
    tokens: int


def read_within(ranking: Iterable[ReadPassage], budget_tokens: int) -> list[tuple[int, ReadPassage]]:
    """The passages that are read, best first, until the next would be over the budget, each once.

    Returns each with the tokens that were read before it.
    """
    read: list[tuple[int, ReadPassage]] = []
    seen: set[Span] = set()
    spent = 0
    for passage in ranking:
        if passage.span in seen:
            continue
        if spent + passage.tokens > budget_tokens:
            break
        seen.add(passage.span)
        read.append((spent, passage))
        spent += passage.tokens
    return read


def recall_within(ranking: Iterable[ReadPassage], answers: Sequence[Span], budget_tokens: int) -> float:
    """1 if one of the passages read holds an answer whole, else 0."""
    return float(any(p.span.holds(a) for _, p in read_within(ranking, budget_tokens) for a in answers))


def found_early(ranking: Iterable[ReadPassage], answers: Sequence[Span], budget_tokens: int) -> float:
    """nDCG of one answer with ranks counted in text: 1 / log2(2 + tokens read before it / 100), 0 if it is not read."""
    before = (spent for spent, p in read_within(ranking, budget_tokens) if any(p.span.holds(a) for a in answers))
    first = next(before, None)
    return 0.0 if first is None else 1 / log2(2 + first / STEP_TOKENS)


def best_by(scores: Mapping[str, Mapping[str, float]], metric: str) -> str:
    """The configuration with the highest `metric`; of equal ones the first by name."""
    return max(sorted(scores), key=lambda name: scores[name][metric])
