"""Nights of evaluation: which were planned, which runs each had, and what was found."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, cast

from assay_core.documents import CollectionId, TenantId
from assay_core.errors import Conflict, NotFound
from assay_core.evaluation import EvaluationRun, NightReport, Remark, Severity
from assay_core.principals import Principal
from sqlalchemy import Connection, Row, text

from assay_store import evaluations, visibility

MAX_ATTEMPTS = 3

_LEASE = text("""
UPDATE evaluation_nights n
SET owner = :owner, epoch = n.epoch + 1, attempts = n.attempts + 1,
    lease_until = now() + make_interval(secs => :lease_s)
FROM (
    SELECT tenant, collection, night FROM evaluation_nights n
    WHERE closed_at IS NULL AND (lease_until IS NULL OR lease_until < now())
      AND NOT EXISTS (
          SELECT 1 FROM evaluation_runs r
          WHERE r.tenant = n.tenant AND r.collection = n.collection AND r.night = n.night
            AND r.state IN ('waiting', 'running'))
    ORDER BY due_at, tenant, collection LIMIT 1 FOR UPDATE SKIP LOCKED
) due
WHERE n.tenant = due.tenant AND n.collection = due.collection AND n.night = due.night
RETURNING n.*
""")

# An answer that rests on a version that is no longer the live one, or that went with a document.
_CHANGED = text("""
SELECT e.question FROM evaluation_cases e
LEFT JOIN answers a ON a.tenant = e.tenant AND a.id = e.answer
WHERE e.tenant = :t AND e.run = :r AND e.answer IS NOT NULL AND (
    a.id IS NULL
    OR EXISTS (
        SELECT 1 FROM answer_documents ad
        LEFT JOIN documents d ON d.tenant = ad.tenant AND d.id = ad.document
        WHERE ad.tenant = e.tenant AND ad.answer = e.answer
          AND (d.id IS NULL OR d.deleted_at IS NOT NULL OR d.live_version <> ad.version)))
""")


@dataclass(frozen=True, slots=True)
class NightLease:
    """The right to close a night until it lapses."""

    collection: CollectionId
    night: date
    due_at: datetime
    caught_up: bool
    epoch: int
    attempt: int

    @property
    def is_last_try(self) -> bool:
        return self.attempt >= MAX_ATTEMPTS


@dataclass(frozen=True, slots=True)
class Untold:
    """A closed night with alarms that nobody was told of yet."""

    collection: CollectionId
    name: str
    report: NightReport


def plan(
    connection: Connection, collection: CollectionId, night: date, *, due_at: datetime, caught_up: bool = False
) -> bool:
    """Write a night. Returns False if it is there already."""
    return bool(
        connection.execute(
            text("""
                INSERT INTO evaluation_nights (tenant, collection, night, due_at, caught_up)
                VALUES (:t, :c, :n, :due, :late) ON CONFLICT DO NOTHING
            """),
            _at(collection, night) | {"due": due_at, "late": caught_up},
        ).rowcount
    )


def last_planned(connection: Connection, collection: CollectionId) -> date | None:
    """The newest night that was planned."""
    return connection.execute(
        text("SELECT max(night) FROM evaluation_nights WHERE tenant = :t AND collection = :c"),
        {"t": collection.tenant, "c": collection.id},
    ).scalar_one()


def lease(connection: Connection, *, owner: str, lease_s: float) -> NightLease | None:
    """Take the oldest open night whose runs have all ended; None if there is none."""
    row = connection.execute(_LEASE, {"owner": owner, "lease_s": lease_s}).one_or_none()
    if row is None:
        return None
    collection = CollectionId(TenantId(row.tenant), row.collection)
    return NightLease(collection, row.night, row.due_at, row.caught_up, row.epoch, row.attempts)


def renew(connection: Connection, held: NightLease, *, lease_s: float) -> None:
    """Extend a lease. Raises `Conflict` if it was lost to someone else."""
    _held_update(connection, held, "lease_until = now() + make_interval(secs => :s)", {"s": lease_s})


def give_back(connection: Connection, held: NightLease) -> None:
    """Let someone else close it at once; the try does not count."""
    _held_update(connection, held, "lease_until = NULL, attempts = greatest(attempts - 1, 0)", {})


def close(connection: Connection, held: NightLease, report: NightReport) -> None:
    """Write what a night found. Raises `Conflict` if the lease was lost."""
    alarms = sum(remark.severity is Severity.ALARM for remark in report.remarks)
    stored = {
        "runs": report.runs,
        "remarks": [asdict(remark) for remark in report.remarks],
        "figures": dict(report.figures),
        "failures": dict(report.failures),
    }
    _held_update(
        connection,
        held,
        "closed_at = now(), lease_until = NULL, alarms = :alarms, report = CAST(:report AS jsonb)",
        {"alarms": alarms, "report": json.dumps(stored)},
    )


def runs_of(connection: Connection, collection: CollectionId, night: date) -> list[EvaluationRun]:
    """The runs of a night, by golden set."""
    rows = connection.execute(
        text("SELECT * FROM evaluation_runs WHERE tenant = :t AND collection = :c AND night = :n ORDER BY dataset"),
        _at(collection, night),
    )
    return [evaluations.run_of(row) for row in rows]


def runs_before(
    connection: Connection, collection: CollectionId, dataset: str, night: date, *, limit: int
) -> list[EvaluationRun]:
    """The nightly runs of a golden set before a night that ended well, newest first."""
    rows = connection.execute(
        text("""
            SELECT * FROM evaluation_runs
            WHERE tenant = :t AND collection = :c AND dataset = :d AND night < :n AND state = 'done'
            ORDER BY night DESC LIMIT :limit
        """),
        _at(collection, night) | {"d": dataset, "limit": limit},
    )
    return [evaluations.run_of(row) for row in rows]


def resting_on_changed(connection: Connection, tenant: TenantId, run: str) -> frozenset[str]:
    """The questions of a run whose answers rest on what was edited or deleted since."""
    return frozenset(row.question for row in connection.execute(_CHANGED, {"t": tenant, "r": run}))


def before(connection: Connection, collection: CollectionId, night: date, *, limit: int) -> list[NightReport]:
    """The closed nights before one, newest first."""
    rows = connection.execute(
        text("""
            SELECT * FROM evaluation_nights
            WHERE tenant = :t AND collection = :c AND night < :n AND closed_at IS NOT NULL
            ORDER BY night DESC LIMIT :limit
        """),
        _at(collection, night) | {"limit": limit},
    )
    return [_report(row) for row in rows]


def listing(
    connection: Connection, principal: Principal, *, collection: CollectionId | None, limit: int
) -> list[NightReport]:
    """Closed nights of collections that the principal may see, newest first."""
    rows = connection.execute(
        text("""
            SELECT n.* FROM evaluation_nights n
            JOIN collections c ON c.tenant = n.tenant AND c.id = n.collection
            WHERE n.tenant = :t AND n.closed_at IS NOT NULL AND c.deleted_at IS NULL AND c.default_acl = ANY(:acls)
              AND (CAST(:c AS text) IS NULL OR n.collection = :c)
            ORDER BY n.night DESC, n.collection LIMIT :limit
        """),
        {
            "t": principal.tenant,
            "c": collection and collection.id,
            "acls": sorted(visibility.readable_acls(connection, principal)),
            "limit": limit,
        },
    )
    return [_report(row) for row in rows]


def get(connection: Connection, collection: CollectionId, night: date) -> NightReport:
    """A closed night of a collection whose readability was checked. Raises `NotFound`."""
    row = connection.execute(
        text("""
            SELECT * FROM evaluation_nights
            WHERE tenant = :t AND collection = :c AND night = :n AND closed_at IS NOT NULL
        """),
        _at(collection, night),
    ).one_or_none()
    if row is None:
        raise NotFound(f"There is no report of the night {night} for this collection.", code="night_not_found")
    return _report(row)


def untold(connection: Connection, *, limit: int) -> list[Untold]:
    """Nights whose alarms have not gone out, oldest first."""
    rows = connection.execute(
        text("""
            SELECT n.*, c.name FROM evaluation_nights n
            JOIN collections c ON c.tenant = n.tenant AND c.id = n.collection
            WHERE n.alarms > 0 AND n.told_at IS NULL AND n.closed_at IS NOT NULL ORDER BY n.closed_at LIMIT :limit
        """),
        {"limit": limit},
    )
    return [Untold(CollectionId(TenantId(row.tenant), row.collection), row.name, _report(row)) for row in rows]


def told(connection: Connection, night: Untold, *, failed: str | None) -> None:
    """Record that somebody was told of a night's alarms, or why that failed."""
    connection.execute(
        text("""
            UPDATE evaluation_nights SET told_at = CASE WHEN CAST(:failed AS text) IS NULL THEN now() END,
                   telling_failed = :failed
            WHERE tenant = :t AND collection = :c AND night = :n
        """),
        _at(night.collection, night.report.night) | {"failed": failed},
    )


def _at(collection: CollectionId, night: date) -> dict[str, object]:
    return {"t": collection.tenant, "c": collection.id, "n": night}


def _held_update(connection: Connection, held: NightLease, assignments: str, values: Mapping[str, object]) -> None:
    changed = connection.execute(
        text(f"""
            UPDATE evaluation_nights SET {assignments}
            WHERE tenant = :t AND collection = :c AND night = :n AND epoch = :epoch AND closed_at IS NULL
        """),
        _at(held.collection, held.night) | {"epoch": held.epoch} | dict(values),
    ).rowcount
    if not changed:
        raise Conflict(f"The night {held.night} was taken over by another worker.", code="lease_lost")


def _report(row: Row[tuple[object, ...]]) -> NightReport:
    stored = cast(dict[str, Any], row.report)
    return NightReport(
        collection=row.collection,
        night=row.night,
        caught_up=row.caught_up,
        runs=tuple(stored["runs"]),
        remarks=_remarks(stored["remarks"]),
        figures=stored["figures"],
        failures=stored["failures"],
        closed_at=row.closed_at,
    )


def _remarks(stored: Sequence[dict[str, Any]]) -> tuple[Remark, ...]:
    return tuple(
        Remark(Severity(one["severity"]), one["about"], one["sentence"], tuple(one["causes"]), one["figures"])
        for one in stored
    )
