"""From upload to stored chunks on a real PostgreSQL, with fakes for what is slow."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from assay_core.collection_settings import Chunking, CollectionSettings
from assay_core.documents import VersionState
from assay_core.errors import Conflict, Exhausted, Invalid, Unavailable
from assay_core.jobs import MAX_ATTEMPTS, JobKind, Lease
from assay_ingestion import vectors
from assay_ingestion.drain import BatchLimits, Drain
from assay_ingestion.leases import LeaseKeeper
from assay_ingestion.pipeline import GroupLimits, Ingestion
from assay_ingestion.prepare import Preparer
from assay_store import documents, jobs, pipeline
from assay_store.database import Database
from assay_store.payloads import ChunkPayload
from assay_testing.fake_blobs import FakeBlobStore
from assay_testing.fake_embedder import FakeEmbedder
from assay_testing.fake_language import FakeLanguageDetector
from assay_testing.fake_parser import FakeParser
from assay_testing.library import Library
from sqlalchemy import text

pytestmark = pytest.mark.integration

TEXT = "# Leave\n\nYou get 20 days.\n\n## Exceptions\n\nNone at all."
SETTINGS = CollectionSettings(Chunking(budget_tokens=40, overlap_tokens=8))


@dataclass
class World:
    """A library with a worker that runs when it is told to."""

    database: Database
    blobs: FakeBlobStore
    parser: FakeParser
    embedder: FakeEmbedder
    library: Library
    stop: threading.Event
    ingestion: Ingestion
    drain: Drain

    def lease(self, owner: str = "w", lease_s: float = 30, limit: int = 32, lapsed: bool | None = None) -> list[Lease]:
        with self.database.transaction() as connection:
            return jobs.lease(connection, JobKind.INGEST, owner=owner, lease_s=lease_s, limit=limit, lapsed=lapsed)

    def sql(self, statement: str) -> list[tuple[object, ...]]:
        with self.database.transaction() as connection:
            return [tuple(row) for row in connection.execute(text(statement))]

    def let_retries_come(self) -> None:
        with self.database.transaction() as connection:
            connection.execute(text("UPDATE jobs SET not_before = now()"))

    def facts(self) -> list[tuple[object, ...]]:
        """Everything that ingesting writes, without times and ciphertexts."""
        return self.sql("""
            SELECT v.document, v.version, v.state, v.chunks, vc.ordinal, vc.chunk, vc.start_char, vc.end_char,
                   c.tokens, c.vector_key, c.vector_row
            FROM versions v LEFT JOIN version_chunks vc USING (tenant, document, version)
            LEFT JOIN chunks c ON c.tenant = v.tenant AND c.id = vc.chunk ORDER BY 1, 2, 5
        """)


@pytest.fixture
def world(database: Database) -> World:
    blobs, parser, embedder, stop = FakeBlobStore(), FakeParser(), FakeEmbedder(), threading.Event()
    library = Library(database, blobs, settings=SETTINGS)
    ingestion = Ingestion(
        database=database,
        blobs=blobs,
        vault=library.vault,
        prepare=Preparer(
            vault=library.vault, blobs=blobs, parser=parser, embedder=embedder, languages=FakeLanguageDetector()
        ),
        embedder=embedder,
        keeper=LeaseKeeper(database, lease_s=30),
        stop=stop,
        limits=GroupLimits(chunks=20, embed_batch=4),
    )
    drain = Drain(
        database=database,
        ingestion=ingestion,
        owner="w",
        lease_s=30,
        stop=stop,
        limits=BatchLimits(documents=8, size_bytes=10_000),
        lanes=2,
    )
    return World(database, blobs, parser, embedder, library, stop, ingestion, drain)


def long_text(words: int) -> str:
    return "\n\n".join(f"# Part {n}\n\n" + f"Sentence {n} about things. " * 12 for n in range(words // 48))


def test_a_document_is_stored_with_its_chunks_and_vectors(world: World) -> None:
    upload = world.library.upload("leave.md", TEXT)
    assert world.drain.run() == 1
    version = world.library.version(upload)
    assert (version.state, version.chunks, version.progress) == (VersionState.INDEXING, 1, 0.9)
    with world.database.transaction() as connection:
        (pending,) = pipeline.pending_versions(connection, limit_chunks=100)
        (stored,) = pipeline.chunks_to_index(connection, [pending])
    key = world.library.vault.document_key(upload.document, stored.key_wrapped)
    payload = ChunkPayload.open(key, stored.row.chunk.id, stored.payload)
    assert payload.text == TEXT.removeprefix("# ")
    (vector,) = vectors.read(world.blobs, [stored.vector], 64)
    expected = world.embedder.embed_passages(["Leave\n" + payload.text])[0]
    assert np.allclose(vector, expected, atol=1e-3)
    assert world.sql("SELECT state, attempts FROM jobs") == [("done", 1)]


def test_a_version_keeps_the_language_that_it_is_in(world: World) -> None:
    uploads = [world.library.upload("en.md", TEXT), world.library.upload("de.md", "Die Pumpe ist blau.")]
    world.drain.run()
    assert [world.library.version(one).language for one in uploads] == ["en", "de"]
    again = world.library.upload("en.md", "Der Urlaub ist lang.")
    assert world.library.version(again).language == ""
    world.drain.run()
    assert world.library.version(again).language == "de"


def test_running_a_job_again_changes_nothing(world: World) -> None:
    world.library.upload("a.md", long_text(400))
    world.drain.run()
    before, files = world.facts(), dict(world.blobs.held)
    with world.database.transaction() as connection:
        connection.execute(text("UPDATE jobs SET state = 'waiting', attempts = 0"))
    world.drain.run()
    assert world.facts() == before
    assert world.blobs.held == files
    assert world.sql("SELECT state FROM jobs") == [("done",)]


def test_one_task_delivered_five_times_at_once_has_one_effect(world: World) -> None:
    world.library.upload("a.md", long_text(400))
    threads = [threading.Thread(target=world.drain.run) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert world.sql("SELECT state, attempts FROM jobs") == [("done", 1)]
    assert world.sql("SELECT count(*), count(DISTINCT id) FROM chunks") == world.sql(
        "SELECT count(*), count(DISTINCT chunk) FROM version_chunks"
    )
    assert len(list(world.blobs.keys("vectors"))) == 1


def test_a_new_version_embeds_only_what_changed(world: World) -> None:
    world.library.upload("a.md", long_text(400))
    world.drain.run()
    before = world.sql("SELECT count(*) FROM chunks")[0][0]
    second = world.library.upload("a.md", long_text(400).replace("Sentence 3 about", "Sentence 3 on", 1))
    world.drain.run()
    assert world.sql("SELECT count(*) FROM chunks")[0][0] == int(str(before)) + 1
    assert world.sql("SELECT count(*) FROM chunks WHERE vector_key LIKE '%/2-1.f16'") == [(1,)]
    assert world.library.version(second).state is VersionState.INDEXING


def test_lost_vectors_are_made_again_by_the_next_version(world: World) -> None:
    first = world.library.upload("a.md", long_text(400))
    world.drain.run()
    world.blobs.delete(vectors.folder(first.document))
    world.library.upload("a.md", long_text(400) + "\n\nOne more.")
    world.drain.run()
    keys = {
        str(row[0])
        for row in world.sql("SELECT DISTINCT vector_key FROM chunks, version_chunks WHERE id = chunk AND version = 2")
    }
    assert keys == set(world.blobs.keys("vectors"))


def test_one_broken_document_fails_alone_with_its_reason(world: World) -> None:
    world.parser.failures["bad.pdf"] = Invalid("'bad.pdf' is encrypted; remove its password.", code="encrypted")
    bad = world.library.upload("bad.pdf", "x")
    empty = world.library.upload("empty.md", "\n \n")
    good = world.library.upload("good.md", TEXT)
    world.drain.run()
    assert world.library.version(good).state is VersionState.INDEXING
    assert (world.library.version(bad).error_code, world.library.version(bad).error) == (
        "encrypted",
        "'bad.pdf' is encrypted; remove its password.",
    )
    assert world.library.version(empty).error_code == "empty"
    assert world.sql("SELECT state, error_code FROM jobs ORDER BY 2") == [
        ("dead", "empty"),
        ("dead", "encrypted"),
        ("done", None),
    ]


def test_a_failed_document_is_tried_again_from_its_stored_bytes(world: World) -> None:
    world.parser.failures["a.pdf"] = Invalid("'a.pdf' could not be read.", code="crashed")
    failed = world.library.upload("a.pdf", TEXT)
    world.drain.run()
    world.parser.failures.clear()
    with world.database.transaction() as connection:
        again = documents.retry(connection, world.library.vault, failed.document)
    world.drain.run()
    assert (again.version, again.unchanged) == (2, False)
    assert world.library.version(again).state is VersionState.INDEXING
    with world.database.transaction() as connection, pytest.raises(Conflict, match="did not fail"):
        documents.retry(connection, world.library.vault, failed.document)


def test_a_damaged_blob_fails_its_document(world: World) -> None:
    upload = world.library.upload("a.md", TEXT)
    (key,) = world.blobs.keys("documents")
    world.blobs.held[key] = world.blobs.held[key][:-1] + b"!"
    gone = world.library.upload("b.md", TEXT)
    world.blobs.held = {k: v for k, v in world.blobs.held.items() if gone.document.id not in k}
    world.drain.run()
    assert world.library.version(upload).error_code == "corrupt"
    assert world.library.version(gone).error_code
    assert "'b.md'" in (world.library.version(gone).error or "")


class _Moody(FakeEmbedder):
    """Fails while it is told to; `poison` is a text that it never takes."""

    def __init__(self) -> None:
        super().__init__()
        self.error: Exception | None = None
        self.poison = "poison"

    def embed_passages(self, texts: Sequence[str]) -> list[list[float]]:
        if self.error:
            raise self.error
        if any(self.poison in passage for passage in texts):
            raise RuntimeError("cannot embed")
        return super().embed_passages(texts)


@pytest.fixture
def moody(world: World) -> _Moody:
    embedder = _Moody()
    world.ingestion._embedder = embedder  # pyright: ignore[reportPrivateUsage] (the test's one switch)
    return embedder


@pytest.mark.parametrize(
    "error", [Unavailable("The model is away."), Exhausted("The disk is full.", code="storage_full")]
)
def test_a_passing_failure_is_tried_again_later_and_then_given_up(
    world: World, moody: _Moody, error: Exception
) -> None:
    moody.error = error
    upload = world.library.upload("a.md", TEXT)
    for attempt in range(1, MAX_ATTEMPTS + 1):
        assert world.drain.run() == 1
        assert world.drain.run() == 0, "it must wait before the next try"
        expected = "waiting" if attempt < MAX_ATTEMPTS else "dead"
        assert world.sql("SELECT state, attempts FROM jobs") == [(expected, attempt)]
        world.let_retries_come()
    version = world.library.version(upload)
    assert (version.state, version.error_code) == (VersionState.FAILED, "gave_up")
    assert "'a.md'" in (version.error or "")


def test_a_failure_that_passes_is_forgotten(world: World, moody: _Moody) -> None:
    upload = world.library.upload("a.md", TEXT)
    moody.error = Unavailable("The model is away.")
    world.drain.run()
    moody.error = None
    world.let_retries_come()
    world.drain.run()
    assert world.library.version(upload).state is VersionState.INDEXING
    assert len(list(world.blobs.keys("vectors"))) == 1


def test_a_document_that_breaks_the_batch_fails_alone(world: World, moody: _Moody) -> None:
    uploads = [world.library.upload(f"{n}.md", f"Text {n} is fine.") for n in range(4)]
    bad = world.library.upload("bad.md", f"This is {moody.poison}.")
    world.drain.run()
    assert {world.library.version(u).state for u in uploads} == {VersionState.INDEXING}
    assert world.library.version(bad).state is VersionState.EMBEDDING
    assert world.sql("SELECT count(*) FROM jobs WHERE state = 'waiting' AND error_code = 'internal'") == [(1,)]


def test_a_worker_that_lost_its_lease_writes_nothing(world: World) -> None:
    upload = world.library.upload("a.md", TEXT)
    stale = world.lease(owner="slow", lease_s=-1)
    (taken,) = world.lease(owner="quick", lapsed=True)
    world.ingestion.ingest(stale)
    assert world.library.version(upload).chunks is None
    world.ingestion.ingest([taken])
    assert world.library.version(upload).state is VersionState.INDEXING
    assert list(world.blobs.keys("vectors")) == [vectors.file_key(taken)], "leftovers of the stale worker are removed"


def test_jobs_of_dead_workers_are_taken_alone(world: World) -> None:
    for n in range(4):
        world.library.upload(f"{n}.md", f"Text {n}.")
    world.lease(owner="dead", lease_s=-1, limit=2)
    seen: list[int] = []
    own = world.ingestion.ingest
    world.ingestion.ingest = lambda leases: (seen.append(len(leases)), own(leases))[1]  # type: ignore[method-assign]
    world.drain.run()
    assert seen == [2, 1, 1]
    assert world.sql("SELECT DISTINCT state FROM jobs") == [("done",)]


def test_batches_are_bounded_by_bytes(world: World) -> None:
    for n in range(3):
        world.library.upload(f"{n}.md", "word " * 1500)
    seen: list[int] = []
    own = world.ingestion.ingest
    world.ingestion.ingest = lambda leases: (seen.append(len(leases)), own(leases))[1]  # type: ignore[method-assign]
    world.drain.run()
    assert seen == [1, 1, 1]


def test_stopping_hands_work_back_untouched(world: World) -> None:
    world.library.upload("a.md", TEXT)
    leases = world.lease()
    world.stop.set()
    world.ingestion.ingest(leases)
    assert world.sql("SELECT state, attempts FROM jobs") == [("waiting", 0)]
    world.stop.clear()
    assert world.drain.run() == 1


def test_a_document_deleted_before_its_turn_is_passed_over(world: World) -> None:
    upload = world.library.upload("a.md", TEXT)
    world.library.delete(upload.document)
    world.drain.run()
    assert world.sql("SELECT state FROM jobs WHERE kind = 'ingest'") == [("done",)]
    assert world.sql("SELECT count(*) FROM chunks") == [(0,)]


def test_a_document_deleted_while_it_is_worked_on_leaves_nothing(world: World, moody: _Moody) -> None:
    upload = world.library.upload("a.md", TEXT)
    own = moody.embed_passages

    def delete_first(texts: Sequence[str]) -> list[list[float]]:
        world.library.delete(upload.document)
        return own(texts)

    moody.embed_passages = delete_first  # type: ignore[method-assign]
    world.drain.run()
    assert world.sql("SELECT state FROM jobs WHERE kind = 'ingest'") == [("done",)]
    assert world.sql("SELECT count(*) FROM chunks") == [(0,)]
    assert list(world.blobs.keys("vectors")) == []


def test_an_erased_document_ends_its_job(world: World) -> None:
    upload = world.library.upload("a.md", TEXT)
    leases = world.lease()
    world.library.delete(upload.document)
    with world.database.transaction() as connection:
        pipeline.erase(connection, upload.document)
    world.ingestion.ingest(leases)
    assert world.sql("SELECT state FROM jobs WHERE kind = 'ingest'") == [("done",)]


def test_a_large_document_and_many_small_ones_are_embedded_in_bounded_groups(world: World) -> None:
    for n in range(30):
        world.library.upload(f"{n}.md", f"Small text number {n}.")
    big = world.library.upload("big.md", long_text(2000))
    world.drain.run()
    assert world.library.states() == {VersionState.INDEXING: 31}
    assert (world.library.version(big).chunks or 0) > 20


def test_progress_is_shown_while_embedding(world: World, moody: _Moody) -> None:
    upload = world.library.upload("a.md", long_text(2000))
    seen: list[tuple[VersionState, float]] = []
    own = moody.embed_passages

    def look(texts: Sequence[str]) -> list[list[float]]:
        version = world.library.version(upload)
        seen.append((version.state, version.progress))
        return own(texts)

    moody.embed_passages = look  # type: ignore[method-assign]
    world.drain.run()
    assert seen[0] == (VersionState.EMBEDDING, 0.15)
    assert [progress for _, progress in seen] == sorted(progress for _, progress in seen)


def test_leases_are_renewed_while_they_are_held(world: World) -> None:
    world.library.upload("a.md", TEXT)
    leases = world.lease(lease_s=1)
    keeper = LeaseKeeper(world.database, lease_s=300)
    with keeper.holding(leases):
        keeper.renew()
    assert world.sql("SELECT lease_until > now() + interval '200 seconds' FROM jobs") == [(True,)]
    with world.database.transaction() as connection:
        connection.execute(text("UPDATE jobs SET lease_until = now()"))
    keeper.renew()
    assert world.sql("SELECT lease_until > now() + interval '200 seconds' FROM jobs") == [(False,)]
