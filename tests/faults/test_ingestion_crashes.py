"""A worker that only the bell can wake, and one that is asked to stop: nothing is lost, nothing is doubled."""

import base64
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis
from assay_adapters.blobs import FolderBlobStore
from assay_core.collection_settings import Chunking, CollectionSettings
from assay_core.documents import VersionState
from assay_embedded.testing import Platform
from assay_store.database import Database
from assay_testing.library import MASTER_KEY, Library
from sqlalchemy import text

pytestmark = [pytest.mark.integration, pytest.mark.slow]

# The real worker with an embedder that takes its time, so that it is stopped in the middle.
WORKER = """
import os, time
from assay_ingestion import worker
from assay_testing.fake_embedder import FakeEmbedder

class Slow(FakeEmbedder):
    def embed_passages(self, texts):
        time.sleep(float(os.environ["DELAY_S"]))
        return super().embed_passages(texts)

worker.choose_embedder = lambda *_: Slow()
worker.main()
"""
RELAY = "from assay_ingestion.relay import main; main()"


@dataclass
class World:
    library: Library
    database: Database
    servers: Platform
    env: dict[str, str]
    blobs: Path

    @contextmanager
    def process(self, code: str, **env: str) -> "Generator[subprocess.Popen[bytes]]":
        child = self.start(code, **env)
        try:
            yield child
        finally:
            child.kill()
            child.wait()

    def start(self, code: str, **env: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen([sys.executable, "-c", code], env=os.environ | self.env | env)

    def sql(self, statement: str) -> list[tuple[object, ...]]:
        with self.database.transaction() as connection:
            return [tuple(row) for row in connection.execute(text(statement))]

    def check_nothing_lost_or_doubled(self, documents: int) -> None:
        assert self.library.states() == {VersionState.INDEXING: documents}
        assert self.sql("SELECT state, count(*) FROM jobs GROUP BY 1") == [("done", documents)]
        # Every document has one chunk for each of its five sections, each stored once with one vector.
        assert self.sql("SELECT count(*), count(DISTINCT chunk) FROM version_chunks") == [(5 * documents,) * 2]
        assert self.sql("SELECT count(*), count(DISTINCT (vector_key, vector_row)) FROM chunks") == [
            (5 * documents,) * 2
        ]
        on_disk = {str(p.relative_to(self.blobs)) for p in (self.blobs / "vectors").rglob("*") if p.is_file()}
        assert on_disk == {str(row[0]) for row in self.sql("SELECT DISTINCT vector_key FROM chunks")}
        sizes = {key: (self.blobs / key).stat().st_size for key in on_disk}
        assert set(sizes.values()) == {5 * 64 * 2}


@pytest.fixture
def world(servers: Platform, database: Database, database_url: str, tmp_path: Path) -> World:
    redis.Redis.from_url(servers.env["ASSAY_BROKER__URL"]).flushall()
    key = tmp_path / "master_key"
    key.write_text(base64.b64encode(MASTER_KEY).decode())
    env = servers.env | {
        "ASSAY_DATABASE__URL": database_url,
        "ASSAY_BLOBS__PATH": str(tmp_path / "blobs"),
        "ASSAY_MODELS__PATH": str(tmp_path),
        "ASSAY_SECRETS__MASTER_KEY_FILE": str(key),
        "ASSAY_HTTP__PORT": "0",
        "ASSAY_INGESTION__LEASE_S": "2",
        "ASSAY_INGESTION__POLL_S": "0.5",
        "ASSAY_INGESTION__BATCH_DOCUMENTS": "8",
        "ASSAY_RELAY__SWEEP_S": "1",
        "ASSAY_RELAY__WAITING_S": "1",
        "DELAY_S": "0.2",
    }
    settings = CollectionSettings(chunking=Chunking(budget_tokens=40, overlap_tokens=10))
    library = Library(database, FolderBlobStore(tmp_path / "blobs"), settings=settings)
    return World(library, database, servers, env, tmp_path / "blobs")


def five_sections(name: str) -> str:
    return "\n\n".join(f"# Part {n} of {name}\n\n" + f"Sentence about {name} and {n}. " * 4 for n in range(5))


def test_uploads_while_the_broker_is_frozen_and_then_killed_are_taken_in(world: World) -> None:
    documents = 10
    broker = world.servers.pid("broker")
    # Only the bell can wake this worker.
    with world.process(RELAY), world.process(WORKER, DELAY_S="0.01", ASSAY_INGESTION__POLL_S="3600"):
        world.library.upload("first.md", five_sections("first"))
        _await(lambda: _all_done(world), timeout_s=60)
        os.kill(broker, signal.SIGSTOP)
        for n in range(1, documents):
            world.library.upload(f"{n}.md", five_sections(f"d{n}"))
        time.sleep(4)
        os.kill(broker, signal.SIGKILL)
        _await(lambda: _all_done(world), timeout_s=120)
    world.check_nothing_lost_or_doubled(documents)


def test_a_worker_that_is_asked_to_stop_hands_its_work_back(world: World) -> None:
    for n in range(30):
        world.library.upload(f"{n}.md", five_sections(f"d{n}"))
    with world.process(WORKER, DELAY_S="1") as worker:
        _await(lambda: _at_work(world), timeout_s=60)
        started_s = time.monotonic()
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(timeout=15) == 0
        assert time.monotonic() - started_s < 12
    assert world.sql("SELECT count(*) FROM jobs WHERE state = 'leased'") == [(0,)]
    assert world.sql("SELECT max(attempts) FROM jobs WHERE state = 'waiting'") == [(0,)]


def _at_work(world: World) -> bool:
    return world.sql("SELECT count(*) > 0 FROM jobs WHERE state = 'leased' AND lease_until > now()") == [(True,)]


def _all_done(world: World) -> bool:
    return world.sql("SELECT count(*) FROM jobs WHERE state <> 'done'") == [(0,)]


def _await(condition: Callable[[], bool], *, timeout_s: float) -> None:
    until_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < until_s, "it did not come about in time"
        time.sleep(0.05)
