"""The order of hits of which a reranker has scored some."""

from collections.abc import Sequence
from dataclasses import replace

from assay_core.search import Hit, Scorer, StageRank

FLOOR = "rerank-floor"


def reranked(head: Sequence[Hit], scores: Sequence[float], tail: Sequence[Hit], *, weight: float | None) -> list[Hit]:
    """All hits, best first: `head` with one score each, and `tail`, which has none; both come in fused order.

    With a `weight`, score = fused + weight · score, so that neither a reranker's slip nor the indexes' decides alone.
    What was fused by ranks is divided by its best, to be 0 to 1 as all else is. A hit without a score counts as the
    worst that has one, so that it may stand before that. Without a weight the scores alone decide; the tail follows.
    """
    if weight is None:
        hits = [_scored(hit, seen, score, score) for hit, seen, score in zip(head, _ranks(scores), scores, strict=True)]
        return _numbered([*sorted(hits, key=_best_first), *tail])
    best = max((hit.score for hit in (*head, *tail) if hit.scored_by is Scorer.RRF), default=1.0)
    floor = min(scores)
    looked_at = zip(head, _ranks(scores), scores, ["rerank"] * len(head), strict=True)
    others = ((hit, len(head) + 1, floor, FLOOR) for hit in tail)
    hits = [
        _scored(hit, seen, score, hit.score / best + weight * score, stage=stage, scale=1 / best, weight=weight)
        for hit, seen, score, stage in (*looked_at, *others)
    ]
    return _numbered(sorted(hits, key=_best_first))


def _scored(
    hit: Hit,
    seen: int,
    score: float,
    total: float,
    *,
    stage: str = "rerank",
    scale: float | None = None,
    weight: float = 1.0,
) -> Hit:
    fused = None if scale is None else hit.score * scale
    before = StageRank("fused", hit.rank, hit.score, normalized=fused, weight=None if fused is None else 1.0)
    now = StageRank(stage, seen, score, normalized=score, weight=weight)
    return replace(hit, score=total, scored_by=Scorer.RERANKER, stages=(*hit.stages, before, now))


def _best_first(hit: Hit) -> tuple[float, int]:
    return -hit.score, hit.rank


def _ranks(scores: Sequence[float]) -> list[int]:
    order = sorted(range(len(scores)), key=lambda i: (-scores[i], i))
    places = {place: rank for rank, place in enumerate(order, start=1)}
    return [places[i] for i in range(len(scores))]


def _numbered(hits: Sequence[Hit]) -> list[Hit]:
    return [replace(hit, rank=rank) for rank, hit in enumerate(hits, start=1)]
