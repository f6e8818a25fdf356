"""What was forgotten: jobs that nobody works on, and jobs that killed every worker."""

import structlog
from assay_core.errors import Unavailable
from assay_core.jobs import JobKind
from assay_store import idempotency, jobs, outbox, pipeline
from assay_store.database import Database
from prometheus_client import Counter

from assay_ingestion.doorbell import Doorbell
from assay_ingestion.failures import GAVE_UP, WORKER_DIED

log = structlog.get_logger()
RUNG_AGAIN = Counter("assay_jobs_rung_again_total", "Jobs that nobody worked on, rung again.")
BURIED = Counter("assay_jobs_buried_total", "Jobs whose worker died at every try.")

# A worker that is rung goes on until nothing is left: a few rings wake every lane.
_RINGS = 4
_SENT_KEPT_S = 3600.0


class Sweeper:
    """Run it every few seconds; each part is cheap when there is nothing to do."""

    def __init__(
        self,
        *,
        database: Database,
        doorbell: Doorbell,
        waiting_s: float,
    ) -> None:
        self._database = database
        self._doorbell = doorbell
        self._waiting_s = waiting_s

    def sweep(self) -> None:
        """Look once.

        Raises:
            Unavailable: the database does not answer. A queue that does not is left to the next time.
        """
        self.bury_exhausted()
        self.ring_overdue()
        with self._database.transaction() as connection:
            outbox.forget_sent(connection, older_than_s=_SENT_KEPT_S)
            idempotency.forget_old(connection)

    def bury_exhausted(self) -> int:
        """Fail documents whose worker died at every try. Returns how many."""
        with self._database.transaction() as connection:
            dead = jobs.exhausted(connection, JobKind.INGEST)
            sources = pipeline.sources(connection, dead, vault=None) if dead else {}
            for held in dead:
                if source := sources.get(held.job):
                    # The relay has no key to write the reason with; readers are told what the code means.
                    pipeline.fail(connection, None, source.document, source.version, code=GAVE_UP, reason="")
                jobs.bury(connection, held, code=WORKER_DIED.code)
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
