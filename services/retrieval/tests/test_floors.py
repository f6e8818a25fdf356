from assay_core.documents import ChunkId, TenantId
from assay_core.search import IndexHit
from assay_retrieval.floors import floor_of

RANKING = [IndexHit(ChunkId(TenantId("t"), str(n)), score) for n, score in enumerate((0.9, 0.5, 0.25))]


def test_the_floor_is_the_score_of_the_last_candidate():
    assert floor_of("dense", RANKING, 3) == 0.25


def test_any_passage_would_be_taken_while_there_are_fewer_than_asked_for():
    assert [floor_of(index, RANKING, 4) for index in ("dense", "lexical")] == [-1.0, 0.0]
    assert floor_of("dense", [], 3) == -1.0
