"""Whose turn it is: priorities, turns by tenant, paused collections, cancellation, on a real PostgreSQL."""

import threading

import pytest
from assay_core.documents import VersionState
from assay_core.errors import Conflict
from assay_core.jobs import JobKind, Lease, Priority
from assay_ingestion.leases import LeaseKeeper
from assay_store import backlog, collections, documents, jobs
from assay_store.database import Database
from assay_store.documents import Upload
from assay_store.encryption import Vault
from assay_testing.fake_blobs import FakeBlobStore
from assay_testing.library import Library
from sqlalchemy import text

pytestmark = pytest.mark.integration


def lease(database: Database, limit: int = 4, *, max_bytes: int = 2**62, passages: int = 1) -> list[Lease]:
    with database.transaction() as connection:
        return jobs.lease(
            connection,
            JobKind.INGEST,
            owner="w",
            lease_s=30,
            limit=limit,
            max_bytes=max_bytes,
            passages=passages,
        )


def library(database: Database, tenant: str, name: str = "handbook") -> Library:
    return Library(database, FakeBlobStore(), tenant=tenant, name=name)


def waiting(database: Database, of: Library, count: int) -> None:
    """Many waiting jobs, without the documents that they would be about."""
    with database.transaction() as connection:
        connection.execute(
            text("""
                INSERT INTO jobs (tenant, id, kind, document, version, collection, priority, size_bytes, state,
                                  created_at, not_before)
                SELECT :t, md5(:t || n), 'ingest', md5(n::text), 1, :c, 1, 100, 'waiting',
                       now() - interval '1 day' + n * interval '1 ms', now() - interval '1 day'
                FROM generate_series(1, :n) n
            """),
            {"t": of.collection.tenant, "c": of.collection.id, "n": count},
        )


def test_an_interactive_upload_overtakes_a_bulk_load(database: Database) -> None:
    acme = library(database, "acme")
    bulk = [acme.upload(f"{n}.md", "text", priority=Priority.BULK) for n in range(5)]
    urgent = acme.upload("urgent.md", "text")
    assert [held.document for held in lease(database, 3)] == [urgent.document, bulk[0].document, bulk[1].document]


def test_tenants_take_turns_each_first_in_first_out(database: Database) -> None:
    acme, other = library(database, "acme"), library(database, "other")
    many = [acme.upload(f"{n}.md", "text") for n in range(8)]
    few = [other.upload(f"{n}.md", "text") for n in range(2)]
    first = [held.document for held in lease(database, 4)]
    assert [d for d in first if d.tenant == "acme"] == [u.document for u in many[:2]]
    assert [d for d in first if d.tenant == "other"] == [u.document for u in few]
    assert [held.document for held in lease(database, 4)] == [u.document for u in many[2:6]]


def test_more_tenants_than_fit_in_a_batch_are_served_in_turns(database: Database) -> None:
    tenants = [library(database, f"tenant{n}") for n in range(5)]
    for one in tenants:
        for n in range(6):
            one.upload(f"{n}.md", "text")
    served = [{held.tenant for held in lease(database, 2)} for _ in range(9)]
    for first in range(0, 9, 3):
        assert set().union(*served[first : first + 3]) == {one.collection.tenant for one in tenants}


def test_a_long_queue_of_one_tenant_does_not_slow_down_leasing(database: Database) -> None:
    acme, other = library(database, "acme"), library(database, "other")
    waiting(database, acme, 100_000)
    late = other.upload("late.md", "text")
    with database.transaction() as connection:
        connection.execute(text("ANALYZE jobs"))
        attempt = connection.begin_nested()
        plan = jobs.explained(connection, JobKind.INGEST, limit=32)
        attempt.rollback()
    assert late.document in [held.document for held in lease(database, 32)]
    assert "Seq Scan on jobs" not in plan
    assert _rows_looked_at(plan) < 1000, plan


def _rows_looked_at(plan: str) -> int:
    """The most rows that one node of a plan gave."""
    return max(int(float(part.split(" ")[0])) for part in plan.split("actual rows=")[1:])


def test_large_files_and_many_passages_bound_a_batch(database: Database) -> None:
    acme = library(database, "acme")
    for n in range(4):
        acme.upload(f"{n}.md", "x" * 600)
    assert len(lease(database, 4, max_bytes=1000)) == 1
    with database.transaction() as connection:
        connection.execute(text("UPDATE jobs SET passage = true WHERE state = 'waiting'"))
    acme.upload("file.md", "y")
    assert len(lease(database, 1, passages=2)) == 2


def test_two_workers_never_take_the_same_job(database: Database) -> None:
    acme = library(database, "acme")
    waiting(database, acme, 400)
    taken: list[list[Lease]] = []
    threads = [threading.Thread(target=lambda: taken.append(lease(database, 50))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ids = [held.job for batch in taken for held in batch]
    assert len(ids) == len(set(ids))
    assert len(ids) >= 100


def test_a_paused_collection_waits_and_others_go_on(database: Database) -> None:
    paused, other = library(database, "acme"), library(database, "acme", "other")
    first = paused.upload("a.md", "text")
    with database.transaction() as connection:
        assert collections.pause(connection, paused.collection).paused_at is not None
    second = paused.upload("b.md", "text")
    third = other.upload("c.md", "text")
    assert [held.document for held in lease(database)] == [third.document]
    with database.transaction() as connection:
        assert jobs.overdue(connection, JobKind.INGEST, waiting_s=-5, limit=9) == []
        collections.resume(connection, paused.collection)
        assert len(jobs.overdue(connection, JobKind.INGEST, waiting_s=-5, limit=9)) == 2
    assert [held.document for held in lease(database)] == [first.document, second.document]


def test_a_paused_collection_is_still_emptied(database: Database) -> None:
    acme = library(database, "acme")
    upload = acme.upload("a.md", "text")
    with database.transaction() as connection:
        collections.pause(connection, acme.collection)
    acme.delete(upload.document)
    with database.transaction() as connection:
        assert len(jobs.lease(connection, JobKind.DELETE, owner="i", lease_s=30, limit=4)) == 1


def cancel(database: Database, vault: Vault, upload: Upload) -> None:
    with database.transaction() as connection:
        documents.cancel(connection, vault, upload.document)


def test_a_cancelled_job_is_not_begun_and_can_be_tried_again(database: Database) -> None:
    acme = library(database, "acme")
    upload = acme.upload("a.md", "text")
    cancel(database, acme.vault, upload)
    version = acme.version(upload)
    assert (version.state, version.error_code) == (VersionState.FAILED, "cancelled")
    assert lease(database) == []
    with pytest.raises(Conflict, match="not being worked on"):
        cancel(database, acme.vault, upload)
    with database.transaction() as connection:
        documents.retry(connection, acme.vault, upload.document)
        assert connection.execute(text("SELECT state FROM jobs ORDER BY created_at")).scalars().all() == [
            "done",
            "waiting",
        ]


def test_a_worker_learns_that_its_job_was_cancelled_and_cannot_write(database: Database) -> None:
    acme = library(database, "acme")
    upload, other = acme.upload("a.md", "text"), acme.upload("b.md", "text")
    held = lease(database)
    keeper = LeaseKeeper(database, lease_s=30)
    with keeper.holding(held):
        keeper.look()
        assert not any(keeper.is_lost(one) for one in held)
        cancel(database, acme.vault, upload)
        keeper.look()
        assert [one.document for one in held if keeper.is_lost(one)] == [upload.document]
    with database.transaction() as connection, pytest.raises(Conflict):
        jobs.hold(connection, next(one for one in held if one.document == upload.document))
    assert acme.version(other).state is VersionState.RECEIVED


def test_what_waits_is_counted_by_tenant(database: Database) -> None:
    acme, other = library(database, "acme"), library(database, "other")
    acme.upload("a.md", "12345")
    acme.upload("b.md", "123")
    other.upload("c.md", "1")
    lease(database, 1)
    with database.transaction() as connection:
        counts = backlog.waiting_by_tenant(connection)
    assert sum(one.jobs for one in counts.values()) == 2
    assert {tenant: one.size_bytes for tenant, one in counts.items()} in ({"acme": 3, "other": 1}, {"acme": 8})
