"""Tell people of a night's alarms, and of A/B tests that ended, by every way that is set, until each has taken it."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import structlog
from assay_core.ab_tests import ABState
from assay_core.errors import Unavailable
from assay_core.evaluation import Severity
from assay_store import ab_tests, nights
from assay_store.database import Database
from sqlalchemy import Connection

RETRY_S = 300.0
_AT_ONCE = 20

log = structlog.get_logger()


class Way(Protocol):
    """A way to tell somebody something."""

    def tell(self, subject: str, text: str, facts: Mapping[str, object]) -> None:
        """Send a message once. Raises `Unavailable`."""
        ...


@dataclass(frozen=True, slots=True)
class Message:
    """What is to be sent; `told` writes down, in a transaction, that it was, or why that failed."""

    subject: str
    text: str
    facts: Mapping[str, object]
    told: Callable[[Connection, str | None], None]


class Teller:
    """Sends what is untold, at once, and again every `RETRY_S` while a way does not take it.

    If one of several ways fails, the others get the message again with it: better twice than never.
    """

    def __init__(
        self, database: Database, ways: Mapping[str, Way], *, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._database = database
        self._ways = ways
        self._now = now
        self._next_s = 0.0

    def tell(self) -> None:
        """Send what nobody was told of yet. Raises `Unavailable` if the database does not answer."""
        if not self._ways or self._now() < self._next_s:
            return
        with self._database.transaction() as connection:
            waiting = [of_night(one) for one in nights.untold(connection, limit=_AT_ONCE)]
            waiting += [of_ab_test(one) for one in ab_tests.untold(connection, limit=_AT_ONCE)]
        for message in waiting:
            failed = self._send(message)
            with self._database.transaction() as connection:
                message.told(connection, failed)
            if failed:
                self._next_s = self._now() + RETRY_S
                return

    def _send(self, message: Message) -> str | None:
        failures: list[str] = []
        for name, way in self._ways.items():
            try:
                way.tell(message.subject, message.text, message.facts)
            except Unavailable as error:
                failures.append(f"{name}: {error.message}")
                log.warning("alarm.not_told", way=name, code=error.code)
        return "; ".join(failures) or None


def of_night(night: nights.Untold) -> Message:
    """Every alarm and warning of a night, and where to look."""
    report = night.report
    alarms = [r for r in report.remarks if r.severity is Severity.ALARM]
    warnings = [r for r in report.remarks if r.severity is Severity.WARNING]
    lines = [r.sentence for r in alarms]
    if warnings:
        lines += ["", "Also:", *(r.sentence for r in warnings)]
    if report.failures:
        lines += ["", "Not measured:", *(f"{name}: {why}" for name, why in report.failures.items())]
    return Message(
        subject=f"Assay: {len(alarms)} alarm{'s' * (len(alarms) != 1)} in {night.name}, night of {report.night}",
        text="\n".join([*lines, "", "The whole report: /ui/evaluations"]),
        facts={
            "collection": night.name,
            "night": report.night.isoformat(),
            "alarms": [r.sentence for r in alarms],
        },
        told=lambda connection, failed: nights.told(connection, night, failed=failed),
    )


def of_ab_test(ended: ab_tests.Untold) -> Message:
    """How an A/B test has ended, and what can be done then."""
    test = ended.test
    way_on = [f"To let the collection answer so: assay promote {test.plan.run}"] if test.state is ABState.BETTER else []
    return Message(
        subject=f"Assay: the A/B test in {ended.name} has ended: {test.state}",
        text="\n".join([f"{test.reason}.", *test.report.words, *way_on, "", "The whole test: /ui/evaluations"]),
        facts={"collection": ended.name, "ab_test": test.id, "state": test.state.value, "reason": test.reason},
        told=lambda connection, failed: ab_tests.told(connection, ended, failed=failed),
    )
