"""An uploaded archive is a folder of documents: made, changed and deleted with it, through the real sandbox."""

import threading
from collections.abc import Generator, Mapping
from dataclasses import dataclass

import pytest
from assay_adapters.parsers.sandbox import SandboxedParser
from assay_core.collection_settings import Chunking, CollectionSettings
from assay_core.documents import VersionState
from assay_ingestion.archives import ArchiveReceiver
from assay_ingestion.drain import BatchLimits, Drain
from assay_ingestion.leases import LeaseKeeper
from assay_ingestion.pipeline import GroupLimits, Ingestion
from assay_ingestion.prepare import Preparer
from assay_store import documents
from assay_store.database import Database
from assay_store.document_access import AccessRules, change_access
from assay_store.documents import Upload
from assay_testing.fake_blobs import FakeBlobStore
from assay_testing.fake_embedder import FakeEmbedder
from assay_testing.library import Library
from assay_testing.office_files import zipped

pytestmark = pytest.mark.integration

SETTINGS = CollectionSettings(Chunking(budget_tokens=40, overlap_tokens=8))
FILES: Mapping[str, bytes | str] = {
    "leave.md": "# Leave\n\nYou get 20 days.",
    "sub/tea.html": "<html><body><h1>Tea</h1><p>Hot water.</p></body></html>",
    "deep.zip": zipped({"inner.txt": "Deep inside."}),
    "../../etc/passwd": "A name that points out of the archive.",
    "program": b"\x7fELF" + bytes(100),
}


@dataclass
class World:
    database: Database
    blobs: FakeBlobStore
    library: Library
    drain: Drain

    def put(self, files: Mapping[str, bytes | str], name: str = "box.zip") -> Upload:
        upload = self.library.upload(name, zipped(files))
        while self.drain.run():
            pass
        return upload

    def states(self) -> dict[str, tuple[str, int]]:
        """State and number of the newest version by name."""
        with self.database.transaction() as connection:
            listed = documents.listing(
                connection, self.library.vault, self.library.librarian, self.library.collection, limit=100
            )
        return {document.name: (version.state.value, version.version) for document, version in listed}


@pytest.fixture(scope="module")
def sandbox() -> Generator[SandboxedParser]:
    parser = SandboxedParser(timeout_s=20.0)
    yield parser
    parser.close()


@pytest.fixture
def world(database: Database, sandbox: SandboxedParser) -> World:
    blobs, embedder, stop = FakeBlobStore(), FakeEmbedder(), threading.Event()
    library = Library(database, blobs, settings=SETTINGS)
    archives = ArchiveReceiver(database=database, vault=library.vault, blobs=blobs, parser=sandbox, max_bytes=2**20)
    prepare = Preparer(vault=library.vault, blobs=blobs, parser=sandbox, embedder=embedder, take_apart=archives.receive)
    ingestion = Ingestion(
        database=database,
        blobs=blobs,
        vault=library.vault,
        prepare=prepare,
        embedder=embedder,
        keeper=LeaseKeeper(database, lease_s=30),
        stop=stop,
        limits=GroupLimits(),
    )
    limits = BatchLimits(documents=8, size_bytes=10**6)
    drain = Drain(database=database, ingestion=ingestion, owner="w", lease_s=30, stop=stop, limits=limits, lanes=1)
    return World(database, blobs, library, drain)


def test_each_file_of_an_archive_is_a_document(world: World) -> None:
    archive = world.put(FILES)
    assert world.states() == {
        "box.zip": ("indexing", 1),
        "box.zip/leave.md": ("indexing", 1),
        "box.zip/sub/tea.html": ("indexing", 1),
        "box.zip/deep.zip/inner.txt": ("indexing", 1),
        "box.zip/etc/passwd": ("indexing", 1),
    }
    assert world.library.version(archive).media_type == "application/zip"
    assert not [key for key in world.blobs.keys("") if key.startswith("uploads/")]


def test_an_archive_uploaded_again_changes_only_what_changed(world: World) -> None:
    world.put(FILES)
    files = dict(FILES)
    del files["sub/tea.html"]
    world.put(files | {"leave.md": "# Leave\n\nYou get 25 days.", "new.txt": "New."})
    assert world.states() == {
        "box.zip": ("indexing", 2),
        "box.zip/leave.md": ("indexing", 2),
        "box.zip/new.txt": ("indexing", 1),
        "box.zip/deep.zip/inner.txt": ("indexing", 1),
        "box.zip/etc/passwd": ("indexing", 1),
    }


def test_deleting_an_archive_deletes_its_files_at_once_and_nothing_else(world: World) -> None:
    archive = world.put(FILES)
    world.put({"a.txt": "Other."}, name="other.zip")
    world.library.upload("box.zip/by hand.txt", "Not of the archive.")
    with world.database.transaction() as connection:
        documents.delete(connection, archive.document)
    assert set(world.states()) == {"other.zip", "other.zip/a.txt", "box.zip/by hand.txt"}


def test_files_of_an_archive_follow_its_access(world: World) -> None:
    archive = world.put(FILES)
    rules = AccessRules(allow=(world.library.librarian.id,))
    with world.database.transaction() as connection:
        change_access(connection, world.library.librarian, archive.document, rules)
        listed = documents.listing(
            connection, world.library.vault, world.library.librarian, world.library.collection, limit=100
        )
    assert len({document.acl for document, _ in listed}) == 1
    assert listed[0][0].acl != world.library.acl


def test_a_document_of_someone_else_is_not_written_over(world: World) -> None:
    by_hand = world.library.upload("box.zip/leave.md", "By hand.")
    world.put(FILES)
    assert world.states()["box.zip/leave.md"][1] == 1
    assert world.library.version(by_hand).size_bytes == len("By hand.")


def test_an_archive_without_a_readable_file_fails_with_the_reason(world: World) -> None:
    upload = world.put({"program": b"\x7fELF" + bytes(100)})
    version = world.library.version(upload)
    assert (version.state, version.error_code) == (VersionState.FAILED, "empty_archive")
    assert "a program" in (version.error or "")


def test_a_bomb_makes_no_document(world: World) -> None:
    upload = world.put({"zeros": b"0" * 120_000_000})
    version = world.library.version(upload)
    assert (version.state, version.error_code) == (VersionState.FAILED, "too_large")
    assert set(world.states()) == {"box.zip"}
