"""Keeping leases alive while their jobs are worked on."""

import threading
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager

import structlog
from assay_core.errors import Unavailable
from assay_core.jobs import Lease
from assay_store import jobs
from assay_store.database import Database

log = structlog.get_logger()


class LeaseKeeper:
    """Renews leases from a thread of its own, so that they can be short: a dead worker's jobs are soon free.

    A lease is let lapse after `limit_s`, since a thread that hangs must not hold its job for ever.
    """

    def __init__(self, database: Database, *, lease_s: float, limit_s: float = 2 * 3600.0) -> None:
        self.lease_s = lease_s
        self._database = database
        self._limit_s = limit_s
        self._lock = threading.Lock()
        self._held: dict[tuple[str, int], tuple[Lease, float]] = {}
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lease-keeper", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Renew no more."""
        self._closed.set()

    @contextmanager
    def holding(self, leases: Sequence[Lease]) -> Generator[None]:
        """Keep these leases until the end of the block; renewing one that is finished by then changes nothing."""
        until = time.monotonic() + self._limit_s
        with self._lock:
            self._held |= {(held.job, held.epoch): (held, until) for held in leases}
        try:
            yield
        finally:
            with self._lock:
                for held in leases:
                    self._held.pop((held.job, held.epoch), None)

    def renew(self) -> None:
        """Renew what is held now."""
        with self._lock:
            current = [held for held, until in self._held.values() if time.monotonic() < until]
        if current:
            with self._database.transaction() as connection:
                jobs.renew(connection, current, lease_s=self.lease_s)

    def _run(self) -> None:
        while not self._closed.wait(self.lease_s / 3):
            try:
                self.renew()
            except Unavailable as error:
                log.warning("leases.not_renewed", reason=error.message)
            except Exception:
                log.exception("leases.not_renewed")
