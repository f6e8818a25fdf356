"""The thread that takes up waiting runs, then nights to be closed, then A/B tests: when rung, and every few seconds."""

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Protocol, TypeVar

import structlog
from assay_core.errors import AssayError, Broken, Conflict
from assay_store import ab_tests, evaluations, nights
from assay_store.ab_tests import ABLease
from assay_store.database import Database
from assay_store.evaluations import RunLease
from assay_store.nights import NightLease
from sqlalchemy import Connection

from assay_evaluation import memory
from assay_evaluation.runs import Runner

Held = TypeVar("Held")
log = structlog.get_logger()


class Closer(Protocol):
    """Closes nights; see `night_closing.NightCloser`."""

    def close(self, held: NightLease, stopping: threading.Event) -> None: ...


class Comparing(Protocol):
    """Scores the answers of A/B tests and ends these; see `ab_scoring.ABScorer`."""

    def compare(self, held: ABLease, stopping: threading.Event) -> None: ...


class Telling(Protocol):
    """Tells people of alarms; see `telling.Teller`."""

    def tell(self) -> None: ...


class RunLoop:
    """Does waiting runs, oldest first, one at a time.

    Args:
        owner: names this worker in the lease.
        lease_s: a lease lapses so long after its holder died; it is renewed three times as often.
        poll_s: how often waiting runs are looked for without a ring.
    """

    def __init__(
        self,
        *,
        database: Database,
        runner: Runner,
        owner: str,
        lease_s: float,
        poll_s: float,
        closer: Closer | None = None,
        comparer: Comparing | None = None,
        teller: Telling | None = None,
    ) -> None:
        self._database = database
        self._runner = runner
        self._closer = closer
        self._comparer = comparer
        self._teller = teller
        self._owner = owner
        self._lease_s = lease_s
        self._poll_s = poll_s
        self._bell = threading.Event()
        self._stopping = threading.Event()
        self._run_stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="runs", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def ring(self) -> None:
        """Look for waiting runs now."""
        self._bell.set()

    def stop(self, *, timeout_s: float) -> None:
        """Give back the run under way and end."""
        self._stopping.set()
        self._run_stopping.set()
        self._bell.set()
        self._thread.join(timeout_s)

    def check(self) -> None:
        """For readiness. Raises `Broken` if the thread has ended."""
        if not self._thread.is_alive():
            raise Broken("The thread that does runs has ended; restart the worker.", code="runs_ended")

    def do_next(self) -> bool:
        """Do the oldest waiting run, or close the oldest night, or look at an A/B test. Returns False if none waits."""
        with self._database.transaction() as connection:
            if given_up := evaluations.fail_exhausted(connection):
                log.warning("runs.given_up", runs=given_up)
        return self._do_run() or self._close_night() or self._compare_arms()

    def _do_run(self) -> bool:
        return self._take(
            lambda c: evaluations.lease(c, owner=self._owner, lease_s=self._lease_s),
            lambda c, held: evaluations.renew(c, held, lease_s=self._lease_s),
            self._execute,
        )

    def _close_night(self) -> bool:
        closer = self._closer
        return closer is not None and self._take(
            lambda c: nights.lease(c, owner=self._owner, lease_s=self._lease_s),
            lambda c, held: nights.renew(c, held, lease_s=self._lease_s),
            lambda held: closer.close(held, self._run_stopping),
        )

    def _compare_arms(self) -> bool:
        comparer = self._comparer
        return comparer is not None and self._take(
            lambda c: ab_tests.lease(c, owner=self._owner, lease_s=self._lease_s),
            lambda c, held: ab_tests.renew(c, held, lease_s=self._lease_s),
            lambda held: comparer.compare(held, self._run_stopping),
        )

    def _take(
        self,
        lease: Callable[[Connection], Held | None],
        renew: Callable[[Connection, Held], None],
        do: Callable[[Held], None],
    ) -> bool:
        """Do what a lease gives the right to, while it is renewed. Returns False if there is none to be had."""
        with self._database.transaction() as connection:
            held = lease(connection)
        if held is None:
            return False
        try:
            with self._renewed(lambda c: renew(c, held)):
                do(held)
        finally:
            memory.give_back()
        return True

    def _execute(self, held: RunLease) -> None:
        try:
            self._runner.execute(held, self._run_stopping)
        except AssayError:
            raise
        except Exception as error:
            # A fault of ours would meet the next worker as well: better a run that says so than one tried for ever.
            with self._database.transaction() as connection:
                reason = f"internal: {type(error).__name__}; the worker's log holds the rest"
                evaluations.fail(connection, held, reason)
            raise

    def _work(self) -> None:
        while not self._stopping.is_set():
            if not self._try_next():
                self._try_telling()
                self._bell.wait(self._poll_s)
                self._bell.clear()

    def _try_next(self) -> bool:
        try:
            return self.do_next()
        except AssayError as error:
            log.warning("runs.interrupted", code=error.code)
        except Exception:
            log.exception("runs.broken")
        return False

    def _try_telling(self) -> None:
        if self._teller is None:
            return
        try:
            self._teller.tell()
        except AssayError as error:
            log.warning("telling.interrupted", code=error.code)

    @contextmanager
    def _renewed(self, renew: Callable[[Connection], None]) -> Generator[None]:
        self._run_stopping.clear()
        if self._stopping.is_set():
            self._run_stopping.set()
        ended = threading.Event()
        beat = threading.Thread(target=self._renew, args=(renew, ended), name="lease", daemon=True)
        beat.start()
        try:
            yield
        finally:
            ended.set()
            beat.join()

    def _renew(self, renew: Callable[[Connection], None], ended: threading.Event) -> None:
        while not ended.wait(self._lease_s / 3):
            try:
                with self._database.transaction() as connection:
                    renew(connection)
            except Conflict:
                self._run_stopping.set()
                return
            except AssayError as error:
                log.warning("lease.not_renewed", code=error.code)
