"""From stored to searchable and out again, on a real PostgreSQL with fake indexes that can be down or lose rows."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from assay_adapters.byte_scanner import Fingerprints
from assay_core.collection_settings import Chunking, CollectionSettings
from assay_core.documents import AclId, ChunkId, CollectionId, DocumentId, VersionState
from assay_core.errors import NotFound, Unavailable
from assay_core.jobs import JobKind
from assay_core.ports import Vectors
from assay_core.principals import EVERYONE, Principal
from assay_core.search import CacheEntry, CacheScope, EvidenceVersion, IndexCounts, IndexRow
from assay_ingestion import vectors
from assay_ingestion.access_changes import AccessChanges
from assay_ingestion.deletions import Deletions
from assay_ingestion.drain import BatchLimits, Drain
from assay_ingestion.generations import Generations
from assay_ingestion.index import Indexer
from assay_ingestion.index_writer import IndexWriter
from assay_ingestion.indexer import write
from assay_ingestion.leases import LeaseKeeper
from assay_ingestion.percolation import Percolator
from assay_ingestion.pipeline import Ingestion
from assay_ingestion.prepare import Preparer
from assay_ingestion.rebuild import Rebuild
from assay_ingestion.reconcile import Reconciler
from assay_ingestion.retention import Retention
from assay_ingestion.rows import RowLoader
from assay_ingestion.scratch import ScratchSweep
from assay_ingestion.settling import Settling
from assay_store import (
    access,
    collections,
    documents,
    jobs,
    keys,
    near_duplicates,
    pipeline,
    reading,
    repairs,
    visibility,
)
from assay_store.database import Database
from assay_store.document_access import AccessRules, change_access
from assay_store.documents import Upload
from assay_store.locks import INDEX_TRIAL, INDEX_WRITER, REBUILD_WANTED, NamedLock
from assay_store.pipeline import StoredChunk
from assay_testing.fake_blobs import FakeBlobStore
from assay_testing.fake_cache import FakeSemanticCache
from assay_testing.fake_embedder import FakeEmbedder
from assay_testing.fake_indexes import FakeLexicalIndex, FakeVectorIndex
from assay_testing.fake_parser import FakeParser
from assay_testing.ids import scope_of
from assay_testing.library import Library
from sqlalchemy import text

pytestmark = pytest.mark.integration


class Dense(FakeVectorIndex):
    """A fake with what the writer needs beside the port. `forgetful`: rows that it says it took and then lost."""

    def __init__(self) -> None:
        super().__init__()
        self.seals = 0
        self.forgetful = 0

    def ping(self, timeout_s: float) -> None:
        del timeout_s

    def indexed(self) -> bool:
        return True

    def seal(self) -> None:
        self.seals += 1

    def close(self) -> None: ...

    def count(self, collection: CollectionId, chunks: Sequence[ChunkId]) -> IndexCounts:
        if self.forgetful and chunks:
            self.forgetful -= 1
            self.delete(collection, [chunks[0]])
        return super().count(collection, chunks)


SETTINGS = CollectionSettings(Chunking(budget_tokens=40, overlap_tokens=8))


class CountingEmbedder(FakeEmbedder):
    """A fake that knows how many passages it embedded."""

    def __init__(self) -> None:
        super().__init__()
        self.passages = 0

    def embed_passages(self, texts: Sequence[str]) -> list[list[float]]:
        self.passages += len(texts)
        return super().embed_passages(texts)


def _noting(upsert: Callable[..., None], written: list[list[str]]) -> Callable[..., None]:
    def noted(rows: Sequence[IndexRow], content: object) -> None:
        written.append([row.chunk.id for row in rows])
        upsert(rows, content)

    return noted


@dataclass
class World:
    database: Database
    library: Library
    blobs: FakeBlobStore
    dense: Dense
    lexical: FakeLexicalIndex
    cache: FakeSemanticCache
    drain: Drain
    loader: RowLoader
    writer: IndexWriter
    embedder: CountingEmbedder

    def count_writes(self) -> dict[str, list[list[str]]]:
        """The chunk ids of each write from now on, by index."""
        written: dict[str, list[list[str]]] = {"dense": [], "lexical": []}
        for name, index in (("dense", self.dense), ("lexical", self.lexical)):
            index.upsert = _noting(index.upsert, written[name])  # type: ignore[method-assign]
        return written

    def ingest(self, name: str, content: str) -> DocumentId:
        upload = self.library.upload(name, content)
        self.drain.run()
        return upload.document

    def found(self, query: str) -> tuple[int, int]:
        """How many rows share a word with `query`, dense and lexical."""
        scope = scope_of(self.library.collection, int(self.library.acl))
        vector = FakeEmbedder().embed_query(query)
        near = [h for h in self.dense.search(scope, vector, top_k=50, timeout_s=1) if h.score > 0.1]
        return len(near), len(self.lexical.search(scope, query, top_k=50, epoch=0))

    def sql(self, statement: str) -> list[tuple[object, ...]]:
        with self.database.transaction() as connection:
            return [tuple(row) for row in connection.execute(text(statement))]

    def reconcile(self) -> None:
        """Compare everything that changed since the last time, now."""
        self.writer.reconciler._next_s = 0.0  # pyright: ignore[reportPrivateUsage] (a minute is too long for a test)
        self.writer.reconciler.work()
        while self.writer.reconciler.idle_s == 0.0:
            self.writer.reconciler.work()


@pytest.fixture
def world(database: Database) -> World:
    blobs, embedder = FakeBlobStore(), CountingEmbedder()
    library = Library(database, blobs, settings=SETTINGS)
    dense, lexical, cache = Dense(), FakeLexicalIndex(), FakeSemanticCache()
    stop = threading.Event()
    prepare = Preparer(vault=library.vault, blobs=blobs, parser=FakeParser(), embedder=embedder)
    ingestion = Ingestion(
        database=database,
        blobs=blobs,
        vault=library.vault,
        prepare=prepare,
        embedder=embedder,
        keeper=LeaseKeeper(database, lease_s=30),
        stop=stop,
    )
    drain = Drain(
        database=database, ingestion=ingestion, owner="w", lease_s=30, stop=stop, limits=BatchLimits(), lanes=1
    )
    loader = RowLoader(vault=library.vault, blobs=blobs, dimension=64)
    percolator = Percolator(database=database, lexical=lexical, cache=cache)
    writer = IndexWriter(
        indexer=Indexer(
            database=database,
            vault=library.vault,
            loader=loader,
            dense=dense,
            lexical=lexical,
            percolator=percolator,
            pass_chunks=4000,
        ),
        deletions=Deletions(
            database=database,
            dense=dense,
            lexical=lexical,
            blobs=blobs,
            cache=cache,
            mark=Fingerprints(library.vault.mac_key("erasures")).of,
        ),
        access_changes=AccessChanges(
            database=database, loader=loader, dense=dense, lexical=lexical, percolator=percolator
        ),
        percolator=percolator,
        reconciler=Reconciler(database=database, loader=loader, dense=dense, lexical=lexical, every_s=60),
        retention=Retention(database=database, blobs=blobs, dense=dense, lexical=lexical, dimension=64, every_s=0.0),
        settling=Settling(
            database=database,
            loader=loader,
            dense=dense,
            lexical=lexical,
            gather_s=0.0,
            every_s=0.0,
            files_s=0.0,
            log_s=0.0,
            on_trial=lambda: False,
        ),
        scratch=ScratchSweep(lock=NamedLock(database.url, INDEX_TRIAL), remove=lambda: 0),
        generations=Generations(
            database=database, loader=loader, of_kind=lambda _: dense, of_language=lambda _: lexical
        ),
        close=lambda: None,
    )
    return World(database, library, blobs, dense, lexical, cache, drain, loader, writer, embedder)


def test_a_version_goes_live_once_both_indexes_hold_it(world: World) -> None:
    document = world.ingest("a.md", "Pumps must be inspected.")
    epoch = world.library.epoch()
    assert world.library.live_version(document) is None
    assert world.writer.work()
    assert world.library.live_version(document) == 1
    assert world.library.states() == {VersionState.READY: 1}
    assert world.library.epoch() == epoch + 1
    assert world.found("pumps") == (1, 1)
    assert not world.writer.work()


def test_an_index_that_is_down_only_delays(world: World) -> None:
    document = world.ingest("a.md", "Pumps must be inspected.")
    for index in (world.dense, world.lexical):
        index.down = True
        with pytest.raises(Unavailable):
            world.writer.work()
        index.down = False
    assert world.library.live_version(document) is None
    world.writer.work()
    assert world.library.live_version(document) == 1


def test_a_version_waits_until_every_row_is_counted(world: World) -> None:
    world.dense.forgetful = 1
    documents = [world.ingest(f"{n}.md", f"Pump number {n}.") for n in range(3)]
    world.writer.work()
    assert sorted(world.library.live_version(d) or 0 for d in documents) == [0, 1, 1]
    world.writer.work()
    assert [world.library.live_version(d) for d in documents] == [1, 1, 1]


def test_a_new_version_takes_the_old_ones_place(world: World) -> None:
    document = world.ingest(
        "a.md", "# Leave\n\nTwenty days of leave. " + "Filler. " * 45 + "\n\n# Sick\n\nCall us. " + "Other. " * 45
    )
    world.writer.work()
    kept_before = world.found("sick")[1]
    before = {chunk.row.chunk for chunk in _stored(world)}
    world.ingest(
        "a.md", "# Leave\n\nThirty days of leave. " + "Filler. " * 45 + "\n\n# Sick\n\nCall us. " + "Other. " * 45
    )
    assert world.found("thirty")[1] == 0
    world.writer.work()
    assert world.library.live_version(document) == 2
    assert (world.found("twenty")[1], world.found("thirty")[1]) == (0, 1)
    assert world.found("sick")[1] == kept_before
    after = {chunk.row.chunk for chunk in _stored(world)}
    assert world.dense.count(world.library.collection, sorted(before - after)).found == 0
    assert world.dense.count(world.library.collection, sorted(after)).found == len(after)
    assert before & after


def test_an_older_version_that_comes_late_does_not_return(world: World) -> None:
    first = world.library.upload("a.md", "Twenty days.")
    second = world.library.upload("a.md", "Thirty days.")
    world.drain.run()
    world.writer.work()
    world.writer.work()
    assert world.library.live_version(first.document) == 2
    assert (world.found("twenty"), world.found("thirty")[1]) == ((0, 0), 1)
    assert {world.library.version(u).state for u in (first, second)} == {VersionState.READY}


def test_what_returns_in_a_third_version_is_found_again(world: World) -> None:
    for content in ("Red pump.", "Blue pump.", "Red pump."):
        world.ingest("a.md", content)
        world.writer.work()
    assert (world.found("red"), world.found("blue")[1]) == ((1, 1), 0)


def test_many_documents_of_several_collections_go_live_together(world: World) -> None:
    other = Library(world.database, world.blobs, name="manuals")
    for n in range(5):
        world.library.upload(f"{n}.md", f"Pump {n}.")
        other.upload(f"{n}.md", f"Valve {n}.")
    world.drain.run()
    world.writer.work()
    assert world.library.states() == other.states() == {VersionState.READY: 5}


def test_a_deleted_document_leaves_every_store(world: World) -> None:
    document = world.ingest("a.md", "Pumps must be inspected.")
    kept = world.ingest("b.md", "Pumps are blue.")
    world.writer.work()
    evidence = (EvidenceVersion(document, 1),)
    scope = CacheScope(world.library.collection, "p", "r")
    assert world.cache.store(scope, CacheEntry("pumps?", b"x", evidence, made_at=2), [1.0])
    world.library.delete(document)
    assert world.sql("SELECT document FROM document_keys") == [(kept.id,)]  # before anything else is removed
    assert world.writer.work()
    assert world.found("pumps") == (1, 1)
    assert world.cache.lookup(scope, "pumps?", [1.0], sequence=2) is None
    assert [key for key in world.blobs.held if document.id in key] == []
    assert world.sql(f"SELECT count(*) FROM chunks WHERE document = '{document.id}'") == [(0,)]
    assert world.sql(f"SELECT name_sealed, metadata_sealed FROM documents WHERE id = '{document.id}'") == [(None, None)]
    assert world.sql("SELECT erased_at IS NOT NULL FROM tombstones") == [(True,)]
    assert world.library.live_version(kept) == 1


def test_a_deletion_is_never_given_up(world: World) -> None:
    document = world.ingest("a.md", "Pumps.")
    world.writer.work()
    world.library.delete(document)
    world.dense.down = True
    for _ in range(5):
        with pytest.raises(Unavailable):
            world.writer.work()
        assert world.sql("SELECT state FROM jobs WHERE kind = 'delete'") == [("waiting",)]
        world.sql("UPDATE jobs SET not_before = now() RETURNING 1")
    world.dense.down = False
    world.cache.down = True
    world.writer.work()
    assert world.sql("SELECT state FROM jobs WHERE kind = 'delete'") == [("done",)]


def test_a_deletion_whose_indexer_died_goes_on_as_soon_as_there_is_another(world: World) -> None:
    document = world.ingest("a.md", "Pumps.")
    world.writer.work()
    world.library.delete(document)
    with world.database.transaction() as connection:
        assert jobs.lease(connection, JobKind.DELETE, owner="dead", lease_s=120, limit=1)
    assert not world.writer.work()
    world.writer.take_over()
    assert world.writer.work()
    assert world.sql("SELECT erased_at IS NOT NULL FROM tombstones") == [(True,)]


def test_vectors_that_are_lost_fail_the_version_with_a_way_out(world: World) -> None:
    upload = world.library.upload("a.md", "Pumps.")
    good = world.library.upload("b.md", "Pumps too.")
    world.drain.run()
    world.blobs.delete(f"vectors/{upload.document.tenant}/{upload.document.id}")
    world.writer.work()
    assert world.library.version(upload).state is VersionState.FAILED
    assert "Upload it again" in (world.library.version(upload).error or "")
    assert world.library.version(good).state is VersionState.READY


def test_rows_that_an_index_lost_are_restored(world: World) -> None:
    world.ingest("a.md", "Pumps must be inspected.")
    world.writer.work()
    world.dense.drop(world.library.collection)
    world.lexical.drop(world.library.collection)
    world.writer.start_over()
    world.reconcile()
    assert world.found("pumps") == (1, 1)
    with world.database.transaction() as connection:
        counted = repairs.totals(connection, world.library.collection.tenant)
    assert counted == {"dense missing": 1, "lexical missing": 1}


def test_rows_that_a_crash_left_behind_are_removed(world: World) -> None:
    world.ingest("a.md", "Red pump.")
    world.writer.work()
    world.reconcile()
    scope = scope_of(world.library.collection, int(world.library.acl))
    (old,) = world.dense.search(scope, FakeEmbedder().embed_query("red"), top_k=1, timeout_s=1)
    rows, _ = world.loader.load(_stored(world))
    world.ingest("a.md", "Blue pump.")
    world.writer.work()
    world.dense.upsert(rows[0].rows, rows[0].vectors)
    world.lexical.upsert(rows[0].rows, rows[0].texts)
    assert world.dense.count(world.library.collection, [old.chunk]).found == 1
    world.reconcile()
    assert world.dense.count(world.library.collection, [old.chunk]).found == 0
    assert world.found("red") == (0, 0)
    assert world.found("blue")[1] == 1


def _stored(world: World) -> list[StoredChunk]:
    with world.database.transaction() as connection:
        return pipeline.live_rows(connection, world.library.collection, after="", limit=10)


def test_nothing_is_compared_where_nothing_changed(world: World) -> None:
    world.ingest("a.md", "Red pump.")
    world.writer.work()
    world.reconcile()
    world.dense.down = world.lexical.down = True
    world.reconcile()


def test_an_emptied_collection_is_dropped_from_the_indexes(world: World) -> None:
    document = world.ingest("a.md", "Red pump.")
    world.writer.work()
    dropped: list[CollectionId] = []
    world.dense.drop = dropped.append  # type: ignore[method-assign]
    world.library.delete(document)
    world.sql("UPDATE collections SET deleted_at = now() RETURNING 1")
    world.reconcile()
    assert dropped == []
    world.writer.work()
    world.reconcile()
    assert dropped == [world.library.collection]


def test_a_rebuild_restores_both_indexes_without_embedding(world: World) -> None:
    for n in range(5):
        world.ingest(f"{n}.md", f"Pump number {n}.")
    world.writer.work()
    before = world.found("pump")
    dense, lexical = Dense(), FakeLexicalIndex()
    rebuild = Rebuild(database=world.database, loader=world.loader, dense=dense, lexical=lexical)
    lines: list[str] = []
    assert rebuild.collection(world.library.collection, lines.append) == 5
    world.dense, world.lexical = dense, lexical
    assert world.found("pump") == before == (5, 5)
    assert lines == ["  5 chunks"]


def test_the_vector_index_is_sealed_when_writes_are_over(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assay_ingestion.index._SEAL_ROWS", 2)
    monkeypatch.setattr("assay_ingestion.index._SEAL_AFTER_S", 0.0)
    for n in range(2):
        world.ingest(f"{n}.md", f"Pump number {n}.")
    world.writer.work()
    for _ in range(3):
        world.writer.work()
    assert world.dense.seals == 1


def test_the_writer_steps_aside_for_a_rebuild_and_only_one_writes(world: World, database_url: str) -> None:
    first, second = NamedLock(database_url, INDEX_WRITER), NamedLock(database_url, INDEX_WRITER)
    wanted = NamedLock(database_url, REBUILD_WANTED)
    assert first.try_acquire()
    assert first.still_held()
    assert not second.try_acquire()
    assert not first.wanted_elsewhere(REBUILD_WANTED)
    stop = threading.Event()
    thread = threading.Thread(target=write, args=(world.writer, first, world.database, stop))
    thread.start()
    assert wanted.try_acquire()
    world.ingest("a.md", "A notice wakes the writer.")
    thread.join(timeout=20)
    assert not thread.is_alive()
    first.release()
    assert second.try_acquire()
    second.release()
    wanted.release()


def test_other_settings_divide_documents_anew_while_readers_see_the_old_passages(world: World) -> None:
    document = world.ingest("a.md", "Pumps must be inspected. " + "Valves are red and old. " * 20)
    world.ingest("b.md", "Short.")
    world.writer.work()
    before = {chunk.row.chunk for chunk in _stored(world)}
    with world.database.transaction() as connection:
        found = collections.get(connection, world.library.librarian, "handbook")
        found = collections.change_settings(connection, found, {"chunking": {"budget_tokens": 20}})
        assert collections.counted(connection, found).rechunk_due == 2
        assert documents.rechunk(connection, found, limit=500) == 2
        assert documents.rechunk(connection, found, limit=500) == 0
    assert world.library.live_version(document) == 1
    assert {chunk.row.chunk for chunk in _stored(world)} == before
    world.drain.run()
    assert {chunk.row.chunk for chunk in _stored(world)} == before
    world.writer.work()
    assert world.library.live_version(document) == 2
    after = {chunk.row.chunk for chunk in _stored(world)}
    assert len(after) > len(before)
    assert world.dense.count(world.library.collection, sorted(before - after)).found == 0
    assert world.dense.count(world.library.collection, sorted(after)).found == len(after)
    with world.database.transaction() as connection:
        assert collections.counted(connection, found).rechunk_due == 0


def _change_access(world: World, document: DocumentId, *, deny: tuple[str, ...]) -> AclId:
    rules = AccessRules((EVERYONE,), deny)
    with world.database.transaction() as connection:
        change_access(connection, world.library.librarian, document, rules)
        return documents.get(connection, world.library.vault, world.library.librarian, document).acl


def _enrol(world: World, name: str) -> Principal:
    principal = Principal(world.library.librarian.tenant, name, name, frozenset({"reader"}))
    with world.database.transaction() as connection:
        access.ensure_principal(connection, principal)
    return principal


def _rows_of(world: World, acl: AclId) -> tuple[int, int]:
    """How many rows an ACL has in each index."""
    scope = scope_of(world.library.collection, int(acl))
    near = world.dense.search(scope, FakeEmbedder().embed_query("pump"), top_k=50, timeout_s=1)
    return len(near), len(world.lexical.search(scope, "pump", top_k=50, epoch=0))


def test_other_rules_reach_the_rows_of_both_indexes_without_embedding(world: World) -> None:
    rita = _enrol(world, "rita")
    document = world.ingest("a.md", "Red pump.")
    other = world.ingest("b.md", "Blue pump.")
    world.writer.work()
    with world.database.transaction() as connection:
        before = pipeline.live_rows(connection, world.library.collection, after="", limit=9)
    embedded = world.embedder.passages
    acl = _change_access(world, document, deny=("rita",))
    epoch = world.library.epoch()
    with world.database.transaction() as connection:
        readable = visibility.readable_acls(connection, rita)
        chunks = [stored.row.chunk for stored in before]
        seen = visibility.live_chunks(connection, world.library.collection, readable, chunks)
        key = keys.of(connection, world.library.vault, other)
    assert [keys.open_name(key, other, live.name_sealed) for live in seen.values()] == ["b.md"]
    assert _rows_of(world, acl) == (0, 0)
    assert world.writer.work()
    assert _rows_of(world, acl) == (1, 1)
    assert _rows_of(world, world.library.acl) == (1, 1)
    assert world.embedder.passages == embedded
    assert world.library.epoch() == epoch + 1
    assert world.sql("SELECT DISTINCT acl_moved FROM documents") == [(False,)]
    assert not world.writer.work()


def test_rules_changed_on_the_way_in_reach_the_rows_once_it_is_live(world: World) -> None:
    _enrol(world, "rita")
    document = world.ingest("a.md", "Red pump.")
    with world.database.transaction() as connection:
        pending = pipeline.pending_versions(connection, limit_chunks=9)
        stored = pipeline.chunks_to_index(connection, pending)
    acl = _change_access(world, document, deny=("rita",))
    loaded, _ = world.loader.load(stored)
    world.dense.upsert(loaded[0].rows, loaded[0].vectors)
    world.lexical.upsert(loaded[0].rows, loaded[0].texts)
    with world.database.transaction() as connection:
        pipeline.go_live(connection, [pending[0]])
    assert _rows_of(world, acl) == (0, 0)
    world.writer.work()
    assert _rows_of(world, acl) == (1, 1)


def test_rules_that_change_while_rows_are_written_are_not_forgotten(world: World) -> None:
    _enrol(world, "rita")
    _enrol(world, "eve")
    document = world.ingest("a.md", "Red pump.")
    world.writer.work()
    _change_access(world, document, deny=("rita",))
    upsert, last = world.dense.upsert, list[AclId]()

    def meanwhile(rows: Sequence[IndexRow], given: Vectors) -> None:
        upsert(rows, given)
        if not last:
            last.append(_change_access(world, document, deny=("eve",)))

    world.dense.upsert = meanwhile  # type: ignore[method-assign]
    world.writer.work()
    assert world.sql("SELECT acl_moved FROM documents") == [(True,)]
    world.writer.work()
    assert _rows_of(world, last[0]) == (1, 1)


def test_an_edit_embeds_and_writes_only_what_changed_and_says_so(world: World) -> None:
    def rules(days: str, extra: str = "") -> str:
        parts = [f"# Part {n}\n\n" + f"Rule {n} says this. " * 6 for n in range(6)]
        return "\n\n".join([*parts, "# Leave\n\n" + f"{days} days of leave. " * 6, extra])

    gone = "# Parking\n\n" + "Park behind the house. " * 6
    world.ingest("a.md", rules("Twenty", gone))
    world.writer.work()
    embedded, rows = world.embedder.passages, world.sql("SELECT id, xmin::text FROM chunks ORDER BY id")
    written = world.count_writes()
    document = world.ingest("a.md", rules("Thirty"))
    world.writer.work()
    (before, after) = (world.library.versions(document)[n] for n in (1, 0))
    assert (before.chunks_kept, before.chunks_added, before.chunks_removed) == (0, before.chunks, 0)
    assert (after.chunks_added, after.chunks_removed) == (1, 2)
    assert after.chunks_kept == (after.chunks or 0) - 1 >= 5
    assert world.embedder.passages - embedded == 1
    assert [len(batch) for batch in written["dense"]] == [len(batch) for batch in written["lexical"]] == [1]
    # Rows of SQL that were there are untouched: they are of the same transaction as before.
    assert set(rows) <= set(world.sql("SELECT id, xmin::text FROM chunks"))
    assert before.replaced_at is not None
    assert after.replaced_at is None


def _age_versions(world: World, days: int) -> None:
    world.sql(f"UPDATE versions SET replaced_at = replaced_at - interval '{days} days' RETURNING 1")


def _leave_rules(days: str) -> str:
    return "\n\n".join(
        [*(f"# Part {n}\n\n" + f"Rule {n} says this. " * 6 for n in range(4)), f"# Leave\n\n{days} days. " * 2]
    )


def test_replaced_versions_stay_for_their_time_and_then_go_with_all_that_is_theirs(world: World) -> None:
    document = world.ingest("a.md", _leave_rules("Twenty"))
    world.writer.work()
    world.ingest("a.md", _leave_rules("Thirty"))
    world.writer.work()
    with world.database.transaction() as connection:
        before = pipeline.live_rows(connection, world.library.collection, after="", limit=99)
        old = vectors.read(world.blobs, [stored.vector for stored in before], 64)
    _age_versions(world, 29)
    assert world.writer.retention.work() == 0
    with world.database.transaction() as connection:
        _, read = reading.version_text(connection, world.library.vault, world.library.librarian, document, 1)
    assert "Twenty" in read
    _age_versions(world, 2)
    assert world.writer.retention.work() == 1
    with world.database.transaction() as connection, pytest.raises(NotFound, match="not kept any more") as gone:
        reading.version_text(connection, world.library.vault, world.library.librarian, document, 1)
    assert gone.value.code == "version_gone"
    live = (world.library.version(Upload(document, 2, None, unchanged=False)).chunks,)
    assert world.sql("SELECT count(*) FROM chunks") == world.sql("SELECT count(*) FROM version_chunks") == [live]
    assert len(list(world.blobs.keys("documents"))) == 1
    with world.database.transaction() as connection:
        after = pipeline.live_rows(connection, world.library.collection, after="", limit=99)
    assert [s.row.chunk for s in after] == [s.row.chunk for s in before]
    assert np.array_equal(vectors.read(world.blobs, [s.vector for s in after], 64), old)
    # No vector of what went is left: the files hold as many rows as there are chunks.
    named = {s.vector.key for s in after}
    assert set(world.blobs.keys("vectors")) == named
    assert sum(vectors.rows_in(world.blobs, key, 64) for key in named) == len(after)
    assert world.found("thirty")[1] == 1
    assert world.writer.retention.work() == 0


def test_a_version_on_its_way_keeps_the_vectors_that_its_worker_has_just_written(world: World) -> None:
    for days in ("Twenty", "Thirty"):
        document = world.ingest("a.md", _leave_rules(days))
        world.writer.work()
    _age_versions(world, 31)
    under_way = {f"{vectors.folder(document)}/3-1.f16", f"{vectors.folder(document)}/.tmp-0123"}
    for key in under_way:
        world.blobs.put(key, [bytes(128)])
    assert world.writer.retention.work() == 1
    assert under_way < set(world.blobs.keys("vectors"))


def test_a_version_on_its_way_keeps_what_it_may_use_again(world: World) -> None:
    world.ingest("a.md", "Red pump.")
    world.writer.work()
    world.ingest("a.md", "Blue pump.")
    world.writer.work()
    _age_versions(world, 31)
    world.ingest("a.md", "Red pump.")
    embedded = world.embedder.passages
    assert world.writer.retention.work() == 0
    world.writer.work()
    assert world.embedder.passages == embedded
    assert world.found("red") == (1, 1)
    # The first version goes, but its passage is the third one's now.
    assert world.sql("SELECT version FROM versions ORDER BY version") == [(2,), (3,)]
    assert world.sql("SELECT count(*) FROM chunks") == [(2,)]
    assert len(list(world.blobs.keys("documents"))) == 2


def test_a_removal_that_broke_off_is_finished(world: World) -> None:
    world.ingest("a.md", _leave_rules("Twenty"))
    world.writer.work()
    world.ingest("a.md", _leave_rules("Thirty"))
    world.writer.work()
    _age_versions(world, 31)
    delete, calls = world.blobs.delete, list[str]()

    def dies(key: str) -> None:
        calls.append(key)
        raise Unavailable("The disk is away.", code="storage_unavailable")

    world.blobs.delete = dies  # type: ignore[method-assign]
    with pytest.raises(Unavailable):
        world.writer.retention.work()
    assert calls
    assert world.sql("SELECT version FROM versions ORDER BY version") == [(1,), (2,)]
    world.blobs.delete = delete  # type: ignore[method-assign]
    assert world.writer.retention.work() == 1
    named = {row[0] for row in world.sql("SELECT DISTINCT vector_key FROM chunks")}
    assert set(world.blobs.keys("vectors")) == named


def test_a_collection_says_how_long_versions_are_kept(world: World) -> None:
    with world.database.transaction() as connection:
        found = collections.get(connection, world.library.librarian, "handbook")
        collections.change_settings(connection, found, {"keep_versions_days": 0})
    for content in ("Red pump.", "Blue pump."):
        world.ingest("a.md", content)
        world.writer.work()
    assert world.sql("SELECT version FROM versions") == [(2,)]


def _essay(*changed: str, seed: int = 0) -> str:
    words = [f"word{(n * 7919 + seed * 104729) % 3001}" for n in range(300)]
    return " ".join([*words, *changed])


def _near(world: World, document: DocumentId, principal: Principal | None = None) -> list[str]:
    with world.database.transaction() as connection:
        return [
            t.name
            for t in near_duplicates.twins(
                connection, world.library.vault, principal or world.library.librarian, document
            )
        ]


def _pairs(world: World, principal: Principal) -> list[tuple[str, str]]:
    found, after = list[tuple[str, str]](), ""
    with world.database.transaction() as connection:
        while True:
            page, last = near_duplicates.pairs(
                connection, world.library.vault, principal, world.library.collection, after=after, limit=1
            )
            found += [tuple[str, str](sorted((pair.name, pair.twin.name))) for pair in page]
            if last is None:
                return found
            after = last


def test_near_duplicates_are_told_to_those_who_may_read_them(world: World) -> None:
    rita = _enrol(world, "rita")
    first = world.ingest("a.md", _essay())
    second = world.ingest("b.md", _essay("one", "more"))
    world.ingest("c.md", _essay(seed=5))
    assert _near(world, first) == []  # nothing is live yet
    world.writer.work()
    assert (_near(world, first), _near(world, second)) == (["b.md"], ["a.md"])
    assert _pairs(world, world.library.librarian) == _pairs(world, rita) == [("a.md", "b.md")]
    _change_access(world, second, deny=("rita",))
    assert (_near(world, first, rita), _pairs(world, rita)) == ([], [])
    assert _near(world, first) == ["b.md"]
    # A version that says something else has no twin, and what is deleted is nobody's.
    world.ingest("b.md", _essay(seed=9))
    world.writer.work()
    assert _near(world, first) == []
    world.library.delete(first)
    world.writer.work()
    assert world.sql(f"SELECT count(*) FROM document_signatures WHERE document = '{first.id}'") == [(0,)]


def test_a_collection_may_keep_one_of_near_duplicates(world: World) -> None:
    _enrol(world, "rita")
    with world.database.transaction() as connection:
        found = collections.get(connection, world.library.librarian, "handbook")
        collections.change_settings(connection, found, {"near_duplicates": "keep_one"})
    first = world.ingest("a.md", _essay())
    second = world.ingest("b.md", _essay("one", "more"))
    assert world.writer.work()
    assert (world.library.live_version(first), world.library.live_version(second)) == (1, None)
    refused = world.library.versions(second)[0]
    assert (refused.state, refused.error_code) == (VersionState.FAILED, "near_duplicate")
    assert "a.md" not in (refused.error or "")
    assert _near(world, second) == ["a.md"]
    # A document that is there already goes on, whatever its new version resembles; and other readers are others.
    third = world.ingest("c.md", _essay(seed=5))
    world.writer.work()
    world.ingest("c.md", _essay("last"))
    world.writer.work()
    assert world.library.live_version(third) == 2
    _change_access(world, first, deny=("rita",))
    _change_access(world, third, deny=("rita",))
    with world.database.transaction() as connection:
        documents.retry(connection, world.library.vault, second)
    world.drain.run()
    world.writer.work()
    assert world.library.live_version(second) == 2
