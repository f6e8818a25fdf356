"""Celery's side of ingestion: a message is a doorbell, and all it starts is a look at the jobs in SQL."""

from assay_core.crash_points import reach
from assay_store.jobs import INGEST_TASK
from celery import Celery

from assay_ingestion.drain import Drain


def register(queue: Celery, drain: Drain) -> None:
    """Answer the doorbell of `queue` with `drain`."""

    @queue.task(name=INGEST_TASK, ignore_result=True)  # pyright: ignore[reportUntypedFunctionDecorator] (no types)
    def ingest(job: str) -> None:
        del job  # whichever job rang: the oldest waiting ones come first
        drain.run()
        reach("task.before_ack")
