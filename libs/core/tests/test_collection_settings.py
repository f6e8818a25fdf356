from typing import Any

import pytest
from assay_core.collection_settings import Answering, Chunking, CollectionSettings, FieldType, Searching, Strategy
from assay_core.errors import Invalid


def test_settings_come_back_as_they_were_stored() -> None:
    chosen = CollectionSettings().changed(
        {"chunking": {"strategy": "parent-child", "budget_tokens": 64}, "fields": {"year": "number", "kind": "tags"}}
    )
    assert CollectionSettings.stored(chosen.as_json()) == chosen
    assert chosen.fields == {"kind": FieldType.TAGS, "year": FieldType.NUMBER}


def test_what_a_newer_release_stored_is_passed_over() -> None:
    stored = CollectionSettings(keep_versions_days=7).as_json()
    stored |= {"colour": "red", "chunking": stored["chunking"] | {"mood": "calm"}}
    assert CollectionSettings.stored(stored) == CollectionSettings(keep_versions_days=7)


def test_how_it_answers_comes_back_as_it_was_promoted() -> None:
    chosen = CollectionSettings().changed({"answering": {"prompt": "cite.v1", "mode": "dense", "top_k": 9}})
    assert chosen.answering == Answering("cite.v1", "dense", True, 9)
    assert CollectionSettings.stored(chosen.as_json()) == chosen
    newer = chosen.as_json()
    newer["answering"]["tone"] = "calm"
    assert CollectionSettings.stored(newer) == chosen


@pytest.mark.parametrize(
    "changes", [{"prompt": "../x"}, {"prompt": 1}, {"mode": "magic"}, {"rerank": "yes"}, {"top_k": 51}, {"tone": 1}]
)
def test_what_nobody_can_answer_with_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        CollectionSettings().changed({"answering": changes})


def test_how_it_is_searched_comes_back_as_it_was_set() -> None:
    chosen = CollectionSettings().changed({"searching": {"dense_weight": 0.6}})
    assert chosen.searching == Searching("convex", "absolute", 0.6)
    assert CollectionSettings.stored(chosen.as_json()) == chosen
    newer = chosen.as_json()
    newer["searching"]["tone"] = "calm"
    assert CollectionSettings.stored(newer) == chosen


def test_another_fusion_begins_with_its_own_weight() -> None:
    start = Searching(dense_weight=0.9)
    assert start.changed({"fusion": "rrf"}).dense_weight == 0.5
    assert start.changed({"normalization": "z", "dense_weight": 0.4}).dense_weight == 0.4
    assert start.changed({"fusion": "convex"}).dense_weight == 0.9


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"fusion": "magic"}, "convex, rrf"),
        ({"normalization": 1}, "absolute, theoretical, min-max, z"),
        ({"dense_weight": 1.5}, "from 0 to 1"),
        ({"dense_weight": True}, "from 0 to 1"),
        ({"recency": -0.1}, "from 0 to 1"),
        ({"recency_days": 0}, "1 to 3650"),
        ({"recency_field": "No"}, "declared date field"),
        ({"recency_field": "published"}, "no declared date field"),
        ({"diversity": "much"}, "from 0 to 1"),
        ({"expand": "all"}, "use one of off, neighbours, section"),
        ({"expand_tokens": 3}, "16 to"),
        ({"spelling": "no"}, "true or false"),
        ({"rewriting": "always"}, "use one of off, rewrite"),
        ({"rewriting": "hyde", "fusion": "rrf"}, "set rewriting to 'off'"),
        ({"tone": 1}, "'tone'"),
    ],
)
def test_what_nobody_can_search_with_is_refused(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(Invalid, match=named):
        CollectionSettings().changed({"searching": changes})


def test_changes_keep_what_they_do_not_name() -> None:
    start = CollectionSettings(Chunking(budget_tokens=100, overlap_tokens=20), {"year": FieldType.NUMBER})
    changed = start.changed({"chunking": {"overlap_tokens": 10}})
    assert changed == CollectionSettings(Chunking(budget_tokens=100, overlap_tokens=10), start.fields)


def test_another_strategy_begins_with_its_own_numbers() -> None:
    start = CollectionSettings(Chunking(budget_tokens=500, overlap_tokens=20))
    chunking = start.changed({"chunking": {"strategy": "parent-child"}}).chunking
    assert (chunking.strategy, chunking.budget_tokens, chunking.parent_tokens) == (Strategy.PARENT_CHILD, 60, 220)


def test_only_what_makes_a_difference_is_in_the_recipe() -> None:
    assert Chunking().recipe == "structure/220/30"  # the default of the column `versions.chunking`
    assert Chunking(parent_tokens=2000).recipe == Chunking().recipe
    assert Chunking(overlap_tokens=10).recipe != Chunking().recipe
    assert Chunking(context_lines=True).recipe != Chunking().recipe
    assert Chunking(Strategy.PARENT_CHILD, parent_tokens=2000).recipe != Chunking(Strategy.PARENT_CHILD).recipe


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"colour": 1}, "'colour'"),
        ({"chunking": {"mood": 1}}, "'mood'"),
        ({"chunking": {"strategy": "magic"}}, "structure, fixed, recursive, semantic, parent-child"),
        ({"chunking": {"budget_tokens": 15}}, "16 to 8192"),
        ({"chunking": {"budget_tokens": True}}, "budget_tokens is True"),
        ({"chunking": {"overlap_tokens": 111}}, "0 to 110"),
        ({"chunking": {"parent_tokens": 100}}, "220 to"),
        ({"chunking": {"context_lines": 1}}, "true or false"),
        ({"chunking": []}, "object"),
        ({"fields": {"Year": "number"}}, "'Year'"),
        ({"fields": {"year": "integer"}}, "string, number, date, tags"),
        ({"fields": {f"f{n}": "string" for n in range(33)}}, "32"),
        ({"near_duplicates": "drop"}, "report, keep_one"),
        ({"keep_versions_days": -1}, "0 to 3650"),
    ],
)
def test_what_cannot_be_used_is_named(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(Invalid, match=named):
        CollectionSettings().changed(changes)
