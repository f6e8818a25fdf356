import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from uuid import uuid4

from assay_core.documents import CollectionId, DocumentId
from assay_core.errors import Unavailable
from assay_core.ports import Vector
from assay_core.search import CachedQuestion, CacheEntry, CacheNeighbour, CacheScope, CacheView

from assay_testing.words import words

_POLARITY = frozenset({"no", "not", "never", "without", "except", "cannot"})


@dataclass(frozen=True, slots=True)
class _Kept:
    name: str
    scope: CacheScope
    entry: CacheEntry
    vector: tuple[float, ...]
    expires: float


@dataclass(slots=True)
class _Ledger:
    begun: int
    done: int


class FakeSemanticCache:
    """A list of entries, both to its users and to the percolation. Set `down` to make every call raise `Unavailable`;
    `flush` forgets all, as a server does that is started again."""

    def __init__(
        self,
        *,
        threshold: float = 0.97,
        ttl_s: float = 3600.0,
        most_entries: int = 5000,
        most_of_tenant: int = 20_000,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.down = False
        self._threshold = threshold
        self._ttl_s = ttl_s
        self._now = now
        self._most_entries = most_entries
        self._most_of_tenant = most_of_tenant
        self._asked: dict[tuple[CacheScope, str], float] = {}
        self._kept: list[_Kept] = []
        self._ledgers: dict[CollectionId, _Ledger] = {}
        self._lock = threading.RLock()

    def lookup(self, scope: CacheScope, question: str, vector: Vector, *, sequence: int) -> CacheEntry | None:
        self._check()
        with self._lock:
            if self._ledger(scope.collection, sequence).done < sequence:
                return None
            near = self._near(scope, question, vector)
        return next((n.entry for n in near if n.refused_by is None and n.entry.made_at <= sequence), None)

    def view(self, scope: CacheScope, question: str, vector: Vector) -> CacheView:
        self._check()
        with self._lock:
            ledger = self._ledgers.get(scope.collection)
            near = self._near(scope, question, vector)
        return CacheView(ledger and ledger.done, self._threshold, tuple(near))

    def store(self, scope: CacheScope, entry: CacheEntry, vector: Vector) -> bool:
        self._check()
        with self._lock:
            if self._ledger(scope.collection, entry.made_at).begun > entry.made_at:
                return False
            self._store(scope, entry, vector)
        return True

    def asked_before(self, scope: CacheScope, question: str) -> bool:
        self._check()
        with self._lock:
            known = self._asked.get((scope, question), 0.0) > self._now()
            if not known:
                self._asked[scope, question] = self._now() + self._ttl_s
            return known

    def begin(self, collection: CollectionId, sequence: int) -> Sequence[CachedQuestion] | None:
        self._check()
        with self._lock:
            ledger = self._ledgers.get(collection)
            own = [kept for kept in self._kept if kept.scope.collection == collection]
            if ledger is not None and ledger.done == sequence:
                return None
            if ledger is None or ledger.done != sequence - 1 or len(own) > self._most_entries:
                self._anew(collection, sequence)
                return None
            ledger.begun = sequence
            return [
                CachedQuestion(kept.name, kept.entry.terms, kept.vector, kept.entry.acls, kept.entry.floors)
                for kept in own
                if kept.entry.made_at < sequence and kept.expires > self._now()
            ]

    def finish(self, collection: CollectionId, sequence: int, changed: Sequence[str]) -> bool:
        self._check()
        with self._lock:
            ledger = self._ledgers.get(collection)
            if ledger is None or ledger.begun != sequence:
                return False
            self._kept = [kept for kept in self._kept if kept.name not in changed]
            ledger.done = sequence
            return True

    def forget(self, collection: CollectionId, sequence: int) -> bool:
        self._check()
        with self._lock:
            ledger = self._ledgers.get(collection)
            if ledger is None or ledger.done == sequence:
                return False
            self._anew(collection, sequence)
            return True

    def flush(self) -> None:
        with self._lock:
            self._kept.clear()
            self._ledgers.clear()
            self._asked.clear()

    def _anew(self, collection: CollectionId, sequence: int) -> None:
        self._kept = [kept for kept in self._kept if kept.scope.collection != collection]
        self._ledgers[collection] = _Ledger(sequence, sequence)

    def _ledger(self, collection: CollectionId, sequence: int) -> _Ledger:
        return self._ledgers.setdefault(collection, _Ledger(sequence, sequence))

    def _near(self, scope: CacheScope, question: str, vector: Vector) -> list[CacheNeighbour]:
        query = [float(x) for x in vector]
        near: list[CacheNeighbour] = []
        for kept in self._kept:
            if kept.scope == scope and kept.expires > self._now():
                similarity = sum(a * b for a, b in zip(query, kept.vector, strict=True))
                entry = replace(kept.entry, similarity=similarity)
                near.append(CacheNeighbour(entry, self._refused_by(question, entry)))
        return sorted(near, key=lambda one: -one.entry.similarity)

    def _refused_by(self, question: str, entry: CacheEntry) -> str | None:
        if entry.similarity < self._threshold:
            return "similarity"
        return None if _guarded(entry.question) == _guarded(question) else "polarity"

    def _store(self, scope: CacheScope, entry: CacheEntry, vector: Vector) -> None:
        expires = self._now() + self._ttl_s
        same = (scope, entry.question)
        self._kept = [kept for kept in self._kept if (kept.scope, kept.entry.question) != same]
        name = uuid4().hex
        self._kept.append(_Kept(name, scope, entry, tuple(float(x) for x in vector), expires))
        tenant = scope.collection.tenant
        own = [k for k in self._kept if k.scope.collection.tenant == tenant and k.expires > self._now()]
        beyond = {kept.name for kept in own[: max(0, len(own) - self._most_of_tenant)]}
        self._kept = [kept for kept in self._kept if kept.name not in beyond]

    def evict_document(self, document: DocumentId) -> int:
        self._check()
        with self._lock:
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
