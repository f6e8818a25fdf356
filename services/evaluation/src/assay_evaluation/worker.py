"""Start the worker: `python -m assay_evaluation.worker`. It scores runs, and plans a night when beat rings."""

import signal
import sys
from types import FrameType

from assay_runtime import health, log
from celery import signals

from assay_evaluation.bootstrap import build_worker
from assay_evaluation.settings import WorkerSettings

QUEUE = "evaluation"
STOP_S = 10.0


def main() -> None:
    settings = WorkerSettings()  # pyright: ignore[reportCallIssue] - required values come from the environment
    log.configure(settings.log, process="evaluation-worker")
    signals.setup_logging.connect(_keep_logging, weak=False)
    signal.signal(signal.SIGTERM, _leave)  # until Celery listens itself
    parts = build_worker(settings)
    server = health.serve_in_background(settings.http, parts.checks)
    parts.loop.start()
    try:
        # Messages only ring, so one thread is enough; the runs have a thread of their own.
        parts.app.Worker(pool="solo", queues=[QUEUE], without_gossip=True, without_mingle=True).start()
    finally:
        parts.loop.stop(timeout_s=STOP_S)
        parts.database.dispose()
        server.shutdown()


def _leave(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(0)


def _keep_logging(**_: object) -> None:
    """Celery sets up logging itself unless someone listens to this signal."""


if __name__ == "__main__":
    main()
