"""What the nightly evaluation asks of the dense index: how much of the exact result it finds, samples of vectors."""

import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from assay_core.documents import ChunkId, CollectionId
from assay_core.errors import Exhausted, Invalid
from assay_core.ports import Embedder
from assay_core.principals import Principal
from assay_store import visibility
from assay_store.database import Database
from assay_wire import internal

from assay_retrieval.dense_indexes import DenseIndex
from assay_retrieval.exact_search import ExactSearch, Matrix
from assay_retrieval.scope import SearchScope, load_scope

MOST_QUESTIONS = 500
MOST_VECTORS = 2_000
_BATCH = 5_000
# As deep as a search for ten looks, whose dead and unreadable hits are left out afterwards.
_DEPTH_FACTOR = 5
_SEARCH_TIMEOUT_S = 5.0


class Inspector:
    """Looks into the dense index, as one principal."""

    def __init__(
        self, *, database: Database, embedder: Callable[[], Embedder], dense: Callable[[str], DenseIndex]
    ) -> None:
        self._database = database
        self._embedder = embedder
        self._dense = dense

    def check(self, principal: Principal, asked: internal.IndexCheck, *, deadline_s: float) -> internal.IndexReport:
        """Compare the index with a search through every vector that the principal may read.

        Raises:
            Exhausted: it did not end in time; the index is larger than the time allows.
            Invalid: no or too many questions.
        """
        if not 1 <= len(asked.questions) <= MOST_QUESTIONS:
            raise Invalid(f"{len(asked.questions)} questions; send 1 to {MOST_QUESTIONS}.", code="too_many_texts")
        scope = self._scope(principal, asked.collection_id)
        index = self._dense(scope.collection.index_kind)
        queries = self._embed(asked.questions)
        found = [self._found(index, scope, query, asked.top_k) for query in queries]
        exact = ExactSearch(queries, top_k=asked.top_k)
        chunks = missing = 0
        for batch in _until(self._live(scope), deadline_s):
            held = index.stored(scope.collection.id, batch)
            chunks, missing = chunks + len(batch), missing + len(batch) - len(held)
            if held:
                exact.show(_matrix(held))
        recalls = exact.recalls([self._cosines(index, scope, q, f) for q, f in zip(queries, found, strict=True)])
        return internal.IndexReport(tuple(recalls), scope.collection.index_kind, chunks, missing)

    def sample(self, principal: Principal, asked: internal.VectorSample) -> internal.Vectors:
        """Vectors of live chunks of documents that went live within a time, as they come."""
        if not 1 <= asked.limit <= MOST_VECTORS:
            raise Invalid(f"The limit is {asked.limit}; ask for 1 to {MOST_VECTORS} vectors.", code="bad_limit")
        scope = self._scope(principal, asked.collection_id)
        with self._database.transaction() as connection:
            chunks = visibility.sample_live(
                connection, scope.collection.id, scope.index.acls, asked.since, asked.until, limit=asked.limit
            )
        held = self._dense(scope.collection.index_kind).stored(scope.collection.id, chunks)
        return internal.Vectors(tuple(tuple(float(x) for x in row) for row in _matrix(held)) if held else ())

    def _scope(self, principal: Principal, collection: str) -> SearchScope:
        return load_scope(self._database, principal, CollectionId(principal.tenant, collection))

    def _embed(self, questions: Sequence[str]) -> Matrix:
        return np.asarray(list(self._embedder().embed_queries(questions)), dtype=np.float32)

    def _found(self, index: DenseIndex, scope: SearchScope, query: Matrix, top_k: int) -> list[ChunkId]:
        """What a search would show, best first."""
        if not scope.index.acls:
            return []
        hits = index.search(scope.index, query, top_k=_DEPTH_FACTOR * top_k, timeout_s=_SEARCH_TIMEOUT_S)
        with self._database.transaction() as connection:
            live = visibility.live_chunks(
                connection, scope.collection.id, scope.index.acls, [hit.chunk for hit in hits]
            )
        return [hit.chunk for hit in hits if hit.chunk in live][:top_k]

    def _cosines(self, index: DenseIndex, scope: SearchScope, query: Matrix, found: list[ChunkId]) -> list[float]:
        held = index.stored(scope.collection.id, found)
        return [float(cosine) for cosine in _matrix(held) @ query] if held else []

    def _live(self, scope: SearchScope) -> Iterator[list[ChunkId]]:
        last: ChunkId | None = None
        while True:
            with self._database.transaction() as connection:
                batch = visibility.live_after(
                    connection, scope.collection.id, scope.index.acls, after=last, limit=_BATCH
                )
            if not batch:
                return
            yield batch
            last = batch[-1]


def _until(batches: Iterator[list[ChunkId]], deadline_s: float) -> Iterator[list[ChunkId]]:
    end = time.monotonic() + deadline_s
    for batch in batches:
        if time.monotonic() > end:
            raise Exhausted(f"Not all vectors could be looked at within {deadline_s:.0f} s.", code="deadline")
        yield batch


def _matrix(held: dict[ChunkId, bytes]) -> Matrix:
    return np.frombuffer(b"".join(held.values()), dtype="<f4").reshape(len(held), -1)
