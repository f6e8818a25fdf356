"""A/B tests of live traffic: the one that runs in a collection, its answers, and what they have shown."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, cast

from assay_core.ab_tests import (
    NOTHING_YET,
    ABPlan,
    ABReport,
    ABState,
    ABTest,
    Arm,
    ArmDifference,
    ArmFigures,
    Assigned,
)
from assay_core.documents import CollectionId, TenantId
from assay_core.errors import Conflict, NotFound
from assay_core.principals import Principal
from sqlalchemy import Connection, Row, insert, text

from assay_store import visibility
from assay_store.ids import new_id
from assay_store.tables import ab_tests

LOOK_EVERY_S = 60.0
"""A test is looked at so often even if no answer waits: thumbs come, and time passes."""

_VISIBLE = """
SELECT a.* FROM ab_tests a
JOIN collections c ON c.tenant = a.tenant AND c.id = a.collection
WHERE a.tenant = :tenant AND c.deleted_at IS NULL AND c.default_acl = ANY(:acls)
"""
_LEASE = text("""
UPDATE ab_tests a SET owner = :owner, epoch = a.epoch + 1, lease_until = now() + make_interval(secs => :lease_s)
FROM (
    SELECT a.tenant, a.id FROM ab_tests a
    JOIN collections c ON c.tenant = a.tenant AND c.id = a.collection AND c.deleted_at IS NULL
    WHERE a.state = 'running' AND (a.lease_until IS NULL OR a.lease_until < now())
      AND (coalesce(a.looked_at, a.started_at) < now() - make_interval(secs => :look_s) OR EXISTS (
          SELECT 1 FROM ab_answers w WHERE w.tenant = a.tenant AND w.test = a.id AND w.scored_at IS NULL))
    ORDER BY a.looked_at NULLS FIRST LIMIT 1 FOR UPDATE OF a SKIP LOCKED
) due
WHERE a.tenant = due.tenant AND a.id = due.id
RETURNING a.*, a.started_at + make_interval(days => CAST(a.plan->>'days' AS integer)) < now() AS time_is_up
""")


@dataclass(frozen=True, slots=True)
class Running:
    """What the door needs of a running test: the share of questions that are answered as the trial says."""

    id: str
    share: float
    trial: Mapping[str, str | bool | int]


@dataclass(frozen=True, slots=True)
class ABLease:
    """The right to score a test's answers and to end it, until it lapses."""

    collection: CollectionId
    test: str
    plan: ABPlan
    epoch: int
    time_is_up: bool


@dataclass(frozen=True, slots=True)
class Scored:
    """A scored answer; `failed` if a score could not be had."""

    arm: Arm
    scores: Mapping[str, float]
    failed: bool


@dataclass(frozen=True, slots=True)
class Untold:
    """A test that has ended by itself, of which nobody was told yet; `name` is its collection's."""

    tenant: TenantId
    name: str
    test: ABTest


def start(
    connection: Connection,
    collection: CollectionId,
    plan: ABPlan,
    *,
    control: Mapping[str, str | bool | int],
    trial: Mapping[str, str | bool | int],
    by: str,
) -> ABTest:
    """Begin a test. Raises `Conflict` if one is running in the collection."""
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtext(:k))"), {"k": f"ab:{collection.id}"})
    if (present := running(connection, collection)) is not None:
        raise Conflict(
            f"The A/B test {present.id} is running in this collection; wait for its end, or stop it.",
            code="ab_test_running",
        )
    identity = new_id()
    connection.execute(
        insert(ab_tests).values(
            tenant=collection.tenant,
            id=identity,
            collection=collection.id,
            plan=asdict(plan),
            control=dict(control),
            trial=dict(trial),
            state=ABState.RUNNING,
            report=asdict(NOTHING_YET),
            started_by=by,
        )
    )
    row = connection.execute(text("SELECT * FROM ab_tests WHERE tenant = :t AND id = :id"), _at(collection, identity))
    return _test(row.one())


def running(connection: Connection, collection: CollectionId) -> Running | None:
    """The test that runs in a collection."""
    row = connection.execute(
        text("SELECT id, plan, trial FROM ab_tests WHERE tenant = :t AND collection = :c AND state = 'running'"),
        {"t": collection.tenant, "c": collection.id},
    ).one_or_none()
    return None if row is None else Running(row.id, float(row.plan["share"]), row.trial)


def add_answer(connection: Connection, tenant: TenantId, assigned: Assigned, answer: str) -> None:
    """Count an answer to the arm that gave it, if the test is still running."""
    connection.execute(
        text("""
            INSERT INTO ab_answers (tenant, test, answer, arm)
            SELECT :t, id, :a, :arm FROM ab_tests WHERE tenant = :t AND id = :id AND state = 'running'
        """),
        {"t": tenant, "id": assigned.test, "a": answer, "arm": assigned.arm},
    )


def lease(connection: Connection, *, owner: str, lease_s: float) -> ABLease | None:
    """Take the running test that was looked at the longest ago, if it has something to look at; None if none has."""
    row = connection.execute(_LEASE, {"owner": owner, "lease_s": lease_s, "look_s": LOOK_EVERY_S}).one_or_none()
    if row is None:
        return None
    return ABLease(
        CollectionId(TenantId(row.tenant), row.collection),
        row.id,
        ABPlan(**row.plan),
        row.epoch,
        row.time_is_up,
    )


def renew(connection: Connection, held: ABLease, *, lease_s: float) -> None:
    """Extend a lease. Raises `Conflict` if it was lost, or the test has ended."""
    _held_update(connection, held, "lease_until = now() + make_interval(secs => :s)", {"s": lease_s})


def unscored(connection: Connection, held: ABLease, *, limit: int) -> list[str]:
    """Answers to be scored, in order of arrival."""
    rows = connection.execute(
        text("""
            SELECT answer FROM ab_answers WHERE tenant = :t AND test = :id AND scored_at IS NULL
            ORDER BY arrived_at, answer LIMIT :limit
        """),
        _at(held.collection, held.test) | {"limit": limit},
    )
    return [row.answer for row in rows]


def score(connection: Connection, held: ABLease, answer: str, scores: Mapping[str, float], *, failed: bool) -> None:
    """Write an answer's scores, once. Raises `Conflict` if the lease was lost."""
    _held_update(connection, held, "owner = owner", {})
    connection.execute(
        text("""
            UPDATE ab_answers SET scored_at = clock_timestamp(), scores = CAST(:s AS jsonb), failed = :failed
            WHERE tenant = :t AND test = :id AND answer = :a AND scored_at IS NULL
        """),
        _at(held.collection, held.test) | {"a": answer, "s": json.dumps(dict(scores)), "failed": failed},
    )


def scored(connection: Connection, held: ABLease) -> list[Scored]:
    """The scored answers in the order in which they were."""
    rows = connection.execute(
        text("""
            SELECT arm, scores, failed FROM ab_answers
            WHERE tenant = :t AND test = :id AND scored_at IS NOT NULL ORDER BY scored_at, answer
        """),
        _at(held.collection, held.test),
    )
    return [Scored(Arm(row.arm), row.scores, row.failed) for row in rows]


def given(connection: Connection, held: ABLease) -> dict[Arm, int]:
    """How many answers each arm has given, scored or not."""
    rows = connection.execute(
        text("SELECT arm, count(*) AS answers FROM ab_answers WHERE tenant = :t AND test = :id GROUP BY arm"),
        _at(held.collection, held.test),
    )
    return dict.fromkeys(Arm, 0) | {Arm(row.arm): row.answers for row in rows}


def thumbs(connection: Connection, held: ABLease) -> list[tuple[Arm, float]]:
    """The thumbs under a test's answers in order of time: 1 for up, 0 for down."""
    rows = connection.execute(
        text("""
            SELECT a.arm, f.thumb FROM ab_answers a JOIN feedback f ON f.tenant = a.tenant AND f.answer = a.answer
            WHERE a.tenant = :t AND a.test = :id AND f.thumb IS NOT NULL ORDER BY f.created_at, f.id
        """),
        _at(held.collection, held.test),
    )
    return [(Arm(row.arm), float(row.thumb == "up")) for row in rows]


def look(connection: Connection, held: ABLease, report: ABReport) -> None:
    """Write how a test stands and give the lease back. Raises `Conflict` if it was lost."""
    _held_update(
        connection,
        held,
        "report = CAST(:r AS jsonb), looked_at = now(), lease_until = NULL",
        {"r": json.dumps(asdict(report))},
    )


def end(
    connection: Connection, tenant: TenantId, test: str, state: ABState, *, reason: str, by: str | None = None
) -> None:
    """End a running test. Raises `Conflict` if it has ended already."""
    changed = connection.execute(
        text("""
            UPDATE ab_tests SET state = :s, reason = :r, ended_by = :by, ended_at = now(), lease_until = NULL
            WHERE tenant = :t AND id = :id AND state = 'running'
        """),
        {"t": tenant, "id": test, "s": state, "r": reason, "by": by},
    ).rowcount
    if not changed:
        raise Conflict(f"The A/B test {test!r} has ended already.", code="ab_test_ended")


def listing(
    connection: Connection, principal: Principal, *, collection: CollectionId | None = None, limit: int = 100
) -> list[ABTest]:
    """Tests of collections that the principal may see, newest first."""
    rows = connection.execute(
        text(
            f"{_VISIBLE} AND (CAST(:collection AS text) IS NULL OR a.collection = :collection)"
            " ORDER BY a.started_at DESC, a.id LIMIT :limit"
        ),
        _seen_by(connection, principal) | {"collection": collection and collection.id, "limit": limit},
    )
    return [_test(row) for row in rows]


def get(connection: Connection, principal: Principal, test: str) -> ABTest:
    """A test of a collection that the principal may see. Raises `NotFound`."""
    row = connection.execute(
        text(f"{_VISIBLE} AND a.id = :id"), _seen_by(connection, principal) | {"id": test}
    ).one_or_none()
    if row is None:
        raise NotFound(f"There is no A/B test {test!r}.", code="ab_test_not_found")
    return _test(row)


def untold(connection: Connection, *, limit: int) -> Sequence[Untold]:
    """Tests that ended by themselves and of which nobody was told, oldest first."""
    rows = connection.execute(
        text("""
            SELECT a.*, c.name FROM ab_tests a JOIN collections c ON c.tenant = a.tenant AND c.id = a.collection
            WHERE a.ended_at IS NOT NULL AND a.ended_by IS NULL AND a.told_at IS NULL
            ORDER BY a.ended_at LIMIT :limit
        """),
        {"limit": limit},
    )
    return [Untold(TenantId(row.tenant), row.name, _test(row)) for row in rows]


def told(connection: Connection, ended: Untold, *, failed: str | None) -> None:
    """Record that somebody was told of a test's end, or why that failed."""
    connection.execute(
        text("""
            UPDATE ab_tests SET told_at = CASE WHEN CAST(:failed AS text) IS NULL THEN now() END,
                   telling_failed = :failed
            WHERE tenant = :t AND id = :id
        """),
        {"t": ended.tenant, "id": ended.test.id, "failed": failed},
    )


def _at(collection: CollectionId, test: str) -> dict[str, object]:
    return {"t": collection.tenant, "id": test}


def _seen_by(connection: Connection, principal: Principal) -> dict[str, object]:
    return {"tenant": principal.tenant, "acls": sorted(visibility.readable_acls(connection, principal))}


def _held_update(connection: Connection, held: ABLease, assignments: str, values: Mapping[str, object]) -> None:
    changed = connection.execute(
        text(f"""
            UPDATE ab_tests SET {assignments}
            WHERE tenant = :t AND id = :id AND epoch = :epoch AND state = 'running'
        """),
        _at(held.collection, held.test) | {"epoch": held.epoch} | dict(values),
    ).rowcount
    if not changed:
        raise Conflict(f"The A/B test {held.test!r} was taken over, or has ended.", code="lease_lost")


def _test(row: Row[tuple[object, ...]]) -> ABTest:
    return ABTest(
        id=row.id,
        collection=row.collection,
        plan=ABPlan(**row.plan),
        state=ABState(row.state),
        control=row.control,
        trial=row.trial,
        report=_report(cast(dict[str, Any], row.report)),
        started_by=row.started_by,
        started_at=row.started_at,
        reason=row.reason,
        ended_by=row.ended_by,
        ended_at=row.ended_at,
    )


def _report(stored: Mapping[str, Any]) -> ABReport:
    return ABReport(
        control=ArmFigures(**stored["control"]),
        trial=ArmFigures(**stored["trial"]),
        differences=tuple(ArmDifference(**one) for one in stored["differences"]),
        words=tuple(stored["words"]),
    )
