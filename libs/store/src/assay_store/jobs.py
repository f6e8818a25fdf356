"""Jobs with leases. Every later write of a worker carries the lease's epoch and is refused if it is stale."""

from assay_core.documents import DocumentId, TenantId
from assay_core.errors import Conflict
from assay_core.jobs import MAX_ATTEMPTS, JobKind, JobState, Lease
from sqlalchemy import Connection, insert, text

from assay_store import outbox
from assay_store.ids import new_id
from assay_store.tables import jobs

INGEST_TASK = "ingestion.ingest"

_LEASE = text("""
UPDATE jobs j SET state = 'leased', owner = :owner, epoch = j.epoch + 1, attempts = j.attempts + 1,
       lease_until = now() + make_interval(secs => :lease_s), updated_at = now()
FROM (
    SELECT tenant, id FROM jobs
    WHERE kind = :kind AND attempts < :max_attempts AND attempts BETWEEN :least AND :most
      AND ((state = 'waiting' AND not_before <= now()) OR (state = 'leased' AND lease_until < now()))
    ORDER BY created_at LIMIT :limit FOR UPDATE SKIP LOCKED
) open
WHERE j.tenant = open.tenant AND j.id = open.id
RETURNING j.tenant, j.id, j.document, j.version, j.epoch, j.attempts
""")


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
    attempts: tuple[int, int] = (0, MAX_ATTEMPTS),
) -> list[Lease]:
    """Take up to `limit` open jobs, oldest first, by the database's clock.

    `attempts` restricts to jobs tried so many times before: a job whose worker died is best retried alone.
    """
    rows = connection.execute(
        _LEASE,
        {
            "kind": kind,
            "owner": owner,
            "lease_s": lease_s,
            "limit": limit,
            "max_attempts": MAX_ATTEMPTS,
            "least": attempts[0],
            "most": attempts[1],
        },
    )
    return [
        Lease(
            TenantId(r.tenant),
            r.id,
            kind,
            DocumentId(TenantId(r.tenant), r.document),
            r.version,
            r.epoch,
            r.attempts,
        )
        for r in rows
    ]


def renew(connection: Connection, leases: list[Lease], *, lease_s: float) -> None:
    """Extend leases that are still held; lapsed ones are left alone."""
    for held in leases:
        connection.execute(
            text("""
                UPDATE jobs SET lease_until = now() + make_interval(secs => :s)
                WHERE tenant = :t AND id = :id AND epoch = :epoch AND state = 'leased'
            """),
            {"s": lease_s, "t": held.tenant, "id": held.job, "epoch": held.epoch},
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
    return [
        Lease(
            TenantId(r.tenant),
            r.id,
            kind,
            DocumentId(TenantId(r.tenant), r.document),
            r.version,
            r.epoch,
            r.attempts,
        )
        for r in rows
    ]


def backlog(connection: Connection, tenant: TenantId) -> dict[JobState, int]:
    """How many of a tenant's jobs are in each state, done ones left out."""
    rows = connection.execute(
        text("SELECT state, count(*) AS n FROM jobs WHERE tenant = :t AND state <> 'done' GROUP BY state"),
        {"t": tenant},
    )
    return {JobState(row.state): row.n for row in rows}


def _close(connection: Connection, held: Lease, state: JobState, code: str | None, reason: str | None) -> None:
    connection.execute(
        text("""
            UPDATE jobs SET state = :state, owner = NULL, lease_until = NULL, updated_at = now(),
                   error_code = :code, error = :reason
            WHERE tenant = :t AND id = :id
        """),
        {"state": state, "code": code, "reason": reason, "t": held.tenant, "id": held.job},
    )
