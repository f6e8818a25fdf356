"""The relay: `python -m assay_ingestion.relay`, from the outbox in SQL to the queue's doorbell.

A message is marked as sent only after the queue has it, so one may ring twice, never not at all. Every wait for the
queue is bounded: one that is frozen or gone delays the bell and nothing else.
"""

import signal
import threading
import time

import structlog
from assay_core.crash_points import reach
from assay_core.errors import AssayError, Unavailable
from assay_runtime import crash_tests
from assay_runtime.health import serve_in_background
from assay_runtime.log import configure
from assay_runtime.queue import build_queue
from assay_store import outbox
from assay_store.database import Database
from prometheus_client import Counter

from assay_ingestion.bootstrap import choose_blobs, open_database
from assay_ingestion.doorbell import Doorbell
from assay_ingestion.leftovers import Leftovers
from assay_ingestion.settings import RelayProcess
from assay_ingestion.sweeper import Sweeper

log = structlog.get_logger()
SENT = Counter("assay_outbox_sent_total", "Messages that the queue has taken.")

_TOGETHER = 100
_POLL_S = 5.0
_LONGEST_PAUSE_S = 15.0
_LOOK_AT_LEFTOVERS_S = 10.0


class Relay:
    """Sends what the outbox holds."""

    def __init__(self, *, database: Database, doorbell: Doorbell) -> None:
        self._database = database
        self._doorbell = doorbell

    def publish(self) -> int:
        """Send the oldest messages. Returns how many.

        Raises:
            Unavailable: the queue did not take all of them; the rest stays in the outbox.
        """
        refused: AssayError | None = None
        with self._database.transaction() as connection:
            messages = outbox.take(connection, limit=_TOGETHER)
            taken: list[outbox.Message] = []
            try:
                for message in messages:
                    reach("outbox.before_publish")
                    self._doorbell.ring(message.task, message.job)
                    taken.append(message)
            except Unavailable as error:
                refused = error
            if taken:
                reach("outbox.before_mark_sent")
                outbox.mark_sent(connection, taken)
        if taken:
            reach("outbox.after_commit")
        SENT.inc(len(taken))
        if refused:
            raise refused
        return len(taken)


def main() -> None:
    settings = RelayProcess()  # pyright: ignore[reportCallIssue] (the environment gives the rest)
    configure(settings.log, process="relay")
    crash_tests.arm(settings)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    database = open_database(settings.database)
    doorbell = Doorbell(build_queue(settings.broker.url.get_secret_value(), name="assay-relay"))
    serve_in_background(settings.http, {"database": database.check, "broker": doorbell.check})
    own = settings.relay
    blobs = choose_blobs(settings.blobs)
    leftovers = Leftovers(database=database, blobs=blobs, every_s=own.leftovers_s, kept_s=own.leftovers_kept_s)
    threading.Thread(target=remove_leftovers, args=(leftovers, stop), name="leftovers", daemon=True).start()
    sweeper = Sweeper(database=database, doorbell=doorbell, waiting_s=own.waiting_s)
    log.info("relay.started")
    run(Relay(database=database, doorbell=doorbell), sweeper, database, stop, sweep_s=own.sweep_s)
    doorbell.close()
    database.dispose()
    log.info("relay.stopped")


def remove_leftovers(leftovers: Leftovers, stop: threading.Event) -> None:
    """Look for blobs that nothing names until the process stops; apart, since a large store takes a while."""
    while not stop.is_set():
        try:
            leftovers.remove_if_due()
        except (Unavailable, OSError) as error:
            log.warning("leftovers.not_removed", error=str(error))
        stop.wait(_LOOK_AT_LEFTOVERS_S)


def run(relay: Relay, sweeper: Sweeper, database: Database, stop: threading.Event, *, sweep_s: float) -> None:
    """Send and sweep until the process stops."""
    failures = 0
    next_sweep_s = time.monotonic()
    while not stop.is_set():
        try:
            if time.monotonic() >= next_sweep_s:
                next_sweep_s = time.monotonic() + sweep_s
                sweeper.sweep()
            if relay.publish() < _TOGETHER:
                database.wait_for_notice(outbox.CHANNEL, timeout_s=_POLL_S, stop=stop)
            failures = 0
        except Unavailable as error:
            failures += 1
            pause_s = min(_LONGEST_PAUSE_S, 2.0**failures / 2)
            log.warning("relay.waits", code=error.code, reason=error.message, pause_s=pause_s)
            stop.wait(pause_s)


if __name__ == "__main__":
    main()
