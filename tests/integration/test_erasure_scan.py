"""The scan for what was erased, on real servers: it finds its controls and leftovers, and proves nothing blindly."""

from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

import pytest
from assay_adapters.blobs import FolderBlobStore
from assay_adapters.byte_scanner import ByteScanner, Fingerprints
from assay_adapters.tantivy_index import TantivyIndex
from assay_embedded.testing import Platform, running
from assay_ingestion.bootstrap import connect_redis
from assay_ingestion.erasure_controls import Planter
from assay_ingestion.erasure_scan import Find, Scan, StoreReport, in_memory
from assay_ingestion.index_kinds import DenseIndexes
from assay_store import documents, erasures
from assay_store.database import Database, clock
from assay_store.erasures import Sought
from assay_store.migrate import upgrade
from assay_store.rewriting import rewrite_keys
from assay_testing.fake_indexes import FakeVectorIndex
from assay_testing.library import Library

pytestmark = pytest.mark.integration
VECTOR = bytes(range(100, 164))


@dataclass
class World:
    library: Library
    folders: dict[str, Path]
    planter: Planter
    scan: Scan
    lexical: TantivyIndex
    fingerprints: Fingerprints

    def look(self, wanted: list[Sought], words: list[str] | None = None) -> tuple[list[Find], dict[str, StoreReport]]:
        with self.planter.planted() as controls:
            return self.scan.run(controls, wanted, words or [], lambda _: None)

    def erased(self, name: str = "a.md") -> Sought:
        """A document that was deleted and has left every store."""
        upload = self.library.upload(name, "Pumps.")
        with self.library.database.transaction() as connection:
            erasure = documents.delete(connection, upload.document, by="ann")
            mark = self.fingerprints.of
            erasures.remember(connection, upload.document, chunks=[mark(b"c" * 32)], vectors=[mark(VECTOR)])
            connection.exec_driver_sql("UPDATE tombstones SET erased_at = now()")
            erasures.complete(connection, left_before=clock(connection))
            (found,) = erasures.sought(connection, among=[erasure], limit=10)
        return found


@pytest.fixture(scope="module")
def own_servers(tmp_path_factory: pytest.TempPathFactory) -> Generator[Platform]:
    """Servers with one database: those of the session hold a thousand, whose files take minutes to look through."""
    with running(tmp_path_factory.mktemp("scanned"), parts={"postgres", "broker", "cache"}) as platform:
        upgrade(platform.env["ASSAY_DATABASE__URL"])
        yield platform


@pytest.fixture
def world(own_servers: Platform, tmp_path: Path) -> Generator[World]:
    servers, database = own_servers, Database(own_servers.env["ASSAY_DATABASE__URL"])
    blobs = FolderBlobStore(tmp_path / "blobs")
    library = Library(database, blobs, tenant=f"tenant-{uuid4().hex[:8]}")
    fingerprints = Fingerprints(library.vault.mac_key("erasures"))
    lexical = TantivyIndex(tmp_path / "bm25")
    redis = {name: connect_redis(servers.env[f"ASSAY_{name.upper()}__URL"]) for name in ("broker", "cache")}
    home = servers.supervisor.wiring.home.path
    folders = {name: home / name for name in ("postgres", "broker", "cache", "logs")}
    folders |= {name: tmp_path / name for name in ("blobs", "bm25")}
    (tmp_path / "bm25").mkdir(exist_ok=True)
    planter = Planter(
        lexical_in="bm25",
        database=database,
        dense=DenseIndexes(database, lambda _: FakeVectorIndex()),  # pyright: ignore[reportArgumentType] (not used)
        dimension=8,
        kinds=[],
        lexical=lexical,
        blobs=blobs,
        redis=redis,
        folders=folders,
    )
    scan = Scan(
        fingerprint=fingerprints.of,
        scanner=lambda marks: ByteScanner(fingerprints, marks),
        folders=folders,
        others={"bm25": lexical.terms, **{name: lambda held=held: in_memory(held) for name, held in redis.items()}},
    )
    yield World(library, folders, planter, scan, lexical, fingerprints)
    lexical.close()
    for held in redis.values():
        held.close()
    database.dispose()


def test_every_store_shows_its_control_and_a_rewritten_store_nothing_else(world: World) -> None:
    gone = world.erased()
    assert rewrite_keys(world.library.database)
    found, stores = world.look([gone])
    assert {name: store.control_found for name, store in stores.items()} == dict.fromkeys(world.folders, True)
    assert found == []


def test_where_milvus_holds_the_lexical_index_its_ids_are_looked_for_there(world: World) -> None:
    planter = replace(world.planter, lexical_in="milvus", folders={"milvus": world.folders["bm25"]})
    with planter.planted() as controls:
        (planted,) = controls["milvus"]
        assert planted in [term for _, term in world.lexical.terms()]
    assert planted not in [term for _, term in world.lexical.terms()]


def test_a_destroyed_key_is_found_until_the_database_has_rewritten_its_files(world: World) -> None:
    gone = world.erased()
    found, _ = world.look([gone])
    assert {(find.what, find.kind, find.store) for find in found} == {(gone.id, "key", "postgres")}


def test_keys_that_the_planner_took_as_samples_go_too(world: World) -> None:
    for number in range(20):
        world.library.upload(f"{number}.md", "Valves.")
    world.library.upload("sampled.md", "Pumps.")
    with world.library.database.transaction() as connection:
        connection.exec_driver_sql("ANALYZE document_keys")
    gone = world.erased("sampled.md")
    rewrite_keys(world.library.database)
    assert world.look([gone])[0] == []


def test_leftovers_are_found_wherever_they_lie(world: World) -> None:
    gone = world.erased()
    rewrite_keys(world.library.database)
    (world.folders["blobs"] / "forgotten").write_bytes(b"xyz" + VECTOR)
    world.planter.redis["cache"].hset("answer", mapping={"vector": VECTOR})
    (world.folders["logs"] / "worker.log").write_text("secret-canary-0123456789abcdef was here")
    try:
        found, _ = world.look([gone], ["secret-canary-0123456789abcdef"])
    finally:
        world.planter.redis["cache"].delete("answer")
        (world.folders["logs"] / "worker.log").unlink()
    assert {(find.kind, find.store) for find in found} == {("vector", "blobs"), ("vector", "cache"), ("word", "logs")}


def test_a_scan_of_the_wrong_folder_sees_no_control(world: World, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    world.folders["postgres"] = elsewhere
    _, stores = world.look([])
    assert not stores["postgres"].control_found
    assert stores["blobs"].control_found


def test_controls_are_gone_afterwards(world: World) -> None:
    world.look([])
    assert list(world.folders["logs"].glob("erasure-control-*")) == []
    assert [key for key in world.planter.redis["broker"].scan_iter() if b"erasure-control" in key] == []
    with world.library.database.transaction() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM scan_controls").scalar_one() == 0
