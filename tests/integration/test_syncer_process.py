"""The syncer as it runs: a folder is followed by its schedule, a killed process is gone on with by another."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from assay_adapters.blobs import FolderBlobStore
from assay_core.documents import TenantId
from assay_core.principals import Principal
from assay_core.sources import RunState, SourceId
from assay_store import access, collections, documents, source_runs, sources
from assay_store.database import Database
from assay_store.encryption import Vault
from assay_store.sources import NewSource
from assay_testing.places import free_port
from sqlalchemy import text

pytestmark = pytest.mark.integration

ADA = Principal(TenantId("default"), "ada", "Ada", frozenset({"administrator"}))
VAULT = Vault(bytes(32))
WAIT_S = 120


@contextmanager
def syncer(url: str, folder: Path, *, port: int) -> Generator[subprocess.Popen[bytes]]:
    """A process that may read below `folder`/docs."""
    key = folder / "master_key"
    key.write_text("A" * 43 + "=")
    environ = {
        "PATH": os.environ["PATH"],
        "ASSAY_DATABASE__URL": url,
        "ASSAY_BLOBS__PATH": str(folder / "blobs"),
        "ASSAY_SECRETS__MASTER_KEY_FILE": str(key),
        "ASSAY_SOURCES__FOLDER_ROOTS": f"/nowhere:{folder / 'docs'}",
        "ASSAY_HTTP__PORT": str(port),
    }
    process = subprocess.Popen([sys.executable, "-m", "assay_ingestion.syncer"], env=environ)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def until(what: Callable[[], object]) -> None:
    end_s = time.monotonic() + WAIT_S
    while not what():
        assert time.monotonic() < end_s, "it did not come to pass"
        time.sleep(0.1)


def add(database: Database, folder: Path, *, every_s: int) -> SourceId:
    with database.transaction() as connection:
        access.ensure_tenant(connection, ADA.tenant, "default")
        access.ensure_principal(connection, ADA)
        acl = access.acl_for(connection, ADA.tenant)
        collection = collections.create(connection, ADA.tenant, "handbook", acl=acl)
        new = NewSource(collection.id, "wiki", "folder", {"path": str(folder / "docs")}, {}, None, every_s)
        return sources.create(connection, VAULT, ADA, new).id


def names(database: Database) -> list[str]:
    with database.transaction() as connection:
        collection = collections.get(connection, ADA, "handbook")
        return sorted(d.name for d, _ in documents.listing(connection, VAULT, ADA, collection.id, limit=500))


def test_a_folder_is_followed_by_its_schedule(database: Database, database_url: str, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.md").write_text("# A")
    source, port = add(database, tmp_path, every_s=1), free_port()
    with syncer(database_url, tmp_path, port=port) as process:
        until(lambda: names(database) == ["wiki/a.md"])
        (tmp_path / "docs" / "b.md").write_text("# B")
        until(lambda: names(database) == ["wiki/a.md", "wiki/b.md"])
        (tmp_path / "docs" / "a.md").unlink()
        until(lambda: names(database) == ["wiki/b.md"])
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=10) as answer:
            assert answer.status == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    with database.transaction() as connection:
        runs = source_runs.runs_of(connection, VAULT, source, limit=50)
    assert {run.state for run in runs} <= {RunState.DONE, RunState.WAITING}
    assert all(run.requested_by is None for run in runs)


def test_a_killed_process_is_gone_on_with_by_another(database: Database, database_url: str, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    for n in range(300):
        (tmp_path / "docs" / f"{n:03}.md").write_text(f"# Page {n}")
    source = add(database, tmp_path, every_s=0)
    with database.transaction() as connection:
        source_runs.ask(connection, source, by="ada")
    with syncer(database_url, tmp_path, port=free_port()) as process:
        until(lambda: len(names(database)) > 20)
        process.kill()
        process.wait()
    taken = len(names(database))
    assert taken < 300
    with database.transaction() as connection:
        connection.execute(text("UPDATE source_runs SET lease_until = now()"))
    with (
        syncer(database_url, tmp_path, port=free_port()),
        syncer(database_url, tmp_path, port=free_port()),
    ):
        until(lambda: len(names(database)) == 300)

        def ended() -> bool:
            with database.transaction() as connection:
                return source_runs.runs_of(connection, VAULT, source, limit=1)[0].state == RunState.DONE

        until(ended)
    with database.transaction() as connection:
        (run,) = source_runs.runs_of(connection, VAULT, source, limit=5)
        versions = connection.execute(text("SELECT count(*) FROM versions")).scalar_one()
    assert (versions, run.counts.failed) == (300, 0)
    # What was being written when the process died; the relay removes it after a day.
    assert len(list(FolderBlobStore(tmp_path / "blobs").keys("uploads"))) <= 1
