"""What is deleted leaves the files of Milvus; what is not stays, also after a hard kill.

Milvus runs with the shipped settings, but for the times, which are cut down to seconds.
"""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Collection, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from assay_adapters.byte_scanner import ByteScanner, Fingerprints
from assay_adapters.milvus import MilvusIndex
from assay_core.documents import ChunkId
from assay_core.search import IndexRow
from assay_embedded.parts import milvus
from assay_embedded.testing import Platform, running
from assay_testing.ids import new_collection, new_row, scope_of

pytestmark = [pytest.mark.integration, pytest.mark.slow]

_DIMENSION = 64
_ROWS = 2_400  # after the deletes still more than the 1,024 from which on a segment gets an index
_UNSEALED = 200
_GONE = 60  # so few that Milvus sees no reason of its own to compact
_KEY = os.urandom(32)
_QUICK: dict[str, object] = {
    "dataNode.segment.syncPeriod": 3,
    "rocksmq.retentionTimeInMinutes": 0.4,
    "rocksmq.rocksmqPageSize": 128,
    "rocksmq.compactionInterval": 6,
    "dataCoord.gc.interval": 3,
}


@dataclass
class World:
    platform: Platform
    home: Path
    index: MilvusIndex
    rows: list[IndexRow]
    vectors: "np.ndarray[tuple[int, ...], np.dtype[np.float32]]"

    def places(self, numbers: Collection[int]) -> Counter[tuple[str, str]]:
        """How many of these rows' vectors and ids lie in files, by folder and which of both."""
        prints = Fingerprints(_KEY)
        marks: dict[int, tuple[str, int]] = {}
        for number in numbers:
            vector = self.vectors[number].tobytes()
            marks.update({prints.of(vector[at : at + 16]): ("vector", number) for at in range(0, len(vector), 16)})
            marks[prints.of(self.rows[number].chunk.id.encode())] = ("id", number)
        sights = ByteScanner(prints, marks).folder(self.home, without=[self.home / "milvus/bin"])
        found = {(_folder(self.home, seen.file), *marks[seen.mark]) for seen in sights}
        return Counter((folder, what) for folder, what, _ in found)

    def chunks(self, numbers: Sequence[int]) -> list[ChunkId]:
        return [self.rows[number].chunk for number in numbers]


def _folder(home: Path, file: Path) -> str:
    parts = file.relative_to(home).parts
    return parts[2] if parts[:2] == ("milvus", "data") else parts[0]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Generator[World]:
    home = tmp_path_factory.mktemp("purge")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in _QUICK.items():
            patch.setitem(milvus.SETTINGS, name, value)
        patch.setitem(milvus.UNLISTED_SETTINGS, "rocksmq.timtickerInterval", 1)
        with running(home, parts={"milvus"}) as platform:
            index = MilvusIndex(
                uri=platform.env["ASSAY_MILVUS__URI"],
                token=Path(platform.env["ASSAY_MILVUS__TOKEN_FILE"]).read_text().strip(),
                model_id="purge",
                dimension=_DIMENSION,
                timeout_s=30,
            )
            collection = new_collection()
            vectors = np.random.default_rng(4).standard_normal((_ROWS, _DIMENSION)).astype(np.float32)
            rows = [new_row(collection) for _ in range(_ROWS)]
            yield World(platform, home, index, rows, vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
            index.close()


def _until(done: Callable[[], bool], what: str, *, within_s: float = 240) -> None:
    deadline = time.monotonic() + within_s
    while not done():
        assert time.monotonic() < deadline, what
        time.sleep(1)


def _ready_again(platform: Platform, before: int) -> bool:
    (status,) = [one for one in platform.supervisor.statuses() if one.name == "milvus"]
    return status.state == "ready" and status.pid not in (None, before)


def _nearest(world: World, number: int) -> ChunkId:
    hits = world.index.search(scope_of(world.rows[0].collection, 1), world.vectors[number], top_k=1, timeout_s=10)
    return hits[0].chunk


def test_what_is_deleted_leaves_every_file_and_the_rest_is_found_all_the_time(world: World) -> None:
    sealed = _ROWS - _UNSEALED
    gone = list(range(0, _ROWS, _ROWS // _GONE))
    kept = [number for number in range(_ROWS) if number not in set(gone)]
    collection = world.rows[0].collection

    deadline = time.monotonic() + 120
    met = Counter[tuple[str, str]]()
    world.index.upsert(world.rows[:sealed], world.vectors[:sealed])
    met.update(world.places(gone))
    world.index.seal()
    world.index.upsert(world.rows[sealed:], world.vectors[sealed:])
    everywhere = {
        ("rocksmq", "vector"),
        ("rocksmq", "id"),
        ("insert_log", "vector"),
        ("insert_log", "id"),
        ("index_files", "vector"),
    }

    while not everywhere <= met.keys():
        assert time.monotonic() < deadline, f"the scanner finds rows only in {met}"
        met.update(world.places(gone))

    world.index.delete(collection, world.chunks(gone))
    purge = world.index.begin_purge()

    def left() -> bool:
        assert _nearest(world, kept[-1]) == world.rows[kept[-1]].chunk
        assert _nearest(world, kept[0]) == world.rows[kept[0]].chunk
        return world.index.purged(purge) and not world.places(gone)

    _until(left, "something of the deleted rows is left in files")
    assert world.index.purged(purge)
    assert world.index.count(collection, world.chunks(kept)).missing == ()
    assert world.index.count(collection, world.chunks(gone)).found == 0
    sample = kept[:: len(kept) // 50]
    _until(lambda: world.places(sample)["index_files", "vector"] == len(sample), "the rest got no index")
    assert world.places(sample)["insert_log", "vector"] == len(sample)


def test_what_the_log_has_forgotten_is_there_after_a_hard_kill(world: World) -> None:
    collection = world.rows[0].collection
    rows = [new_row(collection) for _ in range(50)]
    vectors = np.random.default_rng(5).standard_normal((50, _DIMENSION)).astype(np.float32)
    fresh = World(world.platform, world.home, world.index, rows, vectors)
    fresh.index.upsert(rows, vectors)
    assert fresh.places(range(50))["rocksmq", "vector"] == 50
    fresh.index.delete(collection, fresh.chunks(range(5)))

    def forgotten() -> bool:
        return not {("rocksmq", "vector"), ("rocksmq", "id")} & fresh.places(range(50)).keys()

    _until(forgotten, "the log keeps rows for longer than it should")
    before = world.platform.pid("milvus")
    os.kill(before, signal.SIGKILL)
    _until(lambda: _ready_again(world.platform, before), "Milvus did not start again")
    assert fresh.index.count(collection, fresh.chunks(range(5, 50))).missing == ()
    assert fresh.index.count(collection, fresh.chunks(range(5))).found == 0
