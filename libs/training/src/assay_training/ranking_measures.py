"""How much better questions are ranked with a reranker than without it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from assay_core.ports import Embedder, Reranker
from assay_evals import statistics
from assay_evals.candidates import CANDIDATES, Asked
from assay_evals.retrieval_metrics import ndcg_at

DEPTH = 10
SEED = 27
WEIGHTS = (0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, None)
"""How much a reranker's score may count beside the fused one; None: it decides alone."""


@dataclass(frozen=True, slots=True)
class Difference:
    """nDCG@10 as the mean of sets, before and after; `low` to `high`: 95 %, by the paired bootstrap over questions."""

    questions: int
    before: float
    after: float
    difference: float
    low: float
    high: float


def scored(asked: Sequence[Asked], reranker: Reranker) -> list[list[float]]:
    """What the reranker says of the first passages of each question, as many as it gets in a search."""
    return [reranker.score(one.query, [found.text for found in one.found[:CANDIDATES]]) for one in asked]


def as_fused(asked: Sequence[Asked]) -> list[float]:
    """nDCG@10 of each question as the search ranks it."""
    return [_ndcg(one, _by([found.score for found in one.found])) for one in asked]


def as_reranked(asked: Sequence[Asked], scores: Sequence[Sequence[float]], weight: float | None) -> list[float]:
    """nDCG@10 of each question after reranking."""
    return [_ndcg(one, _reranked_order(one, seen, weight)) for one, seen in zip(asked, scores, strict=True)]


def by_cosine(asked: Sequence[Asked], embedder: Embedder) -> list[float]:
    """nDCG@10 of each question if nothing but the embedder ordered what the search found."""
    return [_ndcg(one, _by(_cosines(one, embedder))) for one in asked]


def best_weight(asked: Sequence[Asked], scores: Sequence[Sequence[float]]) -> float | None:
    """The weight that ranks best in the mean of sets."""
    return max(WEIGHTS, key=lambda weight: _mean_of_sets(_by_set(asked, as_reranked(asked, scores, weight))))


def compared(asked: Sequence[Asked], before: Sequence[float], after: Sequence[float]) -> dict[str, Difference]:
    """By how much the ranking changes: by set, and under `mean` in the mean of sets."""
    old, new = _by_set(asked, before), _by_set(asked, after)
    found = {name: _difference({name: old[name]}, {name: new[name]}) for name in old if len(old[name]) > 1}
    return {**found, "mean": _difference(old, new)}


def _cosines(asked: Asked, embedder: Embedder) -> list[float]:
    passages = np.asarray(embedder.embed_passages([found.text for found in asked.found]), dtype=np.float32)
    return [float(cosine) for cosine in passages @ np.asarray(embedder.embed_query(asked.query), dtype=np.float32)]


def _reranked_order(asked: Asked, scores: Sequence[float], weight: float | None) -> list[int]:
    """As the retrieval service orders: what was not scored counts as the worst that was, or follows."""
    fused = [found.score for found in asked.found]
    tail = range(len(scores), len(fused))
    if weight is None:
        return [*sorted(range(len(scores)), key=lambda n: -scores[n]), *sorted(tail, key=lambda n: -fused[n])]
    floor = min(scores)
    return sorted(range(len(fused)), key=lambda n: -(fused[n] + weight * (scores[n] if n < len(scores) else floor)))


def _by(scores: Sequence[float]) -> list[int]:
    return sorted(range(len(scores)), key=lambda n: -scores[n])


def _ndcg(asked: Asked, order: Sequence[int]) -> float:
    grades = {str(number): found.grade for number, found in enumerate(asked.found)}
    grades |= {f"missing-{number}": grade for number, grade in enumerate(asked.missing)}
    return ndcg_at(DEPTH, [str(number) for number in order], grades)


def _by_set(asked: Sequence[Asked], values: Sequence[float]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for one, value in zip(asked, values, strict=True):
        found.setdefault(one.set, []).append(value)
    return found


def _mean_of_sets(values: Mapping[str, Sequence[float]]) -> float:
    return statistics.mean([statistics.mean(of_set) for of_set in values.values()])


def _difference(before: Mapping[str, Sequence[float]], after: Mapping[str, Sequence[float]]) -> Difference:
    sets = sorted(before)
    found = statistics.compare_sets([(before[name], after[name]) for name in sets], seed=SEED)
    return Difference(
        sum(len(values) for values in before.values()),
        round(_mean_of_sets(before), 4),
        round(_mean_of_sets(after), 4),
        round(found.difference, 4),
        round(found.low, 4),
        round(found.high, 4),
    )
