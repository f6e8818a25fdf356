"""Stages of retrieval held against each other query by query, over one set or the mean of several."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from assay_evals import statistics

PAIRS = (("hybrid", "dense"), ("hybrid", "lexical"), ("reranked", "hybrid"))
COMPARED = ("ndcg@10", "recall@100")
SEED = 20

Scores = Mapping[str, Mapping[str, Sequence[float]]]
"""By stage and metric the score of each query, in one order."""


@dataclass(frozen=True, slots=True)
class StageComparison:
    """By how much `stage` is better than `over`; the difference of other queries would lie from `low` to `high`."""

    metric: str
    stage: str
    over: str
    difference: float
    low: float
    high: float
    p_value: float


def compare_stages(sets: Sequence[Scores]) -> tuple[StageComparison, ...]:
    """Paired bootstrap of each pair of stages that all sets have; of several sets, that of the mean of their means.

    A set of one query is compared with nothing: it says nothing of the spread.
    """
    if not sets or any(_queries(one) < 2 for one in sets):
        return ()
    return tuple(
        _compared(sets, metric, stage, over)
        for metric in COMPARED
        for stage, over in PAIRS
        if all(stage in one and over in one for one in sets)
    )


def _queries(scores: Scores) -> int:
    return min((len(values) for metrics in scores.values() for values in metrics.values()), default=0)


def _compared(sets: Sequence[Scores], metric: str, stage: str, over: str) -> StageComparison:
    found = statistics.compare_sets([(one[over][metric], one[stage][metric]) for one in sets], seed=SEED)
    difference, low, high = (round(value, 5) for value in (found.difference, found.low, found.high))
    return StageComparison(metric, stage, over, difference, low, high, round(found.p_value, 5))
