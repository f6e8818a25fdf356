"""A purge ends, though Milvus passes over segments whose index is not built, and compacts some by itself."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from assay_adapters.milvus import MilvusIndex
from assay_adapters.milvus_lexical import MilvusLexicalIndex
from assay_core.documents import CollectionId, TenantId
from assay_core.errors import Unavailable


@dataclass
class SlowMilvus:
    """Builds one index in each `index_s`; compacts only segments that have theirs."""

    index_s: float
    now_s: float = 0.0
    dirty: dict[int, bool] = field(default_factory=dict[int, bool])
    indexed: set[int] = field(default_factory=set[int])
    jobs: list[list[tuple[list[int], int]]] = field(default_factory=list[list[tuple[list[int], int]]])
    _next: int = 100
    _built_s: float = 0.0

    def add(self, *, indexed: bool) -> None:
        self._next += 1
        self.dirty[self._next] = True
        if indexed:
            self.indexed.add(self._next)

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds
        while self.now_s - self._built_s >= self.index_s:
            self._built_s += self.index_s
            waiting = sorted(set(self.dirty) - self.indexed)
            self.indexed.update(waiting[:1])

    def compact_alone(self, segment: int) -> None:
        """As Milvus does for reasons of its own, with a plan older than the newest deletes."""
        self._next += 1
        self.dirty[self._next] = self.dirty.pop(segment)
        self.indexed.discard(segment)

    def compact(self, *_: object, **__: object) -> int:
        plans = list[tuple[list[int], int]]()
        for segment in sorted(self.indexed):
            self._next += 1
            plans.append(([segment], self._next))
            del self.dirty[segment]
            self.dirty[self._next] = False
        self.indexed.clear()
        self.jobs.append(plans)
        return len(self.jobs) - 1

    def get_compaction_plans(self, job: int, **_: object) -> Any:
        plans = [SimpleNamespace(sources=sources, target=target) for sources, target in self.jobs[job]]
        return SimpleNamespace(state=SimpleNamespace(name="Completed"), plans=plans)

    def list_persistent_segments(self, *_: object, **__: object) -> list[Any]:
        return [SimpleNamespace(segment_id=segment, level=0) for segment in self.dirty]

    def describe_index(self, *_: object, **__: object) -> dict[str, int]:
        return {"pending_index_rows": 100 * len(set(self.dirty) - self.indexed)}

    def list_collections(self, **_: object) -> list[str]:
        return [INDEX_NAME]

    def load_collection(self, *_: object, **__: object) -> None: ...

    def flush(self, *_: object, **__: object) -> None: ...

    def has_collection(self, *_: object, **__: object) -> bool:
        return True


def index() -> MilvusIndex:
    return MilvusIndex(uri="http://nowhere", token="", model_id="m", dimension=8)


INDEX_NAME = index().name


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> SlowMilvus:
    server = SlowMilvus(index_s=30.0)
    monkeypatch.setattr("pymilvus.MilvusClient", lambda **_: server)
    monkeypatch.setattr("assay_adapters.milvus_purge.time.monotonic", lambda: server.now_s)
    return server


def until_purged(index: MilvusIndex, server: SlowMilvus, purge: str) -> None:
    while not index.purged(purge):
        assert server.now_s < 600, "a purge that never ends"
        server.sleep(5)


def test_segments_without_an_index_are_compacted_when_they_have_one(server: SlowMilvus) -> None:
    for indexed in (True, True, True, False, False):
        server.add(indexed=indexed)
    asked = index()
    purge = asked.begin_purge()
    until_purged(asked, server, purge)
    assert not any(server.dirty.values())
    assert len(server.jobs) <= 6
    assert set(server.dirty) == server.indexed, "Milvus keeps what it compacted until the new index is built"
    assert asked.purged(purge)


def test_what_milvus_compacted_by_itself_meanwhile_is_compacted_again(server: SlowMilvus) -> None:
    server.add(indexed=True)
    server.add(indexed=False)
    asked = index()
    purge = asked.begin_purge()
    server.compact_alone(max(s for s, dirty in server.dirty.items() if dirty))
    until_purged(asked, server, purge)
    assert not any(server.dirty.values())


def test_rows_that_come_later_are_not_compacted_for_it(server: SlowMilvus) -> None:
    server.add(indexed=True)
    asked = index()
    purge = asked.begin_purge()
    server.add(indexed=False)
    until_purged(asked, server, purge)
    assert len(server.jobs) == 1


def test_another_purge_takes_the_place_of_the_first(server: SlowMilvus) -> None:
    asked = index()
    first = asked.begin_purge()
    server.now_s += 1
    asked.begin_purge()
    with pytest.raises(Unavailable):
        asked.purged(first)


def test_terms_leave_the_files_as_vectors_do(server: SlowMilvus) -> None:
    for indexed in (True, False):
        server.add(indexed=indexed)
    asked = MilvusLexicalIndex(uri="http://nowhere", token="", key=bytes(32))
    collection = CollectionId(TenantId("t"), "c")
    assert asked.purge(collection) is None
    while asked.purge(collection) is None:
        assert server.now_s < 600, "a purge that never ends"
        server.sleep(5)
    assert not any(server.dirty.values())
    assert asked.purge(collection) is None, "the next purge begins anew"
