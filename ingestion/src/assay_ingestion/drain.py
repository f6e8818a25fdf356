"""Taking jobs until none is left, in batches, and those of dead workers alone."""

import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import structlog
from assay_core.crash_points import reach
from assay_core.errors import Unavailable
from assay_core.jobs import JobKind, Lease
from assay_store import jobs
from assay_store.database import Database

log = structlog.get_logger()


class TakesIn(Protocol):
    """What a drain hands its leases to."""

    def ingest(self, leases: Sequence[Lease]) -> None: ...


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """How many jobs are leased together, and how many bytes of uploads; one larger file is taken alone.

    So many ready `passages` count as one document."""

    documents: int = 32
    size_bytes: int = 8 << 20
    passages: int = 16


class Drain:
    """Works off the waiting jobs. `run` may be called from several threads; `lanes` of them work at once.

    A job whose worker died may be what killed it. Such a job is taken when nothing else is worked on in this
    process, so that it can take nobody with it.
    """

    def __init__(
        self,
        *,
        database: Database,
        ingestion: TakesIn,
        owner: str,
        lease_s: float,
        stop: threading.Event,
        limits: BatchLimits,
        lanes: int,
    ) -> None:
        self._database = database
        self._ingestion = ingestion
        self._owner = owner
        self._lease_s = lease_s
        self._stop = stop
        self._limits = limits
        self._lanes = threading.BoundedSemaphore(lanes)
        self._turnstile = Turnstile()

    def run(self) -> int:
        """Take jobs until none is left or the process stops. Returns how many were taken."""
        taken = 0
        with self._lanes:
            try:
                while not self._stop.is_set() and (count := self._take_batch() or self._take_suspect()):
                    taken += count
            except Unavailable as error:
                log.warning("drain.interrupted", code=error.code, reason=error.message)
        return taken

    def _take_batch(self) -> int:
        with self._turnstile.together():
            return self._take(limit=self._limits.documents, lapsed=False)

    def _take_suspect(self) -> int:
        with self._database.transaction() as connection:
            if not jobs.lapsed(connection, JobKind.INGEST):
                return 0
        with self._turnstile.alone():
            return self._take(limit=1, lapsed=True)

    def _take(self, *, limit: int, lapsed: bool) -> int:
        reach("task.before_lease")
        with self._database.transaction() as connection:
            leases = jobs.lease(
                connection,
                JobKind.INGEST,
                owner=self._owner,
                lease_s=self._lease_s,
                limit=limit,
                max_bytes=self._limits.size_bytes,
                passages=self._limits.passages,
                lapsed=lapsed,
            )
        if leases:
            reach("task.after_lease")
            self._ingestion.ingest(leases)
        return len(leases)


class Turnstile:
    """Many together, or one alone; who waits to be alone lets no one else in before."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside = 0
        self._loners = 0

    @contextmanager
    def together(self) -> Generator[None]:
        with self._changed:
            self._changed.wait_for(lambda: self._loners == 0)
            self._inside += 1
        try:
            yield
        finally:
            self._leave()

    @contextmanager
    def alone(self) -> Generator[None]:
        with self._changed:
            self._loners += 1
            self._changed.wait_for(lambda: self._inside == 0)
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._loners -= 1
            self._leave()

    def _leave(self) -> None:
        with self._changed:
            self._inside -= 1
            self._changed.notify_all()
