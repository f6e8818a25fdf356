"""What a reranker's scores make of the fused order."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from assay_core.search import Hit, Scorer
from assay_retrieval.reranking import FLOOR, reranked
from assay_testing.answers import hit


def fused(*scores: float, by: Scorer = Scorer.CONVEX, first: int = 0) -> list[Hit]:
    return [
        replace(hit("d", str(place)), rank=place + 1, score=score, scored_by=by)
        for place, score in enumerate(scores, start=first)
    ]


def order(hits: Sequence[Hit]) -> str:
    return "".join(one.text for one in hits)


def test_without_a_weight_the_scores_alone_decide_and_ties_stay_in_fused_order() -> None:
    found = reranked(fused(0.9, 0.5, 0.4), [-3.0, 2.0, 2.0], fused(0.95, first=3), weight=None)
    assert order(found) == "1203"
    assert [one.score for one in found] == [2.0, 2.0, -3.0, 0.95]
    assert [one.rank for one in found] == [1, 2, 3, 4]
    assert [one.scored_by for one in found][2:] == [Scorer.RERANKER, Scorer.CONVEX]


def test_with_a_weight_a_score_is_added_to_the_fused_one() -> None:
    found = reranked(fused(0.9, 0.7, 0.1), [0.2, 0.6, 0.8], [], weight=0.75)
    assert order(found) == "102"
    assert [one.score for one in found] == pytest.approx([1.15, 1.05, 0.7])
    assert {one.scored_by for one in found} == {Scorer.RERANKER}


def test_what_was_fused_by_ranks_is_brought_to_the_same_scale() -> None:
    found = reranked(fused(0.032, 0.016, by=Scorer.RRF), [0.2, 0.6], [], weight=0.75)
    assert [one.score for one in found] == pytest.approx([1.15, 0.95])


def test_a_hit_that_was_not_looked_at_counts_as_the_worst_that_was() -> None:
    found = reranked(fused(0.9, 0.5), [0.6, 0.4], fused(0.7, first=2), weight=0.5)
    assert order(found) == "021"
    assert [one.score for one in found] == pytest.approx([1.2, 0.9, 0.7])
    assert [stage.stage for stage in found[1].stages] == ["fused", FLOOR]


def test_each_hit_says_what_both_gave() -> None:
    first = reranked(fused(0.9, 0.7), [0.2, 0.6], [], weight=0.75)[0]
    was, now = first.stages
    assert (was.stage, was.rank, was.score, was.weight) == ("fused", 2, 0.7, 1.0)
    assert (now.stage, now.rank, now.score, now.weight) == ("rerank", 1, 0.6, 0.75)
    assert first.score == pytest.approx(0.7 * 1.0 + 0.6 * 0.75)
