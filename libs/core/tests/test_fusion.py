"""Fusion against cases worked by hand, and its properties."""

import pytest
from assay_core.collection_settings import FUSIONS, NORMALIZATIONS, Searching
from assay_core.documents import ChunkId, TenantId
from assay_core.fusion import convex_combination, fuse, fused_by, reciprocal_rank_fusion
from assay_core.search import IndexHit, Scorer
from hypothesis import given
from hypothesis import strategies as st

TENANT = TenantId("t")


def hits(*names: str) -> list[IndexHit]:
    return [IndexHit(ChunkId(TENANT, name), 1.0 / rank) for rank, name in enumerate(names, start=1)]


def order(rankings: dict[str, list[IndexHit]]) -> list[str]:
    return [candidate.chunk.id for candidate in reciprocal_rank_fusion(rankings)]


def test_scores_are_summed_reciprocal_ranks():
    fused = reciprocal_rank_fusion({"dense": hits("a", "b"), "lexical": hits("b", "c")}, k=60)
    assert [(c.chunk.id, round(c.score, 6)) for c in fused] == [
        ("b", round(1 / 62 + 1 / 61, 6)),
        ("a", round(1 / 61, 6)),
        ("c", round(1 / 62, 6)),
    ]


def test_every_stage_that_saw_a_hit_explains_itself():
    fused = reciprocal_rank_fusion({"dense": hits("a", "b"), "lexical": hits("b")})
    assert [(s.stage, s.rank) for s in fused[0].stages] == [("dense", 2), ("lexical", 1)]


def test_ties_are_broken_by_id_so_that_a_search_repeats_itself():
    assert order({"dense": hits("b"), "lexical": hits("a")}) == ["a", "b"]


@given(st.permutations(["a", "b", "c", "d"]), st.permutations(["a", "b", "c", "d"]))
def test_order_of_the_rankings_does_not_matter(one: list[str], two: list[str]):
    assert order({"dense": hits(*one), "lexical": hits(*two)}) == order({"lexical": hits(*two), "dense": hits(*one)})


@given(st.permutations(["a", "b", "c", "d", "e"]))
def test_fusing_a_ranking_with_itself_keeps_its_order(names: list[str]):
    assert order({"dense": hits(*names), "lexical": hits(*names)}) == list(names)


def scored(**scores: float) -> list[IndexHit]:
    return [IndexHit(ChunkId(TENANT, name), score) for name, score in sorted(scores.items(), key=lambda one: -one[1])]


FOUND = {"dense": scored(a=0.6, b=0.2), "lexical": scored(b=10.0, c=5.0)}
WEIGHTS = {"dense": 0.75, "lexical": 0.25}


@pytest.mark.parametrize(
    ("normalization", "expected"),
    [
        # dense (cosine + 1) / 1.6, and .75 where it is not found; lexical score / 10, and 0 where it is not.
        ("theoretical", {"a": 0.75, "b": 0.75 * 0.75 + 0.25, "c": 0.75 * 0.75 + 0.25 * 0.5}),
        ("min-max", {"a": 0.75, "b": 0.25, "c": 0.0}),
        # means .4 and 7.5, deviations .2 and 2.5; what shares no word is three deviations below.
        ("z", {"a": 0.75 - 0.75, "b": -0.75 + 0.25, "c": -0.75 - 0.25}),
    ],
)
def test_scores_are_combined_on_one_scale(normalization: str, expected: dict[str, float]):
    fused = convex_combination(FOUND, normalization=normalization, weights=WEIGHTS)
    assert {c.chunk.id: c.score for c in fused} == pytest.approx(expected)


def test_absolute_scores_do_not_depend_on_what_else_was_found():
    lexical = [IndexHit(ChunkId(TENANT, "b"), 10.0, share=0.8), IndexHit(ChunkId(TENANT, "c"), 5.0, share=0.4)]
    whole = convex_combination(FOUND | {"lexical": lexical}, normalization="absolute", weights=WEIGHTS)
    assert {c.chunk.id: c.score for c in whole} == pytest.approx(
        {"a": 0.75 * 0.8, "b": 0.75 * 0.6 + 0.25 * 0.8, "c": 0.75 * 0.6 + 0.25 * 0.4}
    )
    fewer = {"dense": FOUND["dense"][1:], "lexical": lexical[:1]}
    (alone,) = convex_combination(fewer, normalization="absolute", weights=WEIGHTS)
    assert alone.score == pytest.approx(0.75 * 0.6 + 0.25 * 0.8)


def test_an_index_that_does_not_know_the_most_is_measured_by_its_best():
    found = convex_combination({"lexical": FOUND["lexical"]}, normalization="absolute", weights={"lexical": 1.0})
    assert [c.score for c in found] == [1.0, 0.5]


@pytest.mark.parametrize("fusion", FUSIONS)
def test_what_a_stage_adds_is_told(fusion: str):
    searching = Searching().changed({"fusion": fusion})
    by_id = {c.chunk.id: c for c in fuse(FOUND, searching)}
    assert [(s.stage, s.rank, s.score) for s in by_id["b"].stages] == [("dense", 2, 0.2), ("lexical", 1, 10.0)]
    assert sum((s.normalized or 0) * (s.weight or 0) for s in by_id["b"].stages) == pytest.approx(by_id["b"].score)


def test_the_weight_of_ranks_moves_what_leads():
    by_rank = Searching().changed({"fusion": "rrf"})
    assert [c.chunk.id for c in fuse(FOUND, by_rank.changed({"dense_weight": 1.0}))][:2] == ["a", "b"]
    assert [c.chunk.id for c in fuse(FOUND, by_rank.changed({"dense_weight": 0.0}))][:2] == ["b", "c"]
    assert fuse(FOUND, by_rank) == reciprocal_rank_fusion(FOUND)


def test_who_made_the_scores_is_said():
    assert fused_by(Searching()) is Scorer.CONVEX
    assert fused_by(Searching().changed({"fusion": "rrf"})) is Scorer.RRF


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@given(st.dictionaries(st.sampled_from("abcdef"), st.integers(-9, 10).map(lambda n: n / 10), max_size=6), st.data())
def test_a_stage_that_has_all_the_weight_keeps_its_order(
    normalization: str, dense: dict[str, float], data: st.DataObject
):
    lexical = data.draw(st.dictionaries(st.sampled_from("defghi"), st.floats(0.1, 30), max_size=6))
    found = {"dense": scored(**dense), "lexical": scored(**lexical)}
    fused = convex_combination(found, normalization=normalization, weights={"dense": 1.0, "lexical": 0.0})
    kept = [c for c in fused if c.chunk.id in dense]
    assert [dense[c.chunk.id] for c in kept] == sorted(dense.values(), reverse=True)
    assert {c.chunk.id for c in fused} == dense.keys() | lexical.keys()


def test_a_stage_whose_hits_are_all_alike_counts_each_of_them_alike():
    found = {"dense": scored(a=0.5, b=0.5), "lexical": scored(b=3.0)}
    fused = convex_combination(found, normalization="z", weights=WEIGHTS)
    assert {c.chunk.id: c.score for c in fused} == {"a": 0.75, "b": 1.0}
