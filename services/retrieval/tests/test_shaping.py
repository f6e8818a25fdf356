"""Recency and diversity against cases worked by hand."""

from dataclasses import replace
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
    found = shaped(hits, how, query="", terms=str.split, dates=dates, now=NOW)
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
        query="",
        terms=str.split,
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
    twin = shaped(
        hits, Shape(recency=0, diversity=0.5, half_life_days=1), query="", terms=str.split, dates={}, now=NOW
    )[3]
    assert [(s.stage, s.score, s.weight) for s in twin.stages] == [("diversity", 1.0, 0.5)]


def titled(name: str, score: float, title: str, text: str) -> Hit:
    return replace(hit(name, score, text), title=title)


def test_the_words_of_the_question_count_in_titles_and_side_by_side():
    hits = [
        titled("a", 1.0, "canteen", "blue is the pump"),
        titled("b", 0.9, "the blue pump", "it runs"),
        titled("c", 0.8, "canteen", "the blue pump runs"),
        titled("d", 0.0, "", ""),
    ]

    def boosted(**shares: float) -> list[Hit]:
        how = Shape(0, 0, 1, **shares)
        return shaped(hits, how, query="blue pump", terms=str.split, dates={}, now=NOW)

    assert [one.document_name for one in boosted(title=0.3)] == ["b", "a", "c", "d"]
    assert [one.document_name for one in boosted(phrases=0.3)] == ["c", "a", "b", "d"]
    assert [(s.stage, s.score, s.weight) for s in boosted(phrases=0.3)[0].stages] == [("phrases", 1.0, 0.3)]
    assert [(s.stage, s.rank) for s in boosted(title=0.3)[0].stages] == [("title", 1)]


def test_a_question_of_one_word_has_no_neighbours():
    hits = [titled("a", 1.0, "", "pump"), titled("b", 0.5, "", "pump pump")]
    found = shaped(hits, Shape(0, 0, 1, phrases=0.9), query="pump", terms=str.split, dates={}, now=NOW)
    assert [one.document_name for one in found] == ["a", "b"]


def test_the_request_overrules_the_collection():
    collection = CollectionId(TENANT, "c")
    searching = Searching(recency=0.2, recency_days=30)
    assert shape_of(SearchRequest(collection, "q"), searching) == Shape(0.2, 0.0, 30)
    assert not shape_of(SearchRequest(collection, "q", recency=0.0), searching).changes_order
    assert shape_of(SearchRequest(collection, "q", diversity=0.1), searching) == Shape(0.2, 0.1, 30)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=8), st.floats(0, 1), st.floats(0, 1))
def test_nothing_is_lost_or_doubled(scores: list[int], recency: float, diversity: float):
    hits = [hit(str(number), float(score)) for number, score in enumerate(scores)]
    found = shaped(hits, Shape(recency, diversity, 10), query="", terms=str.split, dates={}, now=NOW)
    assert sorted(one.document_name for one in found) == sorted(one.document_name for one in hits)


def test_nothing_asked_changes_nothing():
    hits = [hit("a", 3.0), hit("b", 2.0), hit("c", 1.0)]
    assert order(hits, Shape(recency=0, diversity=0, half_life_days=1)) == "abc"
