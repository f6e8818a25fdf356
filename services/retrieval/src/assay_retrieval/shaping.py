"""The order of scored hits, reshaped: the newer before the older, and not the same thing twice. Nothing by default.

Scores stay what their scorer said, for thresholds belong to it; each step says in the hit's stages what it saw.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from assay_core.collection_settings import Searching
from assay_core.documents import DocumentId
from assay_core.search import Hit, SearchRequest, StageRank

POOL = 3
"""So many times the wanted hits are looked at: what is not among them cannot come in."""
_WORD = re.compile(r"\w+")
_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Shape:
    """`recency` is the share of newness, `diversity` that of difference from the hits above, from 0 to 1 each."""

    recency: float
    diversity: float
    half_life_days: int

    @property
    def changes_order(self) -> bool:
        return self.recency > 0 or self.diversity > 0


def shape_of(request: SearchRequest, searching: Searching) -> Shape:
    """What the request says, or else the collection."""
    return Shape(
        recency=searching.recency if request.recency is None else request.recency,
        diversity=searching.diversity if request.diversity is None else request.diversity,
        half_life_days=searching.recency_days,
    )


def shaped(hits: Sequence[Hit], how: Shape, *, dates: Mapping[DocumentId, datetime], now: datetime) -> list[Hit]:
    """All hits in their new order. What has no date is not new."""
    relevances = _relevances(hits)
    if how.recency:
        relevances, hits = _with_newness(hits, relevances, how, dates, now)
    return _diverse(hits, relevances, how.diversity)


def _relevances(hits: Sequence[Hit]) -> list[float]:
    """Scores from 0, the least of them, to 1, the best."""
    scores = [hit.score for hit in hits]
    width = max(scores, default=0.0) - min(scores, default=0.0)
    return [(score - min(scores)) / width if width else 1.0 for score in scores]


def _with_newness(
    hits: Sequence[Hit],
    relevances: Sequence[float],
    how: Shape,
    dates: Mapping[DocumentId, datetime],
    now: datetime,
) -> tuple[list[float], list[Hit]]:
    news = [_newness(dates.get(hit.document), how.half_life_days, now) for hit in hits]
    ranks = {place: rank for rank, place in enumerate(sorted(range(len(hits)), key=lambda i: -news[i]), start=1)}
    told = [
        replace(
            hit, stages=(*hit.stages, StageRank("recency", ranks[i], news[i], normalized=news[i], weight=how.recency))
        )
        for i, hit in enumerate(hits)
    ]
    mixed = [(1 - how.recency) * old + how.recency * new for old, new in zip(relevances, news, strict=True)]
    return mixed, told


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
