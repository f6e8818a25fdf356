"""The outbox: what was decided in SQL and still has to be said to the queue."""

from dataclasses import dataclass

from assay_core.documents import TenantId
from sqlalchemy import Connection, insert, text

from assay_store.database import notify
from assay_store.tables import outbox

CHANNEL = "assay_outbox"


@dataclass(frozen=True, slots=True)
class Message:
    """A task to ring. It names a job; the job's facts are in SQL."""

    id: int
    tenant: TenantId
    task: str
    job: str


def add(connection: Connection, *, tenant: TenantId, task: str, job: str) -> None:
    """Ring `task` for `job` once this transaction has committed."""
    connection.execute(insert(outbox).values(tenant=tenant, task=task, job=job))
    notify(connection, CHANNEL)


def take(connection: Connection, *, limit: int) -> list[Message]:
    """Lock up to `limit` unsent messages, oldest first; rows locked by another relay are passed over."""
    rows = connection.execute(
        text("""
            SELECT id, tenant, task, job FROM outbox WHERE sent_at IS NULL
            ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED
        """),
        {"limit": limit},
    )
    return [Message(row.id, TenantId(row.tenant), row.task, row.job) for row in rows]


def mark_sent(connection: Connection, messages: list[Message]) -> None:
    """Mark as sent; call in the transaction that took them, after the queue has them."""
    connection.execute(
        text("UPDATE outbox SET sent_at = now() WHERE id = ANY(:ids)"), {"ids": [m.id for m in messages]}
    )


def forget_sent(connection: Connection, *, older_than_s: float) -> int:
    """Remove messages that were sent long ago. Returns how many."""
    return connection.execute(
        text("DELETE FROM outbox WHERE sent_at < now() - make_interval(secs => :s)"), {"s": older_than_s}
    ).rowcount
