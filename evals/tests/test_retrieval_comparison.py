"""Stages held against each other, on figures that were made up."""

import pytest
from assay_evals.retrieval_comparison import StageComparison, compare_stages

METRICS = ("ndcg@10", "recall@100")


def scores(**stages: list[float]) -> dict[str, dict[str, list[float]]]:
    return {stage: dict.fromkeys(METRICS, values) for stage, values in stages.items()}


def one(found: tuple[StageComparison, ...], stage: str, over: str) -> StageComparison:
    (compared,) = [c for c in found if (c.metric, c.stage, c.over) == ("ndcg@10", stage, over)]
    return compared


def test_a_difference_in_every_query_is_no_chance():
    low = [0.1, 0.2, 0.3, 0.4]
    found = one(compare_stages([scores(hybrid=[v + 0.1 for v in low], dense=low)]), "hybrid", "dense")
    assert (found.difference, found.low, found.high) == pytest.approx((0.1, 0.1, 0.1))
    assert found.p_value < 0.01


def test_only_pairs_that_every_set_has_are_compared():
    whole = scores(hybrid=[0.5, 0.6], dense=[0.4, 0.6], reranked=[0.7, 0.6])
    part = scores(hybrid=[0.5, 0.6], dense=[0.4, 0.6])
    assert {(c.stage, c.over) for c in compare_stages([whole])} == {("hybrid", "dense"), ("reranked", "hybrid")}
    assert {(c.stage, c.over) for c in compare_stages([whole, part])} == {("hybrid", "dense")}


def test_each_set_counts_alike_in_the_mean_however_many_queries_it_has():
    small = scores(hybrid=[1.0, 1.0], dense=[0.0, 0.0])
    large = scores(hybrid=[0.0] * 50, dense=[0.0] * 50)
    assert one(compare_stages([small, large]), "hybrid", "dense").difference == 0.5


def test_sets_of_one_size_are_not_resampled_alike():
    noisy = scores(hybrid=[0.0, 1.0] * 10, dense=[0.5] * 20)
    alone, twice = (one(compare_stages([noisy] * n), "hybrid", "dense") for n in (1, 4))
    assert twice.high - twice.low < 0.75 * (alone.high - alone.low)


def test_one_query_is_compared_with_nothing():
    assert compare_stages([scores(hybrid=[1.0], dense=[0.0])]) == ()
