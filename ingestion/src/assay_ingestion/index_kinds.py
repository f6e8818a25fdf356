"""One vector index per profile that collections have (HNSW, IVF_PQ with parameters …), seen as one."""

import json
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from assay_core.documents import ChunkId, CollectionId
from assay_core.ports import Vector, VectorIndex, Vectors
from assay_core.search import IndexCounts, IndexHit, IndexRow, IndexScope
from assay_store import index_generations
from assay_store.database import Database
from assay_store.index_generations import Kinds

DEFAULT_KIND = "hnsw"


class SealableIndex(VectorIndex, Protocol):
    """A vector index with what its only writer also needs."""

    def ping(self, timeout_s: float) -> None:
        """A real query. Raises `Unavailable`."""
        ...

    def seal(self) -> None:
        """Make what was written lately as fast to search as the rest; called when no more writes are expected soon."""
        ...

    def indexed(self) -> bool:
        """Whether what was sealed has its index, as far as there are rows enough for one."""
        ...

    def stored(self, collection: CollectionId, chunks: Sequence[ChunkId]) -> dict[ChunkId, bytes]:
        """The vectors that are stored for these chunks, as the bytes that its files hold."""
        ...

    def begin_purge(self) -> str:
        """Have the files rewritten without deleted rows. Returns what `purged` is to be asked."""
        ...

    def purged(self, purge: str) -> bool:
        """Whether that has ended."""
        ...

    def close(self) -> None: ...


def counted(chunks: Sequence[ChunkId], kinds: Kinds, counts: Mapping[str, IndexCounts]) -> IndexCounts:
    """What several indexes hold together: a row is missing if one lacks it that should hold everything."""
    lacking = {kind: set(found.missing) for kind, found in counts.items()}
    missing = set[ChunkId]().union(*(lacking[kind] for kind in kinds.complete))
    partly = missing.difference(set.intersection(*lacking.values()))
    return IndexCounts(len(chunks), len(set(chunks)) - len(missing), tuple(missing), tuple(partly))


class DenseIndexes:
    """A vector index that asks, for each collection, the one of its kind, and writes to those of all its generations.

    Which these are is read before each step: whoever begins a generation need tell nobody.
    """

    def __init__(self, database: Database, opened: Callable[[str], SealableIndex]) -> None:
        self._database = database
        self._open = opened
        self._lock = threading.Lock()
        self._by_kind: dict[str, SealableIndex] = {}

    def upsert(self, rows: Sequence[IndexRow], vectors: Vectors) -> None:
        by_collection = defaultdict[CollectionId, list[tuple[IndexRow, Vector]]](list)
        for row, vector in zip(rows, vectors, strict=True):
            by_collection[row.collection].append((row, vector))
        for collection, pairs in by_collection.items():
            for index in self._written(collection):
                index.upsert([row for row, _ in pairs], [vector for _, vector in pairs])

    def delete(self, collection: CollectionId, chunks: Sequence[ChunkId]) -> None:
        for index in self._written(collection):
            index.delete(collection, chunks)

    def count(self, collection: CollectionId, chunks: Sequence[ChunkId]) -> IndexCounts:
        """A row is missing if a generation lacks it that should hold everything."""
        kinds = self._kinds(collection)
        return counted(chunks, kinds, {kind: self.of_kind(kind).count(collection, chunks) for kind in kinds.written})

    def search(self, scope: IndexScope, vector: Vector, *, top_k: int, timeout_s: float) -> list[IndexHit]:
        return self._of(scope.collection).search(scope, vector, top_k=top_k, timeout_s=timeout_s)

    def drop(self, collection: CollectionId) -> None:
        for index in self._written(collection):
            index.drop(collection)

    def ping(self, timeout_s: float) -> None:
        self.of_kind(DEFAULT_KIND).ping(timeout_s)

    def seal(self) -> None:
        for index in self._opened():
            index.seal()

    def indexed(self) -> bool:
        return all(index.indexed() for index in self._opened())

    def stored(self, collection: CollectionId, chunks: Sequence[ChunkId]) -> dict[ChunkId, bytes]:
        return self._of(collection).stored(collection, chunks)

    def begin_purge(self) -> str:
        with self._database.transaction() as connection:
            kinds = index_generations.kinds_ever(connection)
        return json.dumps({kind: self.of_kind(kind).begin_purge() for kind in kinds})

    def purged(self, purge: str) -> bool:
        return all(self.of_kind(kind).purged(ticket) for kind, ticket in json.loads(purge).items())

    def close(self) -> None:
        for index in self._opened():
            index.close()

    def _of(self, collection: CollectionId) -> SealableIndex:
        return self.of_kind(self._kinds(collection).active)

    def _written(self, collection: CollectionId) -> list[SealableIndex]:
        return [self.of_kind(kind) for kind in self._kinds(collection).written]

    def _kinds(self, collection: CollectionId) -> Kinds:
        with self._database.transaction() as connection:
            return index_generations.kinds(connection, collection).of_vectors

    def of_kind(self, kind: str) -> SealableIndex:
        """The index of one kind."""
        with self._lock:
            if kind not in self._by_kind:
                self._by_kind[kind] = self._open(kind)
            return self._by_kind[kind]

    def _opened(self) -> list[SealableIndex]:
        with self._lock:
            return list(self._by_kind.values())
