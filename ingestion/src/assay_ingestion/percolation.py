"""What has just become searchable is run against the cached questions, and those that it would have changed go.

A version goes live first, and then it is percolated. Between the two, the collection's sequence is ahead of the
cache's, which is passed by. A crash there, or a cache that was away, leaves it behind: `catch_up` then has the cache
forget the collection, since nobody knows any more what it missed.

A passage would have changed a result if an index would have named it among the candidates: whatever fusion, reranking
or an answer makes of candidates, what was none has no part in it.
"""

import time
from collections.abc import Iterable, Sequence

import numpy as np
import structlog
from assay_core.documents import CollectionId
from assay_core.errors import Unavailable
from assay_core.ports import LexicalIndex, PercolatedCache
from assay_core.search import CachedQuestion, IndexScope
from assay_runtime.metrics import step
from assay_store import collections, index_generations
from assay_store.database import Database
from prometheus_client import Counter

from assay_ingestion.rows import IndexRows

log = structlog.get_logger()
PERCOLATED = Counter("assay_cache_percolated_total", "Cached questions that arrivals were run against.", ["outcome"])
FORGOTTEN = Counter("assay_cache_forgotten_total", "Collections whose cached questions were forgotten together.")

# Vectors are stored with 16 bits, and the index may compute with others than the cached question's own.
_COSINE_SLACK = 0.002
# Scores of BM25 fall while a collection grows: a term's idf by ln 2 of about 8 when it doubles.
_BM25_SLACK = 0.2
_CATCH_UP_S = 60.0


class Percolator:
    """Compares arrivals with cached questions; needs the lock of the index writer. Without a cache it does nothing."""

    def __init__(self, *, database: Database, lexical: LexicalIndex, cache: PercolatedCache | None) -> None:
        self._database = database
        self._lexical = lexical
        self._cache = cache
        self._next_s = 0.0

    def run(self, advanced: Iterable[CollectionId], arrived: Sequence[IndexRows]) -> None:
        """Percolate what came with the last sequence of these collections, after readers can find it.

        A cache that does not answer is passed by until `catch_up`.
        """
        if self._cache is None:
            return
        try:
            with step("percolate"):
                for collection in advanced:
                    self._percolate(self._cache, collection, [r for r in arrived if r.collection == collection])
        except Unavailable as error:
            self._next_s = 0.0
            log.info("cache.not_percolated", reason=error.message)

    def catch_up(self) -> None:
        """Have the cache forget collections of which it missed an arrival; now and then, and after a failure.

        Raises:
            Unavailable: the database does not answer.
        """
        if self._cache is None or time.monotonic() < self._next_s:
            return
        with self._database.transaction() as connection:
            sequences = collections.sequences(connection)
        self._next_s = time.monotonic() + _CATCH_UP_S
        try:
            for collection, sequence in sequences.items():
                if self._cache.forget(collection, sequence):
                    FORGOTTEN.inc()
                    log.info("cache.forgotten", collection=collection.id, sequence=sequence)
        except Unavailable as error:
            log.info("cache.not_percolated", reason=error.message)

    def start_over(self) -> None:
        """Look at once, at the next `catch_up`, for what was missed."""
        self._next_s = 0.0

    def _percolate(self, cache: PercolatedCache, collection: CollectionId, arrived: Sequence[IndexRows]) -> None:
        with self._database.transaction() as connection:
            sequence = collections.sequence_of(connection, collection)
            language = index_generations.kinds(connection, collection).of_terms.active
        kept = cache.begin(collection, sequence)
        if kept is None:
            return
        changed = [one.name for one in kept if any(self._changes(rows, one, sequence, language) for rows in arrived)]
        if cache.finish(collection, sequence, changed):
            PERCOLATED.labels("kept").inc(len(kept) - len(changed))
            PERCOLATED.labels("dropped").inc(len(changed))

    def _changes(self, rows: IndexRows, cached: CachedQuestion, sequence: int, language: str) -> bool:
        """Whether an index would have named one of the rows for this question."""
        if not cached.floors:
            return True
        readable = [place for place, row in enumerate(rows.rows) if row.acl in cached.acls]
        if not readable:
            return False
        dense, lexical = cached.floors.get("dense"), cached.floors.get("lexical")
        if dense is not None and _nearest(rows, readable, cached) >= dense - _COSINE_SLACK:
            return True
        if lexical is None:
            return False
        return self._best(rows, readable, cached, sequence, language) > lexical * (1 - _BM25_SLACK)

    def _best(
        self, rows: IndexRows, readable: Sequence[int], cached: CachedQuestion, sequence: int, language: str
    ) -> float:
        """The highest score of the rows among all that the index holds; 0 if they share no term with the question."""
        chunks = frozenset(rows.rows[place].chunk for place in readable)
        scope = IndexScope(rows.collection, cached.acls, chunks, language=language)
        hits = self._lexical.search(scope, cached.terms, top_k=1, epoch=sequence)
        return hits[0].score if hits else 0.0


def _nearest(rows: IndexRows, readable: Sequence[int], cached: CachedQuestion) -> float:
    question = np.asarray(cached.vector, dtype=np.float32)
    return float((rows.vectors[list(readable)] @ question).max())
