"""Worker, indexer and relay as processes, with Milvus and tantivy: the sample documents in, changed, and out again."""

import base64
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import redis
from assay_adapters.blobs import FolderBlobStore
from assay_adapters.milvus import MilvusIndex
from assay_adapters.tantivy_index import TantivyIndex
from assay_core.collection_settings import Chunking, CollectionSettings
from assay_core.documents import ChunkId, VersionState, text_for_index
from assay_embedded.testing import Platform
from assay_ingestion import vectors
from assay_ingestion.bootstrap import describe_embedder
from assay_runtime.settings import EmbedderSettings
from assay_store import pipeline, reading
from assay_store.database import Database
from assay_store.documents import Upload
from assay_store.payloads import ChunkPayload
from assay_store.pipeline import StoredChunk
from assay_testing import sample
from assay_testing.fake_embedder import FakeEmbedder
from assay_testing.fake_vllm import FakeVllm
from assay_testing.ids import scope_of
from assay_testing.library import MASTER_KEY, Library
from sqlalchemy import text

pytestmark = [pytest.mark.integration, pytest.mark.slow]

# The real worker with an embedder that costs nothing.
WORKER = """
from assay_ingestion import worker
from assay_testing.fake_embedder import FakeEmbedder
worker.choose_embedder = lambda *_: FakeEmbedder(dimension=384)
worker.main()
"""


LINED = CollectionSettings(Chunking(context_lines=True))


@dataclass
class World:
    library: Library
    database: Database
    env: dict[str, str]
    dense: MilvusIndex
    bm25: Path

    @contextmanager
    def process(self, *arguments: str) -> "Generator[subprocess.Popen[bytes]]":
        child = subprocess.Popen([sys.executable, *arguments], env=os.environ | self.env)
        try:
            yield child
        finally:
            child.send_signal(signal.SIGTERM)
            try:
                child.wait(timeout=20)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()

    def live_chunks(self) -> list[ChunkId]:
        with self.database.transaction() as connection:
            stored = pipeline.live_rows(connection, self.library.collection, after="", limit=10_000)
        return [chunk.row.chunk for chunk in stored]

    def both_hold(self, chunks: list[ChunkId]) -> bool:
        counts = [index.count(self.library.collection, chunks) for index in (self.dense, TantivyIndex(self.bm25))]
        return [c.found for c in counts] == [len(chunks)] * 2

    def neither_holds(self, chunks: list[ChunkId]) -> bool:
        counts = [index.count(self.library.collection, chunks) for index in (self.dense, TantivyIndex(self.bm25))]
        return [c.found for c in counts] == [0, 0]

    def lexical_hits(self, query: str, library: Library | None = None) -> int:
        own = library or self.library
        scope = scope_of(own.collection, int(own.acl))
        return len(TantivyIndex(self.bm25).search(scope, query, top_k=10, epoch=own.epoch()))

    def live_rows(self, library: Library, upload: Upload) -> list[StoredChunk]:
        with self.database.transaction() as connection:
            return pipeline.live_rows(connection, library.collection, after="", limit=10, document=upload.document)

    def chunks(self, upload: Upload) -> list[tuple[str, str]]:
        """Text and context of each chunk, as readers see them."""
        with self.database.transaction() as connection:
            found = reading.version_chunks(
                connection,
                self.library.vault,
                self.library.librarian,
                upload.document,
                upload.version,
                after_ordinal=-1,
                limit=10,
            )
        return [(chunk.text, chunk.context) for chunk in found]

    def job(self, upload: Upload) -> tuple[str, str | None]:
        with self.database.transaction() as connection:
            row = connection.execute(
                text("SELECT state, error_code FROM jobs WHERE document = :d"), {"d": upload.document.id}
            ).one()
        return row.state, row.error_code

    def let_retries_come(self, *, attempts: int) -> None:
        """Jobs that wait for another try are due now, and have had so many."""
        with self.database.transaction() as connection:
            connection.execute(
                text("UPDATE jobs SET not_before = now(), attempts = :n WHERE state = 'waiting'"), {"n": attempts}
            )


@pytest.fixture
def world(
    servers: Platform, milvus_server: Platform, database: Database, database_url: str, tmp_path: Path
) -> Generator[World]:
    redis.Redis.from_url(servers.env["ASSAY_BROKER__URL"]).flushall()
    key = tmp_path / "master_key"
    key.write_text(base64.b64encode(MASTER_KEY).decode())
    milvus = {name: value for name, value in milvus_server.env.items() if name.startswith("ASSAY_MILVUS__")}
    env = (
        servers.env
        | milvus
        | {
            "ASSAY_DATABASE__URL": database_url,
            "ASSAY_BLOBS__PATH": str(tmp_path / "blobs"),
            "ASSAY_LEXICAL__PATH": str(tmp_path / "bm25"),
            "ASSAY_MODELS__PATH": str(tmp_path),
            "ASSAY_SECRETS__MASTER_KEY_FILE": str(key),
            "ASSAY_HTTP__PORT": "0",
            "ASSAY_INDEXING__CHECK_S": "2",
            "ASSAY_RELAY__SWEEP_S": "1",
            "ASSAY_RELAY__WAITING_S": "1",
        }
    )
    space = describe_embedder(EmbedderSettings())
    token = Path(milvus["ASSAY_MILVUS__TOKEN_FILE"]).read_text().strip()
    dense = MilvusIndex(
        uri=milvus["ASSAY_MILVUS__URI"], token=token, model_id=space.model_id, dimension=space.dimension
    )
    library = Library(database, FolderBlobStore(tmp_path / "blobs"))
    yield World(library, database, env, dense, tmp_path / "bm25")
    dense.close()


def test_documents_come_in_change_survive_faults_and_go(world: World) -> None:
    files = sample.documents()
    uploads = {path.name: world.library.upload(path.name, path.read_bytes()) for path in files}
    with ExitStack() as processes:
        processes.enter_context(world.process("-c", WORKER))
        processes.enter_context(world.process("-m", "assay_ingestion.relay"))
        with world.process("-m", "assay_ingestion.indexer") as indexer:
            _await(lambda: VersionState.READY in world.library.states(), timeout_s=120)
            indexer.kill()
        processes.enter_context(world.process("-m", "assay_ingestion.indexer"))
        _await(lambda: world.library.states() == {VersionState.READY: len(files)}, timeout_s=120)
        chunks = world.live_chunks()
        assert len(chunks) > len(files)
        assert world.both_hold(chunks)
        assert world.lexical_hits("calibration") > 0

        edited = next(path for path in files if path.suffix == ".md")
        changed = edited.name
        longer = edited.read_text() + "\n\nThe zanzibar clause was added.\n"
        world.library.upload(changed, longer)
        _await(lambda: world.library.live_version(uploads[changed].document) == 2, timeout_s=60)
        now = world.live_chunks()
        _await(lambda: world.neither_holds(sorted(set(chunks) - set(now))), timeout_s=30)
        assert world.both_hold(now)
        assert world.lexical_hits("zanzibar") == 1

        world.library.delete(uploads[changed].document)
        left = world.live_chunks()
        _await(lambda: world.neither_holds(sorted(set(now) - set(left))), timeout_s=30)
        assert world.lexical_hits("zanzibar") == 0

        world.dense.drop(world.library.collection)
        assert _rebuild(world, world.library.name) == 0
        assert world.both_hold(left)

        for meta in world.bm25.rglob("meta.json"):
            meta.write_text("{")
        another = world.library.upload("another.md", "# Another\n\nThe quetzal clause.")
        _await(lambda: world.library.version(another).state is VersionState.READY, timeout_s=60)
        _await(lambda: world.both_hold(world.live_chunks()), timeout_s=60)


def test_a_rebuild_needs_neither_an_indexer_nor_the_old_indexes(world: World) -> None:
    for n in range(3):
        world.library.upload(f"{n}.md", f"# Title {n}\n\nThe zanzibar clause number {n}.")
    with world.process("-c", WORKER), world.process("-m", "assay_ingestion.indexer"):
        _await(lambda: world.library.states() == {VersionState.READY: 3}, timeout_s=120)
    shutil.rmtree(world.bm25)
    assert _rebuild(world) == 0
    assert world.both_hold(world.live_chunks())
    assert world.lexical_hits("zanzibar") == 3
    assert _rebuild(world, "nowhere") == 1


def test_lines_by_the_language_model_are_found_and_not_quoted(world: World) -> None:
    lined = Library(world.database, world.library.blobs, name="lined", settings=LINED)
    with FakeVllm("Told by zanzibar.\nAnd more.", mode="loading") as model, ExitStack() as processes:
        world.env |= {"ASSAY_CHAT__BASE_URL": model.url, "ASSAY_CHAT__MODEL": model.model}
        for module in ("assay_ingestion.relay", "assay_ingestion.indexer"):
            processes.enter_context(world.process("-m", module))
        processes.enter_context(world.process("-c", WORKER))
        late = lined.upload("late.md", "You get 20 days.")
        _await(lambda: world.job(late) == ("waiting", "generator_unavailable"), timeout_s=120)
        model.mode = "ok"
        world.let_retries_come(attempts=1)
        _await(lambda: lined.live_version(late.document) == 1, timeout_s=60)
        assert world.chunks(late) == [("You get 20 days.", "Told by zanzibar.")]
        assert world.lexical_hits("zanzibar", lined) == 1
        assert "You get 20 days." in model.requests[-1]["messages"][-1]["content"]

        model.mode = "full"
        without = lined.upload("without.md", "Call us.")
        _await(lambda: world.job(without) == ("waiting", "generator_unavailable"), timeout_s=60)
        world.let_retries_come(attempts=2)
        _await(lambda: lined.live_version(without.document) == 1, timeout_s=60)
        assert world.chunks(without) == [("Call us.", "")]
        assert world.lexical_hits("zanzibar", lined) == 1

    (stored,) = world.live_rows(lined, late)
    title = ChunkPayload.open(
        world.library.vault.document_key(late.document, stored.key_wrapped), stored.row.chunk.id, stored.payload
    ).title
    with_line = text_for_index(title=title, heading_path=(), text="You get 20 days.", context="Told by zanzibar.")
    expected = FakeEmbedder(dimension=384).embed_passages([with_line])[0]
    (vector,) = vectors.read(lined.blobs, [stored.vector], 384)
    assert np.allclose(vector, expected, atol=1e-3)


def _rebuild(world: World, *names: str) -> int:
    command = [sys.executable, "-m", "assay_ingestion.rebuild", *names]
    return subprocess.run(command, env=os.environ | world.env, timeout=120, check=False).returncode


def _await(condition: Callable[[], bool], *, timeout_s: float) -> None:
    until_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < until_s, "it did not come about in time"
        time.sleep(0.2)
