"""The syncer: `python -m assay_ingestion.syncer`, which keeps collections in step with their sources.

It sleeps until a run is asked for or due. Leases are extended with everything a run writes, and by a thread where an
item takes long; a process that dies leaves a run that the next one goes on with.
"""

import os
import signal
import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager

import structlog
from assay_core.errors import Conflict, Unavailable
from assay_runtime.health import serve_in_background
from assay_runtime.log import configure
from assay_runtime.settings import read_master_key
from assay_store import source_runs, sources
from assay_store.database import Database
from assay_store.encryption import Vault
from assay_store.source_runs import RunLease

from assay_ingestion.bootstrap import build_connect, choose_blobs, open_database
from assay_ingestion.settings import SyncerProcess
from assay_ingestion.sync import LEASE_S, Syncer

log = structlog.get_logger()
_LONGEST_SLEEP_S = 60.0
_SHORTEST_SLEEP_S = 0.2
_PAUSE_S = 5.0


class Lanes:
    """Up to `lanes` runs at once, each in a thread."""

    def __init__(self, *, database: Database, syncer: Syncer, lanes: int, stop: threading.Event) -> None:
        self._database = database
        self._syncer = syncer
        self._free = threading.BoundedSemaphore(lanes)
        self._stop = stop
        self._threads: list[threading.Thread] = []
        self._owner = f"{socket.gethostname()}:{os.getpid()}"

    def start_due(self) -> float:
        """Plan what is due and start what waits, while lanes are free. Returns how long there is nothing to do."""
        with self._database.transaction() as connection:
            source_runs.fail_exhausted(connection)
            source_runs.ask_due(connection)
        while not self._stop.is_set() and self._free.acquire(blocking=False):
            held = self._lease()
            if held is None:
                self._free.release()
                break
            self._start(held)
        with self._database.transaction() as connection:
            due_s = source_runs.next_due_s(connection)
        return min(_LONGEST_SLEEP_S, max(_SHORTEST_SLEEP_S, due_s if due_s is not None else _LONGEST_SLEEP_S))

    def join(self) -> None:
        """Wait until the runs have ended or given their leases back."""
        for thread in self._threads:
            thread.join()

    def _lease(self) -> RunLease | None:
        with self._database.transaction() as connection:
            return source_runs.lease(connection, owner=self._owner, lease_s=LEASE_S)

    def _start(self, held: RunLease) -> None:
        thread = threading.Thread(target=self._work, args=(held,), name=f"sync-{held.run[:8]}")
        self._threads = [*(known for known in self._threads if known.is_alive()), thread]
        thread.start()

    def _work(self, held: RunLease) -> None:
        try:
            with kept(self._database, held):
                self._syncer.run(held, self._stop.is_set)
        except Unavailable as error:
            # The lease lapses, and the run is gone on with.
            log.warning("source.run_left", run=held.run, reason=error.message)
        except Exception:
            log.exception("source.run_broke", run=held.run)
        finally:
            self._free.release()
            self._wake()

    def _wake(self) -> None:
        try:
            with self._database.transaction() as connection:
                sources.wake(connection)
        except Unavailable as error:
            log.info("source.not_woken", reason=error.message)


@contextmanager
def kept(database: Database, held: RunLease) -> Generator[None]:
    """Extend a lease from a thread of its own until the end of the block."""
    done = threading.Event()

    def renew() -> None:
        while not done.wait(LEASE_S / 3):
            try:
                with database.transaction() as connection:
                    source_runs.hold(connection, held, lease_s=LEASE_S)
            except Conflict:
                return
            except Unavailable as error:
                log.warning("source.lease_not_renewed", reason=error.message)

    thread = threading.Thread(target=renew, name="sync-lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def main() -> None:
    settings = SyncerProcess()  # pyright: ignore[reportCallIssue] (the environment gives the rest)
    configure(settings.log, process="syncer")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    database = open_database(settings.database)
    vault = Vault(read_master_key(settings.secrets))
    syncer = Syncer(
        database=database,
        vault=vault,
        blobs=choose_blobs(settings.blobs),
        connect=build_connect(settings.sources),
        max_bytes=settings.sources.max_bytes,
    )
    lanes = Lanes(database=database, syncer=syncer, lanes=settings.sources.lanes, stop=stop)
    serve_in_background(settings.http, {"database": database.check})
    log.info("syncer.started")
    run(lanes, database, stop)
    lanes.join()
    database.dispose()
    log.info("syncer.stopped")


def run(lanes: Lanes, database: Database, stop: threading.Event) -> None:
    """Start runs until the process stops."""
    while not stop.is_set():
        try:
            sleep_s = lanes.start_due()
            database.wait_for_notice(sources.CHANNEL, timeout_s=sleep_s, stop=stop)
        except Unavailable as error:
            log.warning("syncer.waits", code=error.code, reason=error.message)
            stop.wait(_PAUSE_S)


if __name__ == "__main__":
    main()
