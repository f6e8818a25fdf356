"""Ranking metrics against cases worked out by hand, against trec_eval's values, and against properties."""

import json
from math import log2
from pathlib import Path

import pytest
from assay_evals.retrieval_metrics import Metric, map_at, mrr_at, ndcg_at, one_per_document, precision_at, recall_at
from hypothesis import given, settings
from hypothesis import strategies as st

QUICK = settings(max_examples=40, deadline=None)

RANKING = ["a", "x", "b", "y", "c"]
GRADES = {"a": 1, "b": 3, "c": 2, "d": 1, "x": 0}

METRICS: list[Metric] = [
    lambda ranking, grades: recall_at(5, ranking, grades),
    lambda ranking, grades: precision_at(5, ranking, grades),
    lambda ranking, grades: mrr_at(5, ranking, grades),
    lambda ranking, grades: map_at(5, ranking, grades),
    lambda ranking, grades: ndcg_at(5, ranking, grades),
]
# Of the command `trec_eval` as pytrec_eval 0.5.11 runs it over all queries at once, with scores 1 / rank.
TREC_EVAL = [json.loads(line) for line in (Path(__file__).parent / "trec_eval.jsonl").read_text().splitlines()]

documents = st.sampled_from("abcdefghij")
rankings = st.lists(documents, unique=True)
judgements = st.dictionaries(documents, st.integers(-1, 3), min_size=1).filter(lambda g: any(x > 0 for x in g.values()))


def test_recall_counts_all_relevant_documents_also_those_never_found() -> None:
    assert recall_at(1, RANKING, GRADES) == 1 / 4
    assert recall_at(5, RANKING, GRADES) == 3 / 4


def test_precision_divides_by_k_also_for_a_short_ranking() -> None:
    assert precision_at(5, RANKING, GRADES) == 3 / 5
    assert precision_at(10, RANKING, GRADES) == 3 / 10


def test_reciprocal_rank_is_that_of_the_first_relevant_document() -> None:
    assert mrr_at(10, ["x", "y", "b", "a"], GRADES) == 1 / 3
    assert mrr_at(2, ["x", "y", "b"], GRADES) == 0


def test_ndcg_has_linear_gain_and_the_ideal_of_all_judged_documents() -> None:
    gained = 1 / log2(2) + 3 / log2(4) + 2 / log2(6)
    ideal = 3 / log2(2) + 2 / log2(3) + 1 / log2(4) + 1 / log2(5)
    assert ndcg_at(10, RANKING, GRADES) == pytest.approx(gained / ideal)
    assert ndcg_at(1, RANKING, GRADES) == pytest.approx(1 / 3)


def test_ndcg_equals_the_worked_example_of_the_literature() -> None:
    # Järvelin and Kekäläinen's gains as on Wikipedia's "Discounted cumulative gain": DCG 6.861, ideal 7.141.
    grades = {"1": 3, "2": 2, "3": 3, "4": 0, "5": 1, "6": 2}
    assert ndcg_at(6, list(grades), grades) == pytest.approx(6.861 / 7.141, abs=2e-4)


def test_average_precision_counts_relevant_documents_that_were_not_found() -> None:
    assert map_at(10, RANKING, GRADES) == pytest.approx((1 + 2 / 3 + 3 / 5) / 4)
    assert map_at(2, RANKING, GRADES) == pytest.approx(1 / 4)


@pytest.mark.parametrize("case", TREC_EVAL, ids=lambda case: case["query"])
def test_values_are_those_of_trec_eval(case: dict[str, dict[str, float]]) -> None:
    ranking, judged, told = list(case["ranking"]), case["judgements"], case["trec_eval"]
    grades = {document: int(grade) for document, grade in judged.items()}
    ours = {
        "recall_10": recall_at(10, ranking, grades),
        "P_5": precision_at(5, ranking, grades),
        "map_cut_100": map_at(100, ranking, grades),
        "ndcg_cut_10": ndcg_at(10, ranking, grades),
        "recip_rank": mrr_at(len(ranking), ranking, grades),
    }
    assert ours == {name: pytest.approx(told[name], abs=1e-4) for name in ours}


def test_an_empty_ranking_scores_0() -> None:
    assert [metric([], GRADES) for metric in METRICS] == [0] * len(METRICS)


def test_a_query_without_relevant_documents_has_no_score() -> None:
    for metric in METRICS:
        with pytest.raises(ValueError, match="no relevant document"):
            metric(RANKING, {"x": 0, "y": -1})


def test_hits_of_one_document_collapse_to_its_best_rank() -> None:
    assert one_per_document(["b", "a", "b", "c", "a"]) == ["b", "a", "c"]


@QUICK
@given(rankings, judgements)
def test_metrics_lie_between_0_and_1(ranking: list[str], grades: dict[str, int]) -> None:
    for metric in METRICS:
        assert 0 <= metric(ranking, grades) <= 1 + 1e-12


@QUICK
@given(judgements)
def test_the_ideal_ranking_has_ndcg_1(grades: dict[str, int]) -> None:
    ideal = sorted(grades, key=lambda document: -grades[document])
    assert ndcg_at(10, ideal, grades) == pytest.approx(1)


@QUICK
@given(rankings, judgements, st.integers(1, 9))
def test_moving_a_better_document_up_never_hurts(ranking: list[str], grades: dict[str, int], place: int) -> None:
    if place >= len(ranking) or grades.get(ranking[place], 0) < grades.get(ranking[place - 1], 0):
        return
    better = [*ranking]
    better[place - 1], better[place] = better[place], better[place - 1]
    for metric in METRICS:
        assert metric(better, grades) >= metric(ranking, grades) - 1e-12


@QUICK
@given(rankings, judgements)
def test_the_order_of_judgements_does_not_matter(ranking: list[str], grades: dict[str, int]) -> None:
    turned = dict(reversed(grades.items()))
    for metric in METRICS:
        assert metric(ranking, grades) == metric(ranking, turned)
