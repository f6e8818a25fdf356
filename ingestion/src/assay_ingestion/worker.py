"""The ingestion worker: `python -m assay_ingestion.worker`.

It works when the queue rings, when it starts, and at a slow poll, so that a queue that is down or lost its messages
delays documents but never strands them.
"""

import logging
import os
import signal
import socket
import sys
import threading
import warnings

import structlog
from assay_core.errors import Unavailable
from assay_core.ports import Embedder
from assay_runtime import crash_tests
from assay_runtime.health import serve_in_background
from assay_runtime.log import configure
from assay_runtime.queue import build_queue
from assay_runtime.settings import read_master_key
from assay_store.database import Database
from assay_store.encryption import Vault
from celery import Celery, signals
from celery.exceptions import SecurityWarning

from assay_ingestion.archives import ArchiveReceiver
from assay_ingestion.bootstrap import (
    choose_blobs,
    choose_chat,
    choose_embedder,
    choose_language_detector,
    choose_parser,
    open_database,
)
from assay_ingestion.context_lines import LineWriter
from assay_ingestion.doorbell import Doorbell
from assay_ingestion.drain import BatchLimits, Drain
from assay_ingestion.leases import LeaseKeeper
from assay_ingestion.pipeline import GroupLimits, Ingestion
from assay_ingestion.prepare import Preparer
from assay_ingestion.settings import WorkerProcess
from assay_ingestion.tasks import register

log = structlog.get_logger()


def main() -> None:
    settings = WorkerProcess()  # pyright: ignore[reportCallIssue] (the environment gives the rest)
    configure(settings.log, process="worker")
    crash_tests.arm(settings)
    stop, loaded = threading.Event(), threading.Event()
    _stop_early(stop)
    database = open_database(settings.database)
    queue = _queue(settings.broker.url.get_secret_value())
    checks = {
        "database": database.check,
        "embedder": lambda: _require(loaded.is_set(), "The embedding model is being loaded."),
        "broker": Doorbell(build_queue(settings.broker.url.get_secret_value(), name="assay-worker-check")).check,
    }
    serve_in_background(settings.http, checks)
    embedder = choose_embedder(settings.embedder, settings.models.path)
    loaded.set()
    keeper = LeaseKeeper(database, lease_s=settings.ingestion.lease_s)
    drain = _drain(settings, database=database, embedder=embedder, keeper=keeper, stop=stop)
    keeper.start()
    register(queue, drain)
    poll = threading.Thread(target=_poll, args=(drain, settings.ingestion.poll_s, stop), name="poll")
    poll.start()
    log.info("worker.started", model=embedder.model_id, lanes=settings.ingestion.lanes)
    try:
        exit_code = _consume(queue, lanes=settings.ingestion.lanes, stop=stop)
    finally:
        stop.set()
        poll.join(timeout=10)
        keeper.close()
        database.dispose()
    log.info("worker.stopped")
    sys.exit(exit_code)


def _drain(
    settings: WorkerProcess, *, database: Database, embedder: Embedder, keeper: LeaseKeeper, stop: threading.Event
) -> Drain:
    own = settings.ingestion
    blobs = choose_blobs(settings.blobs)
    vault, parser = Vault(read_master_key(settings.secrets)), choose_parser(own)
    archives = ArchiveReceiver(database=database, vault=vault, blobs=blobs, parser=parser, max_bytes=own.max_bytes)
    prepare = Preparer(
        vault=vault,
        blobs=blobs,
        parser=parser,
        embedder=embedder,
        take_apart=archives.receive,
        write_lines=LineWriter(open_chat=choose_chat(settings.chat), embedder=embedder),
        languages=choose_language_detector(),
    )
    ingestion = Ingestion(
        database=database,
        blobs=blobs,
        vault=vault,
        prepare=prepare,
        embedder=embedder,
        keeper=keeper,
        stop=stop,
        limits=GroupLimits(own.batch_chunks, own.embed_batch, own.batch_bytes),
    )
    return Drain(
        database=database,
        ingestion=ingestion,
        owner=f"{socket.gethostname()}:{os.getpid()}",
        lease_s=own.lease_s,
        stop=stop,
        limits=BatchLimits(own.batch_documents, own.batch_bytes, own.batch_passages),
        lanes=own.lanes,
    )


def _queue(broker_url: str) -> Celery:
    queue = build_queue(broker_url, name="assay-ingestion")
    # The broker may be away for as long as it likes: the poll goes on without it.
    queue.conf.update(broker_connection_max_retries=None)
    return queue


def _stop_early(stop: threading.Event) -> None:
    """Answer SIGTERM until Celery does: documents may be worked on before the broker is reached."""

    def on_signal(*_: object) -> None:
        stop.set()
        sys.exit(0)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)


def _consume(queue: Celery, *, lanes: int, stop: threading.Event) -> int:
    """Answer the doorbell until SIGTERM; then documents in hand are finished or handed back."""

    def on_shutdown(**_: object) -> None:
        stop.set()

    def on_setup_logging(**_: object) -> None:
        """Being connected keeps Celery from configuring the logging anew."""

    # As root in a container or a scratch environment is fine: messages are JSON, and name a job.
    warnings.filterwarnings("ignore", category=SecurityWarning)
    logging.getLogger("celery").setLevel(logging.WARNING)  # not two lines for each ring
    signals.worker_shutting_down.connect(on_shutdown, weak=False)
    signals.setup_logging.connect(on_setup_logging, weak=False)
    consumer = queue.Worker(
        pool="threads",
        concurrency=lanes,
        queues=["ingestion"],
        hostname=f"ingestion-{os.getpid()}@{socket.gethostname()}",
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        quiet=True,
    )
    consumer.start()
    return consumer.exitcode or 0


def _poll(drain: Drain, every_s: float, stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            drain.run()
        except Exception:
            log.exception("drain.broken")
        stop.wait(every_s)


def _require(condition: bool, reason: str) -> None:
    if not condition:
        raise Unavailable(reason)


if __name__ == "__main__":
    main()
