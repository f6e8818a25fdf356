"""Erasures settle in rounds: every store rewrites its files, and a round completes only what had left before it."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TypedDict

import pytest
from assay_adapters.byte_scanner import Fingerprints
from assay_adapters.tantivy_index import TantivyIndex
from assay_core.collection_settings import Chunking, CollectionSettings
from assay_core.documents import ChunkId, CollectionId, DocumentId
from assay_core.errors import Unavailable
from assay_ingestion.access_changes import AccessChanges
from assay_ingestion.deletions import Deletions
from assay_ingestion.drain import BatchLimits, Drain
from assay_ingestion.generations import Generations
from assay_ingestion.index import Indexer
from assay_ingestion.index_writer import IndexWriter
from assay_ingestion.leases import LeaseKeeper
from assay_ingestion.percolation import Percolator
from assay_ingestion.pipeline import Ingestion
from assay_ingestion.prepare import Preparer
from assay_ingestion.reconcile import Reconciler
from assay_ingestion.retention import Retention
from assay_ingestion.rows import RowLoader
from assay_ingestion.scratch import ScratchSweep
from assay_ingestion.settling import Settling
from assay_store import erasures
from assay_store.database import Database
from assay_store.erasures import Erasure, ErasureState
from assay_store.locks import INDEX_TRIAL, NamedLock
from assay_testing.fake_blobs import FakeBlobStore
from assay_testing.fake_embedder import FakeEmbedder
from assay_testing.fake_indexes import FakeVectorIndex
from assay_testing.fake_parser import FakeParser
from assay_testing.library import Library

pytestmark = pytest.mark.integration


class Dense(FakeVectorIndex):
    """A fake whose rewriting ends when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.rewritten = True
        self.purges = 0

    def ping(self, timeout_s: float) -> None: ...

    def seal(self) -> None: ...

    def indexed(self) -> bool:
        return True

    def close(self) -> None: ...

    def begin_purge(self) -> str:
        self.purges += 1
        return super().begin_purge()

    def purged(self, purge: str) -> bool:
        return super().purged(purge) and self.rewritten


class Lexical(TantivyIndex):
    """An index whose rewriting may take time."""

    busy = False

    def purge(self, collection: CollectionId) -> list[ChunkId] | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        return None if self.busy else super().purge(collection)


class Indexes(TypedDict):
    dense: Dense
    lexical: Lexical


class World:
    def __init__(self, database: Database, folder: Path) -> None:
        self.blobs, self.embedder = FakeBlobStore(), FakeEmbedder()
        self.library = Library(
            database, self.blobs, settings=CollectionSettings(Chunking(budget_tokens=40, overlap_tokens=8))
        )
        self.dense, self.lexical = Dense(), Lexical(folder)
        vault = self.library.vault
        stop = threading.Event()
        prepare = Preparer(vault=vault, blobs=self.blobs, parser=FakeParser(), embedder=self.embedder)
        ingestion = Ingestion(
            database=database,
            blobs=self.blobs,
            vault=vault,
            prepare=prepare,
            embedder=self.embedder,
            keeper=LeaseKeeper(database, lease_s=30),
            stop=stop,
        )
        self.drain = Drain(
            database=database, ingestion=ingestion, owner="w", lease_s=30, stop=stop, limits=BatchLimits(), lanes=1
        )
        loader = RowLoader(vault=vault, blobs=self.blobs, dimension=64)
        indexes = Indexes(dense=self.dense, lexical=self.lexical)
        self.scratch = ScratchSweep(lock=NamedLock(database.url, INDEX_TRIAL), remove=lambda: 0)
        self.settling = Settling(
            database=database,
            loader=loader,
            **indexes,
            gather_s=0.0,
            every_s=0.0,
            files_s=0.0,
            log_s=0.0,
            on_trial=self.scratch.may_hold_vectors,
        )
        percolator = Percolator(database=database, lexical=self.lexical, cache=None)
        self.writer = IndexWriter(
            indexer=Indexer(
                database=database, vault=vault, loader=loader, **indexes, percolator=percolator, pass_chunks=4000
            ),
            deletions=Deletions(
                database=database,
                **indexes,
                blobs=self.blobs,
                cache=None,
                mark=Fingerprints(vault.mac_key("erasures")).of,
            ),
            access_changes=AccessChanges(database=database, loader=loader, **indexes, percolator=percolator),
            percolator=percolator,
            reconciler=Reconciler(database=database, loader=loader, **indexes, every_s=3600),
            retention=Retention(database=database, blobs=self.blobs, **indexes, dimension=64, every_s=3600),
            settling=self.settling,
            scratch=self.scratch,
            generations=Generations(
                database=database, loader=loader, of_kind=lambda _: self.dense, of_language=lambda _: self.lexical
            ),
            close=self.lexical.close,
        )

    def ingest(self, name: str, text: str) -> DocumentId:
        upload = self.library.upload(name, text)
        self.drain.run()
        return upload.document

    def erasures(self) -> list[Erasure]:
        with self.library.database.transaction() as connection:
            return erasures.listing(connection, self.library.collection.tenant, open_only=False, limit=50)

    def settle(self, steps: int = 8) -> None:
        for _ in range(steps):
            self.settling._next_s = 0.0  # pyright: ignore[reportPrivateUsage] (time passes)
            self.writer.work()

    def terms(self) -> set[str]:
        return {term.decode() for _, term in self.lexical.terms()}


@pytest.fixture
def world(database: Database, tmp_path: Path) -> World:
    return World(database, tmp_path / "bm25")


def test_a_round_completes_what_had_left_and_no_term_of_it_stays(world: World) -> None:
    doomed = [world.ingest(f"{n}.md", f"Zanzibar{n} valves are tested.") for n in range(3)]
    world.ingest("kept.md", "Pumps are blue.")
    world.writer.work()
    assert {"zanzibar0", "pump"} <= world.terms()
    for document in doomed:
        world.library.delete(document)
    world.settle()
    found = world.erasures()
    assert [one.state for one in found] == [ErasureState.COMPLETE] * 3
    assert found[0].counts["lexical_index"] == found[0].counts["vector_index"] == 1
    assert found[0].counts["postgres.chunks"] == 1
    assert not [term for term in world.terms() if "zanzibar" in term]
    assert "pump" in world.terms()
    assert world.dense.purges == 1


def test_nothing_is_complete_before_the_vector_index_has_rewritten_its_files(world: World) -> None:
    document = world.ingest("a.md", "Pumps.")
    world.writer.work()
    world.dense.rewritten = False
    world.library.delete(document)
    world.settle()
    assert [one.state for one in world.erasures()] == [ErasureState.SETTLING]
    later = world.ingest("b.md", "Valves.")
    world.writer.work()
    world.library.delete(later)
    world.writer.work()
    world.dense.rewritten = True
    world.settle(steps=2)
    states = {one.document: one.state for one in world.erasures()}
    assert states[document] == ErasureState.COMPLETE
    world.settle()
    assert {one.state for one in world.erasures()} == {ErasureState.COMPLETE}
    assert world.dense.purges == 2


@contextmanager
def trial_under_way(database: Database) -> Generator[None]:
    lock = NamedLock(database.url, INDEX_TRIAL)
    assert lock.try_acquire()
    try:
        yield
    finally:
        lock.release()


def test_nothing_is_complete_while_a_trial_of_indexes_runs_or_has_left_something(world: World) -> None:
    document = world.ingest("a.md", "Pumps.")
    world.writer.work()
    with trial_under_way(world.library.database):
        world.library.delete(document)
        world.settle()
        assert [one.state for one in world.erasures()] == [ErasureState.SETTLING]
    world.settle()
    assert [one.state for one in world.erasures()] == [ErasureState.COMPLETE]


def test_what_a_dead_trial_left_is_removed_and_its_files_waited_for(database: Database) -> None:
    left = [2, 0, 0]
    sweep = ScratchSweep(lock=NamedLock(database.url, INDEX_TRIAL), remove=lambda: left.pop(0))
    assert [sweep.may_hold_vectors() for _ in range(3)] == [True, False, False]
    with trial_under_way(database):
        assert sweep.may_hold_vectors()
    left += [0, 0]
    assert [sweep.may_hold_vectors() for _ in range(2)] == [True, False]


def test_nothing_is_complete_before_the_lexical_index_has_rewritten_its_files(world: World) -> None:
    document = world.ingest("a.md", "Pumps.")
    world.writer.work()
    world.lexical.busy = True
    world.library.delete(document)
    world.settle()
    assert [one.state for one in world.erasures()] == [ErasureState.SETTLING]
    world.lexical.busy = False
    world.settle()
    assert [one.state for one in world.erasures()] == [ErasureState.COMPLETE]


def test_a_store_that_goes_away_in_the_middle_begins_the_round_anew(world: World) -> None:
    document = world.ingest("a.md", "Pumps.")
    world.writer.work()
    world.dense.rewritten = False
    world.library.delete(document)
    world.settle()
    world.dense.down = True
    with pytest.raises(Unavailable):
        world.settle()
    world.dense.down, world.dense.rewritten = False, True
    world.writer.start_over()
    world.settle()
    assert [one.state for one in world.erasures()] == [ErasureState.COMPLETE]
    assert world.dense.purges == 2


def test_a_round_may_begin_while_another_waits_for_old_files_to_go(world: World) -> None:
    world.settling._log_s = 3600.0  # pyright: ignore[reportPrivateUsage] (time does not pass)
    for name in ("a.md", "b.md"):
        document = world.ingest(name, "Pumps.")
        world.writer.work()
        world.library.delete(document)
        world.settle()
    assert world.dense.purges == 2
    assert [one.state for one in world.erasures()] == [ErasureState.SETTLING] * 2
    world.settling._log_s = 0.0  # pyright: ignore[reportPrivateUsage]
    world.settle(steps=2)
    assert [one.state for one in world.erasures()] == [ErasureState.COMPLETE] * 2
