"""Exact scores for the hits of an index that compresses its vectors."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
from assay_core.documents import ChunkId, CollectionId
from assay_core.ports import Vector
from assay_core.search import IndexHit, IndexScope
from assay_store import visibility
from assay_store.database import Database

from assay_retrieval.dense_indexes import DenseIndex
from assay_retrieval.kept_vectors import Row

MOST_RESCORED = 2000
"""About 50 ms of reading."""
MOST_NARROW = 10_000
"""A principal who may read up to so many chunks of a collection has all of them looked at."""
_REMEMBERED = 4096
_REMEMBER_S = 60.0


class ReadableVectors(Protocol):
    """Exact vectors by chunk."""

    def of(self, collection: CollectionId, chunks: Sequence[ChunkId]) -> dict[ChunkId, Row | None]:
        """Float32 rows of unit length; None where one cannot be read. Deleted chunks are left out."""
        ...


class NarrowReaders:
    """Tells who may read only little of a collection. What it said is believed for a minute: it decides how hard is
    looked, never what is shown."""

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[CollectionId, frozenset[int]], tuple[float, bool]] = OrderedDict()

    def includes(self, scope: IndexScope) -> bool:
        """Whether all that may be read of a collection is up to `MOST_NARROW` chunks."""
        who = scope.collection, frozenset(int(acl) for acl in scope.acls)
        with self._lock:
            until, narrow = self._known.get(who, (0.0, False))
        if self._clock() < until:
            return narrow
        with self._database.transaction() as connection:
            narrow = not visibility.reads_more_than(connection, scope.collection, scope.acls, MOST_NARROW)
        with self._lock:
            self._known[who] = self._clock() + _REMEMBER_S, narrow
            self._known.move_to_end(who)
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return narrow


class Rescored:
    """The search of a vector index, `factor` times as deep as asked, its hits scored again by the kept vectors.

    A hit whose vector cannot be read keeps the index's own score, which estimates the same cosine.
    """

    def __init__(
        self, index: DenseIndex, *, kept: ReadableVectors, narrow: Callable[[IndexScope], bool], factor: int
    ) -> None:
        self._index = index
        self._kept = kept
        self._narrow = narrow
        self._factor = factor

    def search(self, scope: IndexScope, vector: Vector, *, top_k: int, timeout_s: float) -> list[IndexHit]:
        if not scope.acls:
            return []
        if scope.chunks is None and self._narrow(scope):
            scope = replace(scope, narrow=True)
        depth = max(top_k, min(self._factor * top_k, MOST_RESCORED))
        hits = self._index.search(scope, vector, top_k=depth, timeout_s=timeout_s)
        query = np.asarray(list(vector), dtype=np.float32)
        rows = self._kept.of(scope.collection, [hit.chunk for hit in hits[:MOST_RESCORED]])
        exact = [
            hit if (row := rows[hit.chunk]) is None else replace(hit, score=float(row @ query))
            for hit in hits[:MOST_RESCORED]
            if hit.chunk in rows
        ]
        return [*sorted(exact, key=lambda hit: (-hit.score, hit.chunk.id)), *hits[MOST_RESCORED:]][:top_k]

    def stored(self, collection: CollectionId, chunks: Sequence[ChunkId]) -> dict[ChunkId, bytes]:
        return self._index.stored(collection, chunks)
