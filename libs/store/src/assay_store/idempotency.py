"""Answers to writes that a client may send twice, kept in the transaction that did the work."""

from dataclasses import dataclass

from assay_core.errors import Invalid
from assay_core.principals import Principal
from sqlalchemy import Connection, text
from sqlalchemy.dialects.postgresql import insert

from assay_store.tables import idempotency_keys

LIFETIME_HOURS = 24


@dataclass(frozen=True, slots=True)
class Sent:
    """A request under an idempotency key. `fingerprint` names what was asked: the same key needs the same."""

    principal: Principal
    route: str
    key: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was answered the first time."""

    status: int
    body: dict[str, object]


def earlier(connection: Connection, sent: Sent) -> Outcome | None:
    """What was answered to this request before; None for a new one.

    Of two at the same time, the second waits here until the first has committed.

    Raises:
        Invalid: the key was used for a different request.
    """
    at = _place(sent)
    connection.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:place, 0))"), {"place": repr(sorted(at.items()))}
    )
    connection.execute(
        text("""
            DELETE FROM idempotency_keys WHERE tenant = :tenant AND principal = :principal AND route = :route
               AND key = :key AND created_at < now() - make_interval(hours => :hours)
        """),
        at | {"hours": LIFETIME_HOURS},
    )
    row = connection.execute(
        text("""
            SELECT fingerprint, status, body FROM idempotency_keys
            WHERE tenant = :tenant AND principal = :principal AND route = :route AND key = :key
        """),
        at,
    ).one_or_none()
    if row is None:
        return None
    if row.fingerprint != sent.fingerprint:
        raise Invalid(
            f"The idempotency key {sent.key!r} was used for another request; take a new key for new content.",
            code="idempotency_mismatch",
        )
    return Outcome(row.status, row.body)


def keep(connection: Connection, sent: Sent, outcome: Outcome) -> None:
    """Remember the answer; call after `earlier` in the same transaction."""
    connection.execute(
        insert(idempotency_keys).values(
            **_place(sent), fingerprint=sent.fingerprint, status=outcome.status, body=outcome.body
        )
    )


def _place(sent: Sent) -> dict[str, str]:
    return {
        "tenant": sent.principal.tenant,
        "principal": sent.principal.id,
        "route": sent.route,
        "key": sent.key,
    }


def forget_old(connection: Connection) -> int:
    """Remove what is older than keys are good for: digests of what was sent. Returns how many."""
    return connection.execute(
        text("DELETE FROM idempotency_keys WHERE created_at < now() - make_interval(hours => :hours)"),
        {"hours": LIFETIME_HOURS},
    ).rowcount
