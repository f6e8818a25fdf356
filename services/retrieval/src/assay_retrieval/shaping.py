"""The order of scored hits, reshaped. Nothing by default.

By the question's words in titles and side by side, the newer before the older, and not the same thing twice.

Scores stay what their scorer said, for thresholds belong to it; each step says in the hit's stages what it saw.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from typing import TypeVar

from assay_core.collection_settings import Searching
from assay_core.documents import DocumentId
from assay_core.search import Hit, SearchRequest, StageRank

POOL = 3
"""So many times the wanted hits are looked at: what is not among them cannot come in."""
_WORD = re.compile(r"\w+")
_DAY_S = 86_400
_Item = TypeVar("_Item")
Terms = Callable[[str], Sequence[str]]
"""Makes of a text what its words are to the index of terms."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Shares from 0 to 1 each: `recency` of newness, `diversity` of difference from the hits above, `title` of the
    question's words that stand in title or headings, `phrases` of its neighbouring words that stand together."""

    recency: float
    diversity: float
    half_life_days: int
    title: float = 0.0
    phrases: float = 0.0

    @property
    def changes_order(self) -> bool:
        return max(self.title, self.phrases, self.recency, self.diversity) > 0


def shape_of(request: SearchRequest, searching: Searching) -> Shape:
    """What the request says, or else the collection."""
    return Shape(
        recency=searching.recency if request.recency is None else request.recency,
        diversity=searching.diversity if request.diversity is None else request.diversity,
        half_life_days=searching.recency_days,
        title=searching.title_boost,
        phrases=searching.phrase_boost,
    )


def shaped(
    hits: Sequence[Hit],
    how: Shape,
    *,
    query: str,
    terms: Terms,
    dates: Mapping[DocumentId, datetime],
    now: datetime,
) -> list[Hit]:
    """All hits in their new order. What has no date is not new."""
    relevances, asked = _relevances(hits), terms(query)
    if how.title:
        shares = [_share(frozenset(asked), terms("\n".join([hit.title, *hit.heading_path]))) for hit in hits]
        relevances, hits = _with(hits, relevances, "title", shares, how.title)
    if how.phrases:
        pairs = frozenset(pairwise(asked))
        shares = [_share(pairs, pairwise(terms(hit.text))) for hit in hits]
        relevances, hits = _with(hits, relevances, "phrases", shares, how.phrases)
    if how.recency:
        news = [_newness(dates.get(hit.document), how.half_life_days, now) for hit in hits]
        relevances, hits = _with(hits, relevances, "recency", news, how.recency)
    return _diverse(hits, relevances, how.diversity)


def _relevances(hits: Sequence[Hit]) -> list[float]:
    """Scores from 0, the least of them, to 1, the best."""
    scores = [hit.score for hit in hits]
    width = max(scores, default=0.0) - min(scores, default=0.0)
    return [(score - min(scores)) / width if width else 1.0 for score in scores]


def _with(
    hits: Sequence[Hit], relevances: Sequence[float], stage: str, values: Sequence[float], weight: float
) -> tuple[list[float], list[Hit]]:
    """Relevances with a share of something else, from 0 to 1 too, which the hits tell of."""
    ranks = {place: rank for rank, place in enumerate(sorted(range(len(hits)), key=lambda i: -values[i]), start=1)}
    told = [
        replace(hit, stages=(*hit.stages, StageRank(stage, ranks[i], values[i], normalized=values[i], weight=weight)))
        for i, hit in enumerate(hits)
    ]
    return [(1 - weight) * old + weight * new for old, new in zip(relevances, values, strict=True)], told


def _share(wanted: frozenset[_Item], there: Iterable[_Item]) -> float:
    return len(wanted.intersection(there)) / len(wanted) if wanted else 0.0


def _newness(date: datetime | None, half_life_days: int, now: datetime) -> float:
    if date is None:
        return 0.0
    days = max(0.0, (now - date).total_seconds() / _DAY_S)
    return 0.5 ** (days / half_life_days)


def _diverse(hits: Sequence[Hit], relevances: Sequence[float], diversity: float) -> list[Hit]:
    """Maximal marginal relevance: each time the hit that is best for its relevance, less its likeness to one above.

    Carbonell and Goldstein, "The use of MMR, diversity-based reranking", SIGIR 1998; likeness is the share of words
    that two passages have in common.
    """
    words = [frozenset(_WORD.findall(hit.text.casefold())) for hit in hits]
    likeness = [0.0] * len(hits)
    left = list(range(len(hits)))
    order: list[Hit] = []
    while left:
        best = max(left, key=lambda i: ((1 - diversity) * relevances[i] - diversity * likeness[i], -i))
        left.remove(best)
        order.append(_placed(hits[best], len(order) + 1, likeness[best], diversity))
        if diversity:
            for other in left:
                likeness[other] = max(likeness[other], _alike(words[best], words[other]))
    return order


def _placed(hit: Hit, rank: int, likeness: float, diversity: float) -> Hit:
    if not diversity:
        return replace(hit, rank=rank)
    stage = StageRank("diversity", rank, likeness, normalized=-likeness, weight=diversity)
    return replace(hit, rank=rank, stages=(*hit.stages, stage))


def _alike(one: frozenset[str], other: frozenset[str]) -> float:
    both = len(one | other)
    return len(one & other) / both if both else 0.0
