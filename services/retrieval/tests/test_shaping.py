"""Recency and diversity against cases worked by hand."""

from datetime import UTC, datetime, timedelta

import pytest
from assay_core.collection_settings import Searching
from assay_core.documents import ChunkId, CollectionId, DocumentId, TenantId
from assay_core.search import Hit, Scorer, SearchRequest
from assay_retrieval.shaping import Shape, shape_of, shaped
from hypothesis import given
from hypothesis import strategies as st

TENANT = TenantId("t")
NOW = datetime(2026, 11, 1, tzinfo=UTC)


def hit(name: str, score: float, text: str = "") -> Hit:
    return Hit(
        1,
        ChunkId(TENANT, name),
        DocumentId(TENANT, name),
        name,
        1,
        "",
        text or name,
        0,
        1,
        None,
        (),
        score,
        Scorer.CONVEX,
    )


def order(hits: list[Hit], how: Shape, **days_old: float) -> str:
    dates = {DocumentId(TENANT, name): NOW - timedelta(days=days) for name, days in days_old.items()}
    found = shaped(hits, how, dates=dates, now=NOW)
    assert [one.rank for one in found] == list(range(1, len(found) + 1))
    return "".join(one.document_name for one in found)


def test_the_newer_of_two_that_are_nearly_as_good_leads():
    hits = [hit("a", 1.0), hit("b", 0.9), hit("c", 0.0)]
    assert order(hits, Shape(recency=0.3, diversity=0, half_life_days=10), a=100, b=0, c=0) == "bac"
    assert order(hits, Shape(recency=0.05, diversity=0, half_life_days=10), a=100, b=0, c=0) == "abc"


def test_newness_halves_and_is_told():
    found = shaped(
        [hit("a", 1.0)],
        Shape(recency=0.5, diversity=0, half_life_days=10),
        dates={DocumentId(TENANT, "a"): NOW - timedelta(days=20)},
        now=NOW,
    )
    (stage,) = found[0].stages
    assert (stage.stage, stage.rank, stage.score, stage.weight) == ("recency", 1, pytest.approx(0.25), 0.5)
    assert found[0].score == 1.0


def test_what_has_no_date_is_not_new_and_a_date_to_come_is_as_new_as_today():
    hits = [hit("a", 1.0), hit("b", 1.0)]
    assert order(hits, Shape(recency=0.1, diversity=0, half_life_days=10), b=500) == "ba"
    assert order(hits, Shape(recency=0.1, diversity=0, half_life_days=10), a=0, b=-500) == "ab"


def test_a_passage_that_says_the_same_comes_after_one_that_does_not():
    hits = [
        hit("a", 1.0, "the blue pump"),
        hit("b", 0.9, "The blue pump."),
        hit("c", 0.5, "a red valve"),
        hit("d", 0.0),
    ]
    assert order(hits, Shape(recency=0, diversity=0.5, half_life_days=1)) == "acdb"
    twin = shaped(hits, Shape(recency=0, diversity=0.5, half_life_days=1), dates={}, now=NOW)[3]
    assert [(s.stage, s.score, s.weight) for s in twin.stages] == [("diversity", 1.0, 0.5)]


def test_the_request_overrules_the_collection():
    collection = CollectionId(TENANT, "c")
    searching = Searching(recency=0.2, recency_days=30)
    assert shape_of(SearchRequest(collection, "q"), searching) == Shape(0.2, 0.0, 30)
    assert not shape_of(SearchRequest(collection, "q", recency=0.0), searching).changes_order
    assert shape_of(SearchRequest(collection, "q", diversity=0.1), searching) == Shape(0.2, 0.1, 30)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=8), st.floats(0, 1), st.floats(0, 1))
def test_nothing_is_lost_or_doubled(scores: list[int], recency: float, diversity: float):
    hits = [hit(str(number), float(score)) for number, score in enumerate(scores)]
    found = shaped(hits, Shape(recency, diversity, 10), dates={}, now=NOW)
    assert sorted(one.document_name for one in found) == sorted(one.document_name for one in hits)


def test_nothing_asked_changes_nothing():
    hits = [hit("a", 3.0), hit("b", 2.0), hit("c", 1.0)]
    assert order(hits, Shape(recency=0, diversity=0, half_life_days=1)) == "abc"
