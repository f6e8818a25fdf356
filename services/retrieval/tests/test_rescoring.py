"""Exact scores order the hits of a compressing index, and few readable chunks are all looked at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from assay_core.documents import AclId, ChunkId, CollectionId, TenantId
from assay_core.ports import Vector
from assay_core.search import IndexHit, IndexScope
from assay_retrieval.kept_vectors import Row
from assay_retrieval.rescoring import MOST_RESCORED, Rescored

TENANT = TenantId("acme")
SCOPE = IndexScope(CollectionId(TENANT, "handbook"), frozenset({AclId(1)}))
QUERY = (1.0, 0.0)


def chunk(number: int) -> ChunkId:
    return ChunkId(TENANT, f"{number:05}")


def towards(cosine: float) -> Row:
    return np.asarray([cosine, (1 - cosine**2) ** 0.5], dtype=np.float32)


@dataclass
class Approximate:
    """An index whose order is that of its hits, whatever the query."""

    hits: list[IndexHit]
    asked: list[tuple[IndexScope, int]] = field(default_factory=list[tuple[IndexScope, int]])

    def search(self, scope: IndexScope, vector: Vector, *, top_k: int, timeout_s: float) -> list[IndexHit]:  # noqa: ARG002
        self.asked.append((scope, top_k))
        return self.hits[:top_k]

    def stored(self, collection: CollectionId, chunks: Sequence[ChunkId]) -> dict[ChunkId, bytes]:  # noqa: ARG002
        return dict.fromkeys(chunks, b"")


@dataclass
class Kept:
    rows: Mapping[ChunkId, Row | None]

    def of(self, collection: CollectionId, chunks: Sequence[ChunkId]) -> dict[ChunkId, Row | None]:  # noqa: ARG002
        return {one: self.rows[one] for one in chunks if one in self.rows}


def rescored(
    index: Approximate, rows: Mapping[ChunkId, Row | None], *, narrow: bool = False, factor: int = 4
) -> Rescored:
    return Rescored(index, kept=Kept(rows), narrow=lambda _: narrow, factor=factor)


def test_hits_beyond_the_asked_ones_come_up_by_their_exact_scores() -> None:
    index = Approximate([IndexHit(chunk(i), 0.9 - i / 100) for i in range(20)])
    rows = {chunk(i): towards(i / 20) for i in range(20)}
    found = rescored(index, rows).search(SCOPE, QUERY, top_k=3, timeout_s=1)
    assert [hit.chunk for hit in found] == [chunk(11), chunk(10), chunk(9)]
    assert [hit.score for hit in found] == pytest.approx([11 / 20, 10 / 20, 9 / 20])


def test_what_sql_does_not_know_is_no_hit() -> None:
    index = Approximate([IndexHit(chunk(i), 0.9) for i in range(3)])
    found = rescored(index, {chunk(1): towards(0.5)}).search(SCOPE, QUERY, top_k=3, timeout_s=1)
    assert [hit.chunk for hit in found] == [chunk(1)]


def test_a_vector_that_cannot_be_read_leaves_the_score_of_the_index() -> None:
    index = Approximate([IndexHit(chunk(0), 0.4), IndexHit(chunk(1), 0.3)])
    found = rescored(index, {chunk(0): None, chunk(1): towards(0.8)}).search(SCOPE, QUERY, top_k=2, timeout_s=1)
    assert [hit.chunk for hit in found] == [chunk(1), chunk(0)]
    assert [hit.score for hit in found] == pytest.approx([0.8, 0.4])


def test_very_deep_searches_are_not_made_deeper() -> None:
    index = Approximate([IndexHit(chunk(i), 1 - i / 10_000) for i in range(5000)])
    rows = {chunk(i): towards(0.5) for i in range(5000)}
    found = rescored(index, rows).search(SCOPE, QUERY, top_k=MOST_RESCORED + 5, timeout_s=1)
    assert [asked for _, asked in index.asked] == [MOST_RESCORED + 5]
    assert len({hit.chunk for hit in found}) == MOST_RESCORED + 5


@pytest.mark.parametrize("narrow", [True, False])
def test_the_index_is_told_that_few_chunks_may_be_read(*, narrow: bool) -> None:
    index = Approximate([])
    rescored(index, {}, narrow=narrow).search(SCOPE, QUERY, top_k=3, timeout_s=1)
    assert index.asked == [(replace(SCOPE, narrow=narrow), 12)]


def test_chosen_chunks_are_narrow_by_themselves() -> None:
    index = Approximate([])
    scope = replace(SCOPE, chunks=frozenset({chunk(1)}))
    rescored(index, {}, narrow=True).search(scope, QUERY, top_k=3, timeout_s=1)
    assert index.asked == [(scope, 12)]


def test_who_may_read_nothing_finds_nothing() -> None:
    index = Approximate([IndexHit(chunk(0), 0.4)])
    scope = replace(SCOPE, acls=frozenset[AclId]())
    assert rescored(index, {chunk(0): towards(0.4)}).search(scope, QUERY, top_k=3, timeout_s=1) == []
