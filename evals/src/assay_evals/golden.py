"""Whether retrieval found the passages that hold an answer.

A hit shows a gold passage if it comes from the document of that name and either holds the quote word for word
(white space does not count), or, for quotes of at least `MIN_WORDS` words, holds a run of its words without a gap
that is at least `MIN_SHARE` of the quote: a chunk may end in the middle of a sentence. Words are compared without
case and punctuation. A gold passage without a quote is the whole document: any hit from it shows it.
"""

import re
from collections.abc import Sequence
from math import ceil, log2
from typing import Protocol

from assay_core.evaluation import GoldenPassage, GoldenQuestion

MIN_SHARE = 0.6
MIN_WORDS = 5
_WORD = re.compile(r"\w+")


class Passage(Protocol):
    """A hit, as far as it matters here."""

    @property
    def document_name(self) -> str: ...

    @property
    def text(self) -> str: ...


def shows(hit: Passage, gold: GoldenPassage) -> bool:
    """Whether a hit shows a gold passage, as defined above."""
    if hit.document_name != gold.document:
        return False
    if " ".join(gold.quote.split()) in " ".join(hit.text.split()):
        return True
    quote = _words(gold.quote)
    if len(quote) < MIN_WORDS:
        return False
    return _longest_common_run(quote, _words(hit.text)) >= ceil(MIN_SHARE * len(quote))


def first_ranks(hits: Sequence[Passage], golds: Sequence[GoldenPassage]) -> list[int | None]:
    """For each gold passage the rank (from 1) of the first hit that shows it, or None."""
    return [next((rank for rank, hit in enumerate(hits, 1) if shows(hit, gold)), None) for gold in golds]


def searched(question: GoldenQuestion) -> str:
    """What is searched for: a follow-up together with the question before it."""
    before = next((turn.content for turn in reversed(question.history) if turn.role == "user"), "")
    return f"{before} {question.question}".strip()


def recall_at(k: int, ranks: Sequence[int | None]) -> float:
    """Share of the gold passages that the first `k` hits show; `ranks` as from `first_ranks`."""
    return sum(1 for rank in ranks if rank is not None and rank <= k) / len(ranks)


def mrr_at(k: int, ranks: Sequence[int | None]) -> float:
    """1 / rank of the first hit that shows any gold passage; 0 if none of the first `k` does."""
    return max((1 / rank for rank in ranks if rank is not None and rank <= k), default=0.0)


def precision_at(k: int, hits: Sequence[Passage], golds: Sequence[GoldenPassage]) -> float:
    """Share of the first `k` hits that show a gold passage, over `k` also if there are fewer."""
    return sum(any(shows(hit, gold) for gold in golds) for hit in hits[:k]) / k


def map_at(k: int, ranks: Sequence[int | None]) -> float:
    """Mean over the gold passages of the precision at their rank; what is not among the first `k` counts 0.

    A hit that shows several passages counts as one relevant hit.
    """
    found = sorted(rank for rank in ranks if rank is not None and rank <= k)
    places = sorted(set(found))
    return sum((places.index(rank) + 1) / rank for rank in found) / len(ranks)


def ndcg_at(k: int, ranks: Sequence[int | None], grades: Sequence[int] | None = None) -> float:
    """Gain (its grade, or 1) for each gold passage at the hit that shows it first, over the ideal of one a rank.

    A hit that shows several passages can do better than that ideal, so the result is cut at 1.
    """
    given = grades or [1] * len(ranks)
    gained = sum(g / log2(rank + 1) for rank, g in zip(ranks, given, strict=True) if rank is not None and rank <= k)
    ideal = sum(g / log2(rank + 1) for rank, g in enumerate(sorted(given, reverse=True)[:k], 1))
    return min(1.0, gained / ideal)


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _longest_common_run(quote: Sequence[str], text: Sequence[str]) -> int:
    best, previous = 0, [0] * (len(quote) + 1)
    for word in text:
        current = [0] * (len(quote) + 1)
        for i, wanted in enumerate(quote, 1):
            if wanted == word:
                current[i] = previous[i - 1] + 1
                best = max(best, current[i])
        previous = current
    return best
