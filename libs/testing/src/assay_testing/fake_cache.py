import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from assay_core.documents import DocumentId
from assay_core.errors import Unavailable
from assay_core.ports import Vector
from assay_core.search import CacheEntry, CacheScope

from assay_testing.words import words

_POLARITY = frozenset({"no", "not", "never", "without", "except", "cannot"})


@dataclass(frozen=True, slots=True)
class _Kept:
    scope: CacheScope
    entry: CacheEntry
    vector: tuple[float, ...]
    expires: float


class FakeSemanticCache:
    """A list of entries. Set `down` to make every call raise `Unavailable`."""

    def __init__(self, *, threshold: float = 0.97, ttl_s: float = 3600.0, now: Callable[[], float] = time.time) -> None:
        self.down = False
        self._threshold = threshold
        self._ttl_s = ttl_s
        self._now = now
        self._kept: list[_Kept] = []

    def lookup(self, scope: CacheScope, question: str, vector: Vector) -> CacheEntry | None:
        self._check()
        query = [float(x) for x in vector]
        best: CacheEntry | None = None
        for kept in self._kept:
            similarity = sum(a * b for a, b in zip(query, kept.vector, strict=True))
            if kept.scope != scope or kept.expires <= self._now() or similarity < self._threshold:
                continue
            if _guarded(kept.entry.question) != _guarded(question):
                continue
            if best is None or similarity > best.similarity:
                best = replace(kept.entry, similarity=similarity)
        return best

    def store(self, scope: CacheScope, entry: CacheEntry, vector: Vector) -> None:
        self._check()
        expires = self._now() + self._ttl_s
        same = (scope, entry.question)
        self._kept = [kept for kept in self._kept if (kept.scope, kept.entry.question) != same]
        self._kept.append(_Kept(scope, entry, tuple(float(x) for x in vector), expires))

    def evict_document(self, document: DocumentId) -> int:
        self._check()
        before = len(self._kept)
        self._kept = [k for k in self._kept if all(e.document != document for e in k.entry.evidence)]
        return before - len(self._kept)

    def _check(self) -> None:
        if self.down:
            raise Unavailable("the cache is switched off for this test")


def _guarded(question: str) -> tuple[list[str], list[str]]:
    said = words(question)
    numbers = sorted(word for word in said if any(c.isdigit() for c in word))
    return numbers, sorted(word for word in said if word in _POLARITY)
