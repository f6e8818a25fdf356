"""The order of candidates for a reranker."""

from assay_core.documents import ChunkId, TenantId
from assay_core.fusion import reciprocal_rank_fusion, reranking_order, single_ranking
from assay_core.search import IndexHit
from hypothesis import given
from hypothesis import strategies as st

TENANT = TenantId("t")


def hits(*names: str) -> list[IndexHit]:
    return [IndexHit(ChunkId(TENANT, name), 1.0 / rank) for rank, name in enumerate(names, start=1)]


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
