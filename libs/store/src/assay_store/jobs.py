"""Jobs with leases. Every later write of a worker carries the lease's epoch and is refused if it is stale."""

from collections.abc import Sequence

from assay_core.documents import DocumentId, TenantId
from assay_core.errors import Conflict
from assay_core.jobs import MAX_ATTEMPTS, JobKind, JobState, Lease
from sqlalchemy import Connection, Row, TextClause, insert, text

from assay_store import outbox
from assay_store.ids import new_id
from assay_store.tables import jobs

INGEST_TASK = "ingestion.ingest"

_NO_BOUND = 2**31 - 1

_WAITING = "(j.state = 'waiting' AND j.not_before <= now())"
_LAPSED = "(j.state = 'leased' AND j.lease_until < now())"


def _lease_statement(condition: str) -> TextClause:
    return text(f"""
WITH open AS MATERIALIZED (
    SELECT j.tenant, j.id, j.created_at, coalesce(v.size_bytes, 0) AS bytes
    FROM jobs j LEFT JOIN versions v ON v.tenant = j.tenant AND v.document = j.document AND v.version = j.version
    WHERE j.kind = :kind AND j.attempts < :max_attempts AND {condition}
    ORDER BY j.created_at LIMIT :limit FOR UPDATE OF j SKIP LOCKED
), summed AS (
    SELECT tenant, id, bytes, sum(bytes) OVER (ORDER BY created_at, id) AS total FROM open
)
UPDATE jobs j SET state = 'leased', owner = :owner, epoch = j.epoch + 1, attempts = j.attempts + 1,
       lease_until = now() + make_interval(secs => :lease_s), updated_at = now()
FROM summed s
WHERE j.tenant = s.tenant AND j.id = s.id AND (s.total <= :max_bytes OR s.total = s.bytes)
RETURNING j.tenant, j.id, j.document, j.version, j.epoch, j.attempts
""")


_LEASE = {
    None: _lease_statement(f"({_WAITING} OR {_LAPSED})"),
    False: _lease_statement(_WAITING),
    True: _lease_statement(_LAPSED),
}


def create(
    connection: Connection, kind: JobKind, document: DocumentId, version: int | None, *, task: str | None
) -> str:
    """Write a job, and ring `task` for it if one is named. Returns the job's id."""
    job = new_id()
    connection.execute(
        insert(jobs).values(
            tenant=document.tenant,
            id=job,
            kind=kind,
            document=document.id,
            version=version,
            state=JobState.WAITING,
        )
    )
    if task is not None:
        outbox.add(connection, tenant=document.tenant, task=task, job=job)
    return job


def lease(
    connection: Connection,
    kind: JobKind,
    *,
    owner: str,
    lease_s: float,
    limit: int,
    max_bytes: int = 2**62,
    lapsed: bool | None = None,
    max_attempts: int | None = MAX_ATTEMPTS,
) -> list[Lease]:
    """Take up to `limit` open jobs, oldest first, by the database's clock.

    Args:
        max_bytes: bound on the sum of their versions' sizes; the oldest one is taken whatever its size.
        lapsed: True takes only jobs whose worker died (best retried alone), False only others, None both.
        max_attempts: jobs that were tried so often are left; None means that this kind is never given up.
    """
    rows = connection.execute(
        _LEASE[lapsed],
        {
            "kind": kind,
            "owner": owner,
            "lease_s": lease_s,
            "limit": limit,
            "max_bytes": max_bytes,
            "max_attempts": _NO_BOUND if max_attempts is None else max_attempts,
        },
    )
    return [_lease_of(row, kind) for row in rows]


def renew(connection: Connection, leases: Sequence[Lease], *, lease_s: float) -> None:
    """Extend leases that are still held; lapsed and lost ones are left alone."""
    if leases:
        connection.execute(
            text("""
                UPDATE jobs SET lease_until = now() + make_interval(secs => :s)
                WHERE tenant = :t AND id = :id AND epoch = :epoch AND state = 'leased'
            """),
            [{"s": lease_s, "t": held.tenant, "id": held.job, "epoch": held.epoch} for held in leases],
        )


def hold(connection: Connection, held: Lease) -> None:
    """Lock the job row for this transaction. Raises `Conflict` if the lease was lost to someone else."""
    row = connection.execute(
        text("""
            SELECT 1 FROM jobs WHERE tenant = :t AND id = :id AND epoch = :epoch AND state = 'leased' FOR UPDATE
        """),
        {"t": held.tenant, "id": held.job, "epoch": held.epoch},
    ).one_or_none()
    if row is None:
        raise Conflict(f"Job {held.job!r} was taken over by another worker.", code="lease_lost")


def finish(connection: Connection, held: Lease) -> None:
    """Mark done; needs `hold` before in the same transaction."""
    _close(connection, held, JobState.DONE, None, None)


def bury(connection: Connection, held: Lease, *, code: str, reason: str) -> None:
    """Put into the dead letters with a reason; needs `hold` before in the same transaction."""
    _close(connection, held, JobState.DEAD, code, reason)


def retry_later(connection: Connection, held: Lease, *, delay_s: float, code: str, reason: str) -> None:
    """Give the lease back and try again after `delay_s`; needs `hold` before in the same transaction."""
    connection.execute(
        text("""
            UPDATE jobs SET state = 'waiting', owner = NULL, lease_until = NULL, updated_at = now(),
                   not_before = now() + make_interval(secs => :s), error_code = :code, error = :reason
            WHERE tenant = :t AND id = :id
        """),
        {"s": delay_s, "code": code, "reason": reason, "t": held.tenant, "id": held.job},
    )


def give_back(connection: Connection, leases: Sequence[Lease], *, delay_s: float = 0.0) -> None:
    """Return leases that are still held, as if these tries had not been: nothing is wrong with the jobs."""
    if leases:
        connection.execute(
            text("""
                UPDATE jobs SET state = 'waiting', owner = NULL, lease_until = NULL, attempts = attempts - 1,
                       not_before = now() + make_interval(secs => :s), updated_at = now()
                WHERE tenant = :t AND id = :id AND epoch = :epoch AND state = 'leased'
            """),
            [{"s": delay_s, "t": held.tenant, "id": held.job, "epoch": held.epoch} for held in leases],
        )


def overdue(connection: Connection, kind: JobKind, *, waiting_s: float, limit: int) -> list[tuple[TenantId, str]]:
    """Open jobs that nobody works on: lapsed leases, and jobs that wait longer than `waiting_s`."""
    rows = connection.execute(
        text("""
            SELECT tenant, id FROM jobs
            WHERE kind = :kind AND ((state = 'leased' AND lease_until < now())
               OR (state = 'waiting' AND not_before < now() - make_interval(secs => :s)))
            ORDER BY created_at LIMIT :limit
        """),
        {"kind": kind, "s": waiting_s, "limit": limit},
    )
    return [(TenantId(r.tenant), r.id) for r in rows]


def lapsed(connection: Connection, kind: JobKind) -> bool:
    """Whether there is a job whose worker died and that may be tried again."""
    row = connection.execute(
        text("""
            SELECT 1 FROM jobs
            WHERE kind = :kind AND state = 'leased' AND lease_until < now() AND attempts < :most LIMIT 1
        """),
        {"kind": kind, "most": MAX_ATTEMPTS},
    ).one_or_none()
    return row is not None


def exhausted(connection: Connection, kind: JobKind) -> list[Lease]:
    """Jobs whose last allowed try ended in a lapsed lease (the worker died each time); locked for burying."""
    rows = connection.execute(
        text("""
            UPDATE jobs SET epoch = epoch + 1, lease_until = now() + interval '60 seconds'
            WHERE (tenant, id) IN (
                SELECT tenant, id FROM jobs WHERE kind = :kind AND state = 'leased' AND lease_until < now()
                AND attempts >= :most FOR UPDATE SKIP LOCKED)
            RETURNING tenant, id, document, version, epoch, attempts
        """),
        {"kind": kind, "most": MAX_ATTEMPTS},
    )
    return [_lease_of(row, kind) for row in rows]


def _lease_of(row: Row[tuple[object, ...]], kind: JobKind) -> Lease:
    tenant = TenantId(row.tenant)
    return Lease(tenant, row.id, kind, DocumentId(tenant, row.document), row.version, row.epoch, row.attempts)


def _close(connection: Connection, held: Lease, state: JobState, code: str | None, reason: str | None) -> None:
    connection.execute(
        text("""
            UPDATE jobs SET state = :state, owner = NULL, lease_until = NULL, updated_at = now(),
                   error_code = :code, error = :reason
            WHERE tenant = :t AND id = :id
        """),
        {"state": state, "code": code, "reason": reason, "t": held.tenant, "id": held.job},
    )
