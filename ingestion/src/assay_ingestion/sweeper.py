"""What was forgotten: jobs that nobody works on, jobs that killed every worker, leftovers of broken uploads."""

import time
from collections.abc import Callable

import structlog
from assay_core.errors import Unavailable
from assay_core.jobs import JobKind
from assay_core.ports import BlobStore
from assay_store import jobs, outbox, pipeline
from assay_store.database import Database
from assay_store.intake import UPLOADS_PREFIX
from prometheus_client import Counter

from assay_ingestion.doorbell import Doorbell
from assay_ingestion.failures import WORKER_DIED, given_up

log = structlog.get_logger()
RUNG_AGAIN = Counter("assay_jobs_rung_again_total", "Jobs that nobody worked on, rung again.")
BURIED = Counter("assay_jobs_buried_total", "Jobs whose worker died at every try.")

# A worker that is rung goes on until nothing is left: a few rings wake every lane.
_RINGS = 4
_SENT_KEPT_S = 3600.0
_UPLOAD_KEPT_S = 24 * 3600.0
_LOOK_AT_UPLOADS_S = 3600.0


class Sweeper:
    """Run it every few seconds; each part is cheap when there is nothing to do."""

    def __init__(
        self,
        *,
        database: Database,
        doorbell: Doorbell,
        blobs: BlobStore,
        waiting_s: float,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._doorbell = doorbell
        self._blobs = blobs
        self._waiting_s = waiting_s
        self._now_s = now_s
        self._look_at_uploads_s = 0.0
        self._uploads_seen: dict[str, float] = {}

    def sweep(self) -> None:
        """Look once.

        Raises:
            Unavailable: the database does not answer. A queue that does not is left to the next time.
        """
        self.bury_exhausted()
        self.ring_overdue()
        with self._database.transaction() as connection:
            outbox.forget_sent(connection, older_than_s=_SENT_KEPT_S)
        self.remove_stale_uploads()

    def bury_exhausted(self) -> int:
        """Fail documents whose worker died at every try. Returns how many."""
        with self._database.transaction() as connection:
            dead = jobs.exhausted(connection, JobKind.INGEST)
            sources = pipeline.sources(connection, dead) if dead else {}
            for held in dead:
                if source := sources.get(held.job):
                    verdict = given_up(WORKER_DIED, source.name)
                    pipeline.fail(connection, source.document, source.version, code=verdict.code, reason=verdict.reason)
                jobs.bury(connection, held, code=WORKER_DIED.code, reason=WORKER_DIED.reason)
                log.error("job.buried", job=held.job, document_id=held.document.id, attempts=held.attempt)
        BURIED.inc(len(dead))
        return len(dead)

    def ring_overdue(self) -> int:
        """Ring for jobs that nobody works on. Returns how many were rung."""
        with self._database.transaction() as connection:
            overdue = jobs.overdue(connection, JobKind.INGEST, waiting_s=self._waiting_s, limit=_RINGS)
        rung = 0
        try:
            for _, job in overdue:
                self._doorbell.ring(jobs.INGEST_TASK, job)
                rung += 1
        except Unavailable as error:
            log.info("sweep.not_rung", reason=error.message)
        RUNG_AGAIN.inc(rung)
        return rung

    def remove_stale_uploads(self) -> int:
        """Remove what broken uploads left, a day after it was first seen. Returns how many."""
        now_s = self._now_s()
        if now_s < self._look_at_uploads_s:
            return 0
        self._look_at_uploads_s = now_s + _LOOK_AT_UPLOADS_S
        self._uploads_seen = {key: self._uploads_seen.get(key, now_s) for key in self._blobs.keys(UPLOADS_PREFIX)}
        stale = [key for key, seen_s in self._uploads_seen.items() if now_s - seen_s >= _UPLOAD_KEPT_S]
        for key in stale:
            self._blobs.delete(key)
        if stale:
            log.info("uploads.removed", files=len(stale))
        return len(stale)
