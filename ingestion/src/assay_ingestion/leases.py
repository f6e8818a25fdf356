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
_LOOK_S = 2.0


class LeaseKeeper:
    """Renews leases from a thread of its own, so that they can be short: a dead worker's jobs are soon free.

    A lease is let lapse after `limit_s`, since a thread that hangs must not hold its job for ever. Every two seconds
    it looks for leases that were lost (the job was cancelled, or taken over), so that work on them can stop.
    """

    def __init__(self, database: Database, *, lease_s: float, limit_s: float = 2 * 3600.0) -> None:
        self.lease_s = lease_s
        self._database = database
        self._limit_s = limit_s
        self._lock = threading.Lock()
        self._held: dict[tuple[str, int], tuple[Lease, float]] = {}
        self._lost: set[tuple[str, int]] = set()
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
                    self._lost.discard((held.job, held.epoch))

    def is_lost(self, held: Lease) -> bool:
        """Whether a lease was found lost: what its holder writes would be refused."""
        return (held.job, held.epoch) in self._lost

    def look(self) -> None:
        """Find out which of the leases held now are lost. Those of jobs that are finished count as lost, too."""
        current = self._current()
        if not current:
            return
        with self._database.transaction() as connection:
            lost = jobs.lost(connection, current)
        with self._lock:
            self._lost |= {key for held in lost if (key := (held.job, held.epoch)) in self._held}

    def renew(self) -> None:
        """Renew what is held now."""
        current = self._current()
        if current:
            with self._database.transaction() as connection:
                jobs.renew(connection, current, lease_s=self.lease_s)

    def _current(self) -> list[Lease]:
        with self._lock:
            return [held for held, until in self._held.values() if time.monotonic() < until]

    def _run(self) -> None:
        renew_s = 0.0
        while not self._closed.wait(min(_LOOK_S, self.lease_s / 3)):
            try:
                self.look()
                if time.monotonic() >= renew_s:
                    self.renew()
                    renew_s = time.monotonic() + self.lease_s / 3 - min(_LOOK_S, self.lease_s / 3)
            except Unavailable as error:
                log.warning("leases.not_renewed", reason=error.message)
            except Exception:
                log.exception("leases.not_renewed")
