import math
import struct
import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from assay_core.documents import ChunkId, CollectionId
from assay_core.errors import Invalid, Unavailable
from assay_core.ports import Vector, Vectors
from assay_core.search import IndexCounts, IndexHit, IndexRow, IndexScope
from assay_core.spelling import edits_between

from assay_testing.words import content_words


@dataclass(frozen=True, slots=True)
class _Vectored:
    row: IndexRow
    vector: tuple[float, ...]


class FakeVectorIndex:
    """Exact cosine search over a dictionary. Set `down` to make every call raise `Unavailable`."""

    def __init__(self) -> None:
        self.down = False
        self._lock = threading.Lock()
        self._rows: dict[ChunkId, _Vectored] = {}

    def upsert(self, rows: Sequence[IndexRow], vectors: Vectors) -> None:
        _check(down=self.down)
        if len(rows) != len(vectors):
            raise Invalid(f"{len(rows)} rows came with {len(vectors)} vectors; give one for each row")
        with self._lock:
            for row, vector in zip(rows, vectors, strict=True):
                self._rows[row.chunk] = _Vectored(row, tuple(float(x) for x in vector))

    def delete(self, collection: CollectionId, chunks: Sequence[ChunkId]) -> None:
        _check(down=self.down)
        with self._lock:
            for chunk in _held(self._rows, collection, chunks):
                del self._rows[chunk]

    def count(self, collection: CollectionId, chunks: Sequence[ChunkId]) -> IndexCounts:
        _check(down=self.down)
        with self._lock:
            return _counts(chunks, _held(self._rows, collection, chunks))

    def search(
        self,
        scope: IndexScope,
        vector: Vector,
        *,
        top_k: int,
        timeout_s: float,  # noqa: ARG002 (memory needs no time limit)
    ) -> list[IndexHit]:
        _check(down=self.down)
        query = [float(x) for x in vector]
        with self._lock:
            hits = [
                IndexHit(chunk, sum(a * b for a, b in zip(query, held.vector, strict=True)))
                for chunk, held in self._rows.items()
                if held.row.collection == scope.collection and _allowed(held.row, scope)
            ]
        return sorted(hits, key=lambda hit: (-hit.score, hit.chunk))[:top_k]

    def drop(self, collection: CollectionId) -> None:
        _check(down=self.down)
        with self._lock:
            self._rows = {c: held for c, held in self._rows.items() if held.row.collection != collection}

    def stored(self, collection: CollectionId, chunks: Sequence[ChunkId]) -> dict[ChunkId, bytes]:
        """The vectors of these chunks as little-endian float32."""
        _check(down=self.down)
        with self._lock:
            held = {chunk: self._rows[chunk].vector for chunk in _held(self._rows, collection, chunks)}
        return {chunk: struct.pack(f"<{len(vector)}f", *vector) for chunk, vector in held.items()}

    def begin_purge(self) -> str:
        """Memory has no files to rewrite."""
        _check(down=self.down)
        return "done"

    def purged(self, purge: str) -> bool:
        _check(down=self.down)
        return purge == "done"


@dataclass(frozen=True, slots=True)
class _Worded:
    row: IndexRow
    terms: Counter[str]


class FakeLexicalIndex:
    """BM25 (k1 = 0.9, b = 0.4) over a dictionary; a trailing "s" is cut so that plurals meet."""

    def __init__(self) -> None:
        self.down = False
        self._lock = threading.Lock()
        self._rows: dict[ChunkId, _Worded] = {}

    def upsert(self, rows: Sequence[IndexRow], texts: Sequence[str]) -> None:
        _check(down=self.down)
        if len(rows) != len(texts):
            raise Invalid(f"{len(rows)} rows came with {len(texts)} texts; give one for each row")
        with self._lock:
            for row, text in zip(rows, texts, strict=True):
                self._rows[row.chunk] = _Worded(row, Counter(_terms(text)))

    def delete(self, collection: CollectionId, chunks: Sequence[ChunkId]) -> None:
        _check(down=self.down)
        with self._lock:
            for chunk in _held(self._rows, collection, chunks):
                del self._rows[chunk]

    def count(self, collection: CollectionId, chunks: Sequence[ChunkId]) -> IndexCounts:
        _check(down=self.down)
        with self._lock:
            return _counts(chunks, _held(self._rows, collection, chunks))

    def search(
        self,
        scope: IndexScope,
        query: str,
        *,
        top_k: int,
        epoch: int,  # noqa: ARG002 (memory is always fresh)
    ) -> list[IndexHit]:
        _check(down=self.down)
        with self._lock:
            held = [worded for worded in self._rows.values() if worded.row.collection == scope.collection]
        scores = _bm25(held, set(_terms(query)))
        most = _most(held, set(_terms(query)))
        hits = [
            IndexHit(worded.row.chunk, score, share=score / most)
            for worded, score in zip(held, scores, strict=True)
            if score > 0 and _allowed(worded.row, scope)
        ]
        return sorted(hits, key=lambda hit: (-hit.score, hit.chunk))[:top_k]

    def unknown(self, scope: IndexScope, words: Sequence[str], *, epoch: int) -> list[str]:
        rows = self.rows_with(scope, words, epoch=epoch)
        return [word for word, held in zip(words, rows, strict=True) if not held]

    def rows_with(
        self,
        scope: IndexScope,
        words: Sequence[str],
        *,
        epoch: int,  # noqa: ARG002 (memory is always fresh)
    ) -> list[int]:
        held = self._readable(scope)
        return [sum(all(term in worded.terms for term in _terms(word)) for worded in held) for word in words]

    def rows_like(
        self,
        scope: IndexScope,
        word: str,
        beside: str,
        *,
        top_k: int,
        epoch: int,  # noqa: ARG002 (memory is always fresh)
    ) -> list[ChunkId]:
        asked = _terms(word)
        near = [worded for worded in self._readable(scope) if any(_alike(asked, term) for term in worded.terms)]
        beside_terms = set(_terms(beside))
        order = sorted(near, key=lambda worded: (-len(beside_terms & set(worded.terms)), worded.row.chunk))
        return [worded.row.chunk for worded in order[:top_k]]

    def _readable(self, scope: IndexScope) -> list[_Worded]:
        _check(down=self.down)
        with self._lock:
            rows = list(self._rows.values())
        return [worded for worded in rows if worded.row.collection == scope.collection and _allowed(worded.row, scope)]

    def drop(self, collection: CollectionId) -> None:
        _check(down=self.down)
        with self._lock:
            self._rows = {c: held for c, held in self._rows.items() if held.row.collection != collection}

    def purge(self, collection: CollectionId) -> list[ChunkId]:  # noqa: ARG002 (memory has no files to rewrite)
        _check(down=self.down)
        return []


def _allowed(row: IndexRow, scope: IndexScope) -> bool:
    return row.acl in scope.acls and (scope.chunks is None or row.chunk in scope.chunks)


def _check(*, down: bool) -> None:
    if down:
        raise Unavailable("the index is switched off for this test")


def _held(
    rows: dict[ChunkId, _Vectored] | dict[ChunkId, _Worded],
    collection: CollectionId,
    chunks: Iterable[ChunkId],
) -> set[ChunkId]:
    return {chunk for chunk in chunks if chunk in rows and rows[chunk].row.collection == collection}


def _counts(asked: Sequence[ChunkId], held: set[ChunkId]) -> IndexCounts:
    missing = tuple(chunk for chunk in asked if chunk not in held)
    return IndexCounts(asked=len(asked), found=len(asked) - len(missing), missing=missing)


def _alike(asked: Sequence[str], term: str) -> bool:
    return any(edits_between(one, term, most=1) for one in asked if len(one) > 2)


def _terms(text: str) -> list[str]:
    return [word.removesuffix("s") for word in content_words(text)]


def _most(rows: Sequence[_Worded], query: set[str]) -> float:
    """What `_bm25` comes near to for a row that holds every term without end."""
    return sum(_idf(rows, term) for term in query)


def _idf(rows: Sequence[_Worded], term: str) -> float:
    frequency = sum(term in row.terms for row in rows)
    return math.log(1 + (len(rows) - frequency + 0.5) / (frequency + 0.5))


def _bm25(rows: Sequence[_Worded], query: set[str], *, k1: float = 0.9, b: float = 0.4) -> list[float]:
    lengths = [row.terms.total() for row in rows]
    average = sum(lengths) / len(lengths) if rows else 0.0
    scores = [0.0] * len(rows)
    for term in query:
        idf = _idf(rows, term)
        for i, row in enumerate(rows):
            if count := row.terms[term]:
                scores[i] += idf * count / (count + k1 * (1 - b + b * lengths[i] / average))
    return scores
