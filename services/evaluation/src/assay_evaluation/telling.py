"""Tell people of a night's alarms, by every way that is set, until each has taken the message."""

import time
from collections.abc import Callable, Mapping
from typing import Protocol

import structlog
from assay_core.errors import Unavailable
from assay_core.evaluation import Severity
from assay_store import nights
from assay_store.database import Database
from assay_store.nights import Untold

RETRY_S = 300.0
_AT_ONCE = 20

log = structlog.get_logger()


class Way(Protocol):
    """A way to tell somebody something."""

    def tell(self, subject: str, text: str, facts: Mapping[str, object]) -> None:
        """Send a message once. Raises `Unavailable`."""
        ...


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
            waiting = nights.untold(connection, limit=_AT_ONCE)
        for night in waiting:
            failed = self._send(night)
            with self._database.transaction() as connection:
                nights.told(connection, night, failed=failed)
            if failed:
                self._next_s = self._now() + RETRY_S
                return

    def _send(self, night: Untold) -> str | None:
        subject, text = message(night)
        facts = {
            "collection": night.name,
            "night": night.report.night.isoformat(),
            "alarms": [r.sentence for r in night.report.remarks if r.severity is Severity.ALARM],
        }
        failures: list[str] = []
        for name, way in self._ways.items():
            try:
                way.tell(subject, text, facts)
            except Unavailable as error:
                failures.append(f"{name}: {error.message}")
                log.warning("alarm.not_told", way=name, code=error.code)
        return "; ".join(failures) or None


def message(night: Untold) -> tuple[str, str]:
    """Subject and text of what is sent: every alarm and warning, and where to look."""
    report = night.report
    alarms = [r for r in report.remarks if r.severity is Severity.ALARM]
    warnings = [r for r in report.remarks if r.severity is Severity.WARNING]
    subject = f"Assay: {len(alarms)} alarm{'s' * (len(alarms) != 1)} in {night.name}, night of {report.night}"
    lines = [r.sentence for r in alarms]
    if warnings:
        lines += ["", "Also:", *(r.sentence for r in warnings)]
    if report.failures:
        lines += ["", "Not measured:", *(f"{name}: {why}" for name, why in report.failures.items())]
    return subject, "\n".join([*lines, "", "The whole report: /ui/evaluations"])
