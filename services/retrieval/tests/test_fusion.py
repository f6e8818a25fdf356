"""Reciprocal rank fusion against a case worked by hand, and its properties."""

from assay_core.documents import ChunkId, TenantId
from assay_core.search import IndexHit
from assay_retrieval.fusion import reciprocal_rank_fusion, reranking_order, single_ranking
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


def test_a_single_ranking_keeps_its_own_scores():
    assert [c.score for c in single_ranking("dense", hits("a", "b"))] == [1.0, 0.5]


def pooled(dense: str, lexical: str, *, size: int, share: int = 4) -> str:
    candidates = reciprocal_rank_fusion({"dense": hits(*dense), "lexical": hits(*lexical)})
    return "".join(c.chunk.id for c in reranking_order(candidates, size=size, first="dense", share=share))


def test_the_reranking_pool_takes_most_from_the_first_stage_and_some_of_the_best_of_the_other():
    assert pooled("abcdefgh", "vwxyz", size=6, share=2)[:6] == "abvcdw"


def test_what_is_not_in_the_pool_follows_by_fused_score():
    assert pooled("abcdef", "fexyz", size=3, share=2) == "abf" + "ecxdyz"


def test_a_missing_stage_leaves_the_pool_to_the_other():
    assert pooled("", "xyz", size=2) == "xyz"
    assert pooled("abc", "", size=2) == "abc"


@given(st.permutations("abcdefgh"), st.permutations("efghijkl"), st.integers(0, 15), st.integers(1, 5))
def test_the_reranking_order_loses_and_doubles_nothing(dense: list[str], lexical: list[str], size: int, share: int):
    assert sorted(pooled("".join(dense), "".join(lexical), size=size, share=share)) == list("abcdefghijkl")
