"""Runs of sources on a real PostgreSQL, with a connector of our own: what comes, what goes, what a crash leaves."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from assay_adapters.blobs import FolderBlobStore
from assay_core.documents import Collection, DocumentId, TenantId
from assay_core.errors import Conflict, Denied, Invalid, Unavailable
from assay_core.principals import Principal
from assay_core.sources import Access, RunState, Upsert
from assay_ingestion.bootstrap import build_connect
from assay_ingestion.sync import Syncer
from assay_runtime.settings import SourceSettings
from assay_store import (
    access,
    collections,
    documents,
    pipeline,
    source_runs,
    sources,
)
from assay_store.database import Database
from assay_store.encryption import Vault
from assay_store.source_runs import Counts, Run, RunLease
from assay_store.sources import NewSource, Source
from assay_testing.fake_connector import FakeConnector
from sqlalchemy import text

pytestmark = pytest.mark.integration

ADA = Principal(TenantId("default"), "ada", "Ada", frozenset({"administrator"}))
BOB = Principal(TenantId("default"), "bob", "Bob", frozenset({"reader"}))


@dataclass
class Stage:
    """A source with its connector, and all that a run needs."""

    database: Database
    vault: Vault
    blobs: FolderBlobStore
    source: Source
    collection: Collection
    connector: FakeConnector = field(default_factory=FakeConnector)

    @property
    def syncer(self) -> Syncer:
        return Syncer(
            database=self.database,
            vault=self.vault,
            blobs=self.blobs,
            connect=lambda _: self.connector,
            max_bytes=1000,
        )

    def lease(self, *, confirm: bool = False, ask: bool = True, lease_s: float = 60) -> RunLease:
        with self.database.transaction() as connection:
            if ask:
                source_runs.ask(connection, self.source.id, by="ada", confirm_removals=confirm)
            held = source_runs.lease(connection, owner="test", lease_s=lease_s)
        assert held
        return held

    def run(self, *, confirm: bool = False) -> Run:
        self.syncer.run(self.lease(confirm=confirm))
        return self.last

    @property
    def last(self) -> Run:
        with self.database.transaction() as connection:
            return source_runs.runs_of(connection, self.vault, self.source.id, limit=1)[0]

    def lapse(self) -> None:
        with self.database.transaction() as connection:
            connection.execute(text("UPDATE source_runs SET lease_until = now() - interval '1 s', not_before = now()"))

    def names(self, who: Principal = ADA) -> list[str]:
        with self.database.transaction() as connection:
            found = documents.listing(connection, self.vault, who, self.collection.id, limit=100)
        return sorted(document.name.removeprefix("wiki/") for document, _ in found)

    def versions(self) -> int:
        with self.database.transaction() as connection:
            return connection.execute(text("SELECT count(*) FROM versions")).scalar_one()

    def document(self, name: str) -> DocumentId:
        with self.database.transaction() as connection:
            found = documents.listing(connection, self.vault, ADA, self.collection.id, limit=100)
        return next(document.id for document, _ in found if document.name == f"wiki/{name}")


@pytest.fixture
def stage(database: Database, tmp_path: Path) -> Stage:
    vault = Vault(bytes(32))
    with database.transaction() as connection:
        access.ensure_tenant(connection, ADA.tenant, "default")
        for who in (ADA, BOB):
            access.ensure_principal(connection, who)
        acl = access.acl_for(connection, ADA.tenant)
        collection = collections.create(connection, ADA.tenant, "handbook", acl=acl)
        new = NewSource(collection.id, "wiki", "fake", {"path": "/x"}, {"password": "s3cret"}, None, 0)
        source = sources.create(connection, vault, ADA, new)
    return Stage(database, vault, FolderBlobStore(tmp_path / "blobs"), source, collection)


def test_items_become_documents_and_unchanged_ones_cost_nothing(stage: Stage) -> None:
    stage.connector.files |= {"a.md": b"# A", "b/c.md": b"# C"}
    run = stage.run()
    assert (run.state, run.counts) == (RunState.DONE, Counts(seen=2, added=2))
    assert stage.names() == ["a.md", "b/c.md"]
    run = stage.run()
    assert run.counts == Counts(seen=2, unchanged=2)
    assert stage.connector.opened == ["a.md", "b/c.md"]
    assert stage.versions() == 2
    with stage.database.transaction() as connection:
        sent = connection.execute(text("SELECT count(*) FROM outbox")).scalar_one()
    assert sent == 2
    assert list(stage.blobs.keys("uploads")) == []


def test_a_change_is_a_version_and_an_equal_hash_is_none(stage: Stage) -> None:
    stage.connector.files |= {"a.md": b"# A", "b.md": b"# B"}
    stage.run()
    stage.connector.files["a.md"] = b"# A, changed"
    assert stage.run().counts == Counts(seen=2, unchanged=1, changed=1)
    assert stage.versions() == 3
    with stage.database.transaction() as connection:
        connection.execute(text("UPDATE source_items SET etag = NULL"))
    assert stage.run().counts == Counts(seen=2, unchanged=2)
    assert stage.versions() == 3
    assert list(stage.blobs.keys("uploads")) == []


def test_what_vanished_is_removed_unless_it_is_more_than_half(stage: Stage) -> None:
    stage.connector.files |= {f"{n}.md": b"# %d" % n for n in range(4)}
    stage.run()
    for n in (0, 1):
        del stage.connector.files[f"{n}.md"]
    run = stage.run()
    assert run.counts == Counts(seen=2, unchanged=2, removed=2)
    assert stage.names() == ["2.md", "3.md"]
    stage.connector.files.clear()
    run = stage.run()
    assert (run.state, run.error_code) == (RunState.STOPPED, "too_many_removals")
    assert "2 of 2" in (run.error or "")
    assert "--confirm-removals" in (run.error or "")
    assert stage.names() == ["2.md", "3.md"]
    assert stage.run(confirm=True).counts.removed == 2
    assert stage.names() == []


def test_failed_items_are_told_and_not_fetched_again_until_they_change(stage: Stage) -> None:
    stage.connector.files |= {"a.md": b"# A", "big.md": b"x" * 2000, "empty.md": b"", "image.gz": b"\x1f\x8b...."}
    run = stage.run()
    assert run.counts == Counts(seen=4, added=1, failed=3)
    assert {error.item: error.code for error in run.errors} == {
        "big.md": "too_large",
        "empty.md": "empty",
        "image.gz": "unknown_type",
    }
    assert "sources.max_bytes" in next(error.message for error in run.errors if error.item == "big.md")
    opened = len(stage.connector.opened)
    assert stage.run().counts == Counts(seen=4, unchanged=1, failed=3)
    assert len(stage.connector.opened) == opened
    stage.connector.files["big.md"] = b"# Small"
    assert stage.run().counts == Counts(seen=4, unchanged=1, added=1, failed=2)
    assert list(stage.blobs.keys("uploads")) == []


def test_a_document_stays_as_it_was_when_its_new_bytes_cannot_be_taken(stage: Stage) -> None:
    stage.connector.files["a.md"] = b"# A"
    stage.run()
    stage.connector.files["a.md"] = b"x" * 2000
    assert stage.run().counts == Counts(seen=1, failed=1)
    assert stage.names() == ["a.md"]
    stage.connector.failures["a.md"] = Unavailable("later")
    assert stage.run().counts == Counts(seen=1, failed=1)
    assert stage.names() == ["a.md"]


def test_a_listing_that_breaks_removes_nothing_and_goes_on_from_its_checkpoint(stage: Stage) -> None:
    stage.connector.files |= {f"{n}.md": b"# %d" % n for n in range(4)}
    stage.run()
    del stage.connector.files["0.md"]
    stage.connector.files["4.md"] = b"# 4"
    stage.connector.break_at["3.md"] = Unavailable("The place does not answer.", code="source_unavailable")
    run = stage.run()
    assert (run.state, run.error_code) == (RunState.WAITING, "source_unavailable")
    assert stage.names() == [f"{n}.md" for n in range(4)]
    stage.lapse()
    stage.syncer.run(stage.lease(ask=False))
    assert stage.connector.starts[-1] == "2.md"
    assert stage.last.state == RunState.DONE
    assert stage.names() == ["1.md", "2.md", "3.md", "4.md"]


def test_a_place_that_never_answers_ends_the_run_with_its_reason(stage: Stage) -> None:
    stage.connector.files["a.md"] = b"# A"
    stage.lease()
    for _ in range(2):
        stage.lapse()
        stage.connector.break_at["a.md"] = Unavailable("The place does not answer.", code="source_unavailable")
        stage.syncer.run(stage.lease(ask=False))
    assert (stage.last.state, stage.last.error) == (RunState.FAILED, "The place does not answer.")


def test_wrong_credentials_end_the_run_at_once(stage: Stage) -> None:
    stage.connector.files["a.md"] = b"# A"
    stage.connector.break_at["a.md"] = Denied("No.", code="source_denied")
    run = stage.run()
    assert (run.state, run.error_code) == (RunState.FAILED, "source_denied")


class Killed(BaseException):
    """The end of the process, for a test."""


@pytest.mark.parametrize("when", [f"{n}.md" for n in range(5)])
def test_a_killed_run_is_gone_on_with_by_another_process(stage: Stage, when: str) -> None:
    stage.connector.files |= {f"{n}.md": b"# %d" % n for n in range(5)}
    stage.connector.break_at[when] = Killed()
    held = stage.lease()
    with pytest.raises(Killed):
        stage.syncer.run(held)
    with stage.database.transaction() as connection:
        assert source_runs.lease(connection, owner="other", lease_s=60) is None
    stage.lapse()
    stage.syncer.run(stage.lease(ask=False))
    assert stage.last.state == RunState.DONE
    assert stage.names() == [f"{n}.md" for n in range(5)]
    assert stage.versions() == 5
    assert len(stage.connector.opened) == 5


def test_a_process_that_lost_its_lease_writes_nothing_more(stage: Stage) -> None:
    stage.connector.files |= {"a.md": b"# A", "b.md": b"# B"}
    old = stage.lease()
    stage.lapse()
    new = stage.lease(ask=False)
    assert (new.run, new.epoch) == (old.run, old.epoch + 1)
    stage.syncer.run(old)
    assert stage.names() == []
    assert stage.last.state == RunState.RUNNING
    stage.syncer.run(new)
    assert stage.names() == ["a.md", "b.md"]


def test_one_source_has_one_open_run(stage: Stage) -> None:
    stage.lease()
    with stage.database.transaction() as connection, pytest.raises(Conflict):
        source_runs.ask(connection, stage.source.id, by="ada")


def test_a_process_that_always_dies_ends_the_run(stage: Stage) -> None:
    stage.lease()
    for _ in range(2):
        stage.lapse()
        stage.lease(ask=False)
    stage.lapse()
    with stage.database.transaction() as connection:
        assert source_runs.lease(connection, owner="x", lease_s=1) is None
        assert source_runs.fail_exhausted(connection) == 1
    assert (stage.last.state, stage.last.error_code) == (RunState.FAILED, "crashed")


def test_stopping_gives_the_run_back(stage: Stage) -> None:
    stage.connector.files["a.md"] = b"# A"
    stage.syncer.run(stage.lease(), lambda: True)
    assert stage.last.state == RunState.WAITING
    stage.syncer.run(stage.lease(ask=False))
    assert stage.last.state == RunState.DONE


def test_access_comes_from_the_item_else_from_the_source_else_from_the_collection(stage: Stage) -> None:
    stage.connector.files |= {"a.md": b"# A", "b.md": b"# B"}
    stage.connector.access["b.md"] = Access(("ada",))
    stage.run()
    assert stage.names(BOB) == ["a.md"]
    stage.connector.access["b.md"] = Access(("everyone",), ())
    assert stage.run().counts == Counts(seen=2, unchanged=1, changed=1)
    assert stage.names(BOB) == ["a.md", "b.md"]
    with stage.database.transaction() as connection:
        sources.save(connection, stage.vault, replace(stage.source, access=Access(("everyone",), ("bob",))))
    assert stage.run().counts == Counts(seen=2, unchanged=1, changed=1)
    assert stage.names(BOB) == ["b.md"]
    assert stage.names() == ["a.md", "b.md"]
    assert stage.versions() == 2


def test_what_a_person_deleted_here_stays_away(stage: Stage) -> None:
    stage.connector.files |= {"a.md": b"# A", "b.md": b"# B", "c.md": b"# C"}
    stage.run()
    document = stage.document("a.md")
    with stage.database.transaction() as connection:
        documents.delete(connection, document)
    assert stage.run().counts == Counts(seen=3, unchanged=2, left_out=1)
    with stage.database.transaction() as connection:
        pipeline.erase(connection, document)
        row = connection.execute(text("SELECT * FROM source_items WHERE state = 'left_out'")).one()
    assert (row.document, row.etag) == (None, None)
    stage.connector.files["a.md"] = b"# A, changed"
    assert stage.run().counts == Counts(seen=3, unchanged=2, left_out=1)
    assert stage.names() == ["b.md", "c.md"]
    del stage.connector.files["a.md"]
    stage.run()
    stage.connector.files["a.md"] = b"# A, new"
    assert stage.run().counts == Counts(seen=3, unchanged=2, added=1)


def test_a_name_that_someone_else_has_is_not_overwritten(stage: Stage) -> None:
    stage.connector.files |= {"a  b.md": b"# A", "a b.md": b"# B"}
    run = stage.run()
    assert run.counts == Counts(seen=2, added=1, failed=1)
    assert run.errors[0].code == "name_taken"


def test_documents_that_were_kept_are_taken_over_by_the_next_source_of_that_name(stage: Stage) -> None:
    stage.connector.files["a.md"] = b"# A"
    stage.run()
    with stage.database.transaction() as connection:
        sources.delete(connection, stage.source.id)
        new = NewSource(stage.collection.id, "wiki", "fake", {}, {}, None, 0)
        stage.source = sources.create(connection, stage.vault, ADA, new)
    assert stage.run().state == RunState.DONE
    assert stage.versions() == 1
    assert stage.names() == ["a.md"]


def test_nothing_readable_is_in_the_tables(stage: Stage) -> None:
    stage.connector.files |= {"salary-list.md": b"# A", "secret-plan.md": b""}
    stage.run()
    found = ""
    with stage.database.transaction() as connection:
        for table in ("sources", "source_items", "source_runs"):
            rows = connection.execute(text(f"SELECT * FROM {table}"))
            found += repr([[bytes(v) if isinstance(v, memoryview) else v for v in row] for row in rows])
    for word in ("salary", "secret-plan", "s3cret", "/x"):
        assert word not in found, word


def test_schedules_come_due_by_the_clock_of_the_database(stage: Stage) -> None:
    with stage.database.transaction() as connection:
        assert source_runs.ask_due(connection) == 0
        hourly = NewSource(stage.collection.id, "hourly", "fake", {}, {}, None, 3600)
        sources.create(connection, stage.vault, ADA, hourly)
    with stage.database.transaction() as connection:
        assert source_runs.next_due_s(connection) == pytest.approx(0, abs=5)
        assert source_runs.ask_due(connection) == 1
        assert source_runs.ask_due(connection) == 0
    with stage.database.transaction() as connection:
        held = source_runs.lease(connection, owner="x", lease_s=60)
        assert held
        source_runs.finish(connection, held, RunState.DONE)
    with stage.database.transaction() as connection:
        assert source_runs.next_due_s(connection) == pytest.approx(3600, abs=30)


def test_an_unknown_kind_is_an_error_that_says_what_there_is(stage: Stage) -> None:
    with pytest.raises(Invalid) as raised:
        build_connect(SourceSettings())(stage.source)
    assert "assay.connectors" in raised.value.message


def test_settings_that_do_not_fit_are_an_error_that_names_them(stage: Stage) -> None:
    mailbox = replace(stage.source, kind="imap", settings={"host": "mail.example", "username": "ada"}, secrets={})
    with pytest.raises(Invalid) as raised:
        build_connect(SourceSettings())(mailbox)
    assert raised.value.code == "bad_settings"
    assert "password" in raised.value.message


def test_a_connector_of_another_package_is_found_by_its_entry_point(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "their_wiki.py").write_text(
        "from assay_testing.fake_connector import FakeConnector\n"
        "def connect(settings, secrets):\n"
        "    return FakeConnector({settings['page']: secrets['password'].encode()})\n"
    )
    about = tmp_path / "their_wiki-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: their-wiki\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[assay.connectors]\ntheir-wiki = their_wiki:connect\n")
    monkeypatch.syspath_prepend(tmp_path)
    theirs = replace(stage.source, kind="their-wiki", settings={"page": "a.md"}, secrets={"password": "# A"})
    connector = build_connect(SourceSettings())(theirs)
    assert [event.key for event in connector.changes("") if isinstance(event, Upsert)] == ["a.md"]
