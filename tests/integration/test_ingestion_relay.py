"""The outbox, the bell and the sweeper on a real PostgreSQL and a real broker."""

import hashlib
import os
import signal
import threading
import time
from collections.abc import Callable, Generator

import pytest
import redis
from assay_core.documents import DocumentId, VersionState
from assay_core.errors import Unavailable
from assay_core.jobs import MAX_ATTEMPTS, JobKind
from assay_embedded.testing import Platform
from assay_ingestion.doorbell import Doorbell
from assay_ingestion.leftovers import Leftovers
from assay_ingestion.relay import Relay, run
from assay_ingestion.sweeper import Sweeper
from assay_runtime.queue import build_queue
from assay_store import documents, idempotency, jobs, pipeline
from assay_store.database import Database
from assay_store.idempotency import Outcome, Sent
from assay_testing.fake_blobs import FakeBlobStore
from assay_testing.library import Library
from sqlalchemy import text

pytestmark = pytest.mark.integration


@pytest.fixture
def doorbell(servers: Platform) -> Generator[Doorbell]:
    broker(servers).flushall()
    bell = Doorbell(build_queue(servers.env["ASSAY_BROKER__URL"], name="test-relay"))
    yield bell
    bell.close()


def broker(servers: Platform) -> "redis.Redis":
    return redis.Redis.from_url(servers.env["ASSAY_BROKER__URL"])


def rung(servers: Platform) -> int:
    return int(str(broker(servers).llen("ingestion")))


def unsent(database: Database) -> int:
    with database.transaction() as connection:
        return connection.execute(text("SELECT count(*) FROM outbox WHERE sent_at IS NULL")).scalar_one()


def test_each_message_is_sent_once(servers: Platform, database: Database, doorbell: Doorbell) -> None:
    library, relay = Library(database, FakeBlobStore()), Relay(database=database, doorbell=doorbell)
    for n in range(3):
        library.upload(f"{n}.md", "text")
    assert relay.publish() == 3
    assert relay.publish() == 0
    assert rung(servers) == 3


@pytest.mark.slow
def test_a_queue_that_is_frozen_or_dead_loses_nothing_and_holds_nobody_up(
    servers: Platform, database: Database, doorbell: Doorbell
) -> None:
    library, relay = Library(database, FakeBlobStore()), Relay(database=database, doorbell=doorbell)
    library.upload("a.md", "text")
    os.kill(servers.pid("broker"), signal.SIGSTOP)
    try:
        started_s = time.monotonic()
        with pytest.raises(Unavailable):
            relay.publish()
        with pytest.raises(Unavailable):
            doorbell.check()
        library.upload("b.md", "text")
        assert time.monotonic() - started_s < 15
    finally:
        os.kill(servers.pid("broker"), signal.SIGCONT)
    os.kill(servers.pid("broker"), signal.SIGKILL)
    with pytest.raises(Unavailable):
        relay.publish()
    assert unsent(database) == 2
    _await(lambda: _publishes(relay))
    assert unsent(database) == 0
    assert rung(servers) >= 2


def _publishes(relay: Relay) -> bool:
    try:
        return relay.publish() > 0
    except Unavailable:
        return False


def test_an_upload_is_rung_at_once(servers: Platform, database: Database, doorbell: Doorbell) -> None:
    library, relay = Library(database, FakeBlobStore()), Relay(database=database, doorbell=doorbell)
    sweeper = Sweeper(database=database, doorbell=doorbell, waiting_s=30)
    stop = threading.Event()
    listener = Database(database.url)
    thread = threading.Thread(target=run, args=(relay, sweeper, listener, stop), kwargs={"sweep_s": 15})
    thread.start()
    try:
        time.sleep(1)
        library.upload("a.md", "text")
        started_s = time.monotonic()
        _await(lambda: rung(servers) == 1)
        assert time.monotonic() - started_s < 3
    finally:
        stop.set()
        thread.join()
        listener.dispose()


def test_forgotten_jobs_are_rung_again(servers: Platform, database: Database, doorbell: Doorbell) -> None:
    library = Library(database, FakeBlobStore())
    sweeper = Sweeper(database=database, doorbell=doorbell, waiting_s=0)
    patient = Sweeper(database=database, doorbell=doorbell, waiting_s=60)
    library.upload("a.md", "text")
    assert (patient.ring_overdue(), sweeper.ring_overdue()) == (0, 1)
    with database.transaction() as connection:
        jobs.lease(connection, JobKind.INGEST, owner="dead", lease_s=-1, limit=1)
    assert patient.ring_overdue() == 1
    assert rung(servers) == 2


def test_answers_under_idempotency_keys_are_forgotten_after_a_day(database: Database, doorbell: Doorbell) -> None:
    library = Library(database, FakeBlobStore())
    outcome = Outcome(202, {})
    with database.transaction() as connection:
        for key in ("old", "new"):
            idempotency.keep(connection, Sent(library.librarian, "upload", key, "f"), outcome)
        old = "UPDATE idempotency_keys SET created_at = now() - interval '25 hours' WHERE key = 'old'"
        connection.execute(text(old))
    Sweeper(database=database, doorbell=doorbell, waiting_s=30).sweep()
    with database.transaction() as connection:
        assert idempotency.earlier(connection, Sent(library.librarian, "upload", "new", "f")) == outcome
        assert connection.execute(text("SELECT key FROM idempotency_keys")).scalars().all() == ["new"]


def test_a_job_that_kills_its_worker_each_time_is_buried(database: Database, doorbell: Doorbell) -> None:
    library = Library(database, FakeBlobStore())
    sweeper = Sweeper(database=database, doorbell=doorbell, waiting_s=60)
    upload = library.upload("poison.md", "text")
    for _ in range(MAX_ATTEMPTS):
        assert sweeper.bury_exhausted() == 0
        with database.transaction() as connection:
            assert len(jobs.lease(connection, JobKind.INGEST, owner="dies", lease_s=-1, limit=1)) == 1
    assert sweeper.bury_exhausted() == 1
    version = library.version(upload)
    assert (version.state, version.error_code) == (VersionState.FAILED, "gave_up")
    assert version.error is not None  # the relay has no key to write the file's name with
    with database.transaction() as connection:
        assert connection.execute(text("SELECT state, error_code FROM jobs")).one() == ("dead", "worker_died")
    assert sweeper.bury_exhausted() == 0


def test_only_blobs_that_nothing_names_for_a_while_are_removed(database: Database) -> None:
    blobs = FakeBlobStore()
    library = Library(database, blobs)
    kept = library.upload("kept.md", "text").document
    leftovers = Leftovers(database=database, blobs=blobs, every_s=3600, kept_s=3600)
    folder = f"{kept.tenant}/{kept.id}"
    named = set(blobs.keys(""))
    doomed = {
        "uploads/broken",
        f"documents/{kept.tenant}/{'0' * 32}/first-upload-that-was-never-recorded",
        f"documents/{folder}/version-that-was-never-recorded",
        f"vectors/{folder}/9-1.f16",
        f"vectors/{folder}/.tmp-0123",
    }
    for key in doomed:
        blobs.put(key, [b"x"])
    assert leftovers.remove() == 0
    for key in blobs.held:
        blobs.written_s[key] -= 7200
    fresh = {"uploads/under-way", f"vectors/{folder}/9-2.f16"}
    for key in fresh:
        blobs.put(key, [b"x"])
    assert leftovers.remove() == len(doomed)
    assert set(blobs.keys("")) == named | fresh


def test_an_upload_that_is_sent_again_is_not_taken_for_what_the_first_try_left(database: Database) -> None:
    blobs = FakeBlobStore()
    library = Library(database, blobs)
    document = library.upload("a.md", "one").document
    with database.transaction() as connection:
        target = documents.upload_target(connection, library.vault, library.collection, "a.md", acl=library.acl)
    key = target.blob_key(hashlib.sha256(b"two").hexdigest())
    blobs.put(key, [b"half"])
    blobs.written_s[key] -= 7200

    class SentAgainMeanwhile(Leftovers):
        def _remove_from(self, document: DocumentId) -> int:
            library.upload("a.md", "two")
            return super()._remove_from(document)

    assert SentAgainMeanwhile(database=database, blobs=blobs, every_s=1, kept_s=3600).remove() == 0
    assert key in blobs.held
    with database.transaction() as connection:
        assert pipeline.named_blobs(connection, [document]) == set(blobs.keys("documents"))


def test_leftovers_are_looked_for_at_the_start_and_then_now_and_again(database: Database) -> None:
    blobs, now_s = FakeBlobStore(), 0.0
    leftovers = Leftovers(database=database, blobs=blobs, every_s=60, kept_s=0, now_s=lambda: now_s)
    for expected, now_s in ((1, 0.0), (0, 59.0), (1, 60.0)):  # noqa: B007 (the clock reads it)
        blobs.put("uploads/x", [b"x"])
        assert leftovers.remove_if_due() == expected


def _await(condition: Callable[[], bool], timeout_s: float = 60) -> None:
    until_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < until_s, "it did not come about in time"
        time.sleep(0.1)
