"""When a hit counts as showing a gold passage."""

from dataclasses import dataclass
from math import log2

import pytest
from assay_core.evaluation import GoldenPassage
from assay_evals.golden import first_ranks, map_at, mrr_at, ndcg_at, precision_at, recall_at, shows
from hypothesis import given, settings
from hypothesis import strategies as st

QUICK = settings(max_examples=40, deadline=None)

QUOTE = "Expense claims are submitted within 30 days of the end of the trip."


@dataclass(frozen=True)
class Found:
    document_name: str
    text: str


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"Claims. {QUOTE} Late claims are refused.", True),
        (QUOTE.replace(" ", "\n  "), True),
        (QUOTE.upper(), True),
        ("of claims. Expense claims are submitted within 30 days of the", True),  # 9 of 13 words, cut at the end
        ("30 days of the end of the trip. Then", True),  # 8 of 13 words, cut at the beginning
        ("within 30 days of the end of", False),  # 7 of 13 words
        ("The trip of the claims: the end of 30 days are within expense submitted.", False),
        ("Expense claims of contractors are submitted monthly within the first days of the trip", False),
        ("", False),
    ],
)
def test_the_quote_or_most_of_it_in_one_piece_must_stand_there(text: str, expected: bool) -> None:
    assert shows(Found("travel.md", text), GoldenPassage("travel.md", QUOTE)) is expected


def test_the_same_words_in_another_document_do_not_count() -> None:
    assert not shows(Found("travel-2023.md", QUOTE), GoldenPassage("travel.md", QUOTE))


def test_a_short_quote_must_stand_there_whole() -> None:
    gold = GoldenPassage("prices.pdf", "EUR 40.00 each")
    assert shows(Found("prices.pdf", "Filter  EUR 40.00\neach"), gold)
    assert not shows(Found("prices.pdf", "EUR 40.50 each"), gold)


def test_ranks_of_the_first_hit_that_shows_each_passage() -> None:
    golds = [GoldenPassage("a", "one"), GoldenPassage("b", "two"), GoldenPassage("c", "three")]
    hits = [Found("x", "one"), Found("b", "two"), Found("a", "one"), Found("a", "one more")]
    assert first_ranks(hits, golds) == [3, 2, None]


def test_metrics_over_passages_by_hand() -> None:
    ranks = [3, 2, None]
    assert recall_at(2, ranks) == 1 / 3
    assert recall_at(5, ranks) == 2 / 3
    assert mrr_at(10, ranks) == 1 / 2
    assert ndcg_at(10, ranks) == pytest.approx((1 / log2(4) + 1 / log2(3)) / (1 + 1 / log2(3) + 1 / log2(4)))


def test_one_hit_that_shows_every_passage_is_perfect() -> None:
    assert ndcg_at(10, [1, 1]) == 1


@QUICK
@given(st.lists(st.none() | st.integers(1, 20), min_size=1, max_size=5))
def test_metrics_lie_between_0_and_1_and_grow_with_k(ranks: list[int | None]) -> None:
    for metric in (recall_at, mrr_at, ndcg_at):
        assert 0 <= metric(5, ranks) <= 1
    assert recall_at(5, ranks) <= recall_at(10, ranks)


def test_without_a_quote_the_whole_document_is_meant() -> None:
    assert shows(Found("a.md", "anything"), GoldenPassage("a.md", ""))
    assert not shows(Found("b.md", "anything"), GoldenPassage("a.md", ""))


def test_precision_counts_hits_that_show_any_gold_passage() -> None:
    golds = [GoldenPassage("a.md", ""), GoldenPassage("b.md", "")]
    hits = [Found("a.md", "x"), Found("c.md", "x"), Found("a.md", "y")]
    assert precision_at(2, hits, golds) == 0.5
    assert precision_at(5, hits, golds) == 2 / 5


def test_average_precision_by_hand() -> None:
    assert map_at(10, [1, 4, None]) == pytest.approx((1 + 2 / 4) / 3)
    assert map_at(3, [1, 4, None]) == pytest.approx(1 / 3)
    assert map_at(10, [2, 2]) == pytest.approx((1 / 2 + 1 / 2) / 2), "one hit with two passages is one relevant hit"


def test_grades_weigh_in_ndcg() -> None:
    better, worse = ndcg_at(10, [1, 2], [3, 1]), ndcg_at(10, [1, 2], [1, 3])
    assert better == 1
    assert worse == pytest.approx((1 + 3 / log2(3)) / (3 + 1 / log2(3)))
