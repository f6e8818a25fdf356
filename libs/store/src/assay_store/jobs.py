"""Jobs with leases. Every later write of a worker carries the lease's epoch and is refused if it is stale."""

from collections.abc import Mapping, Sequence

from assay_core.documents import DocumentId, TenantId
from assay_core.errors import Conflict
from assay_core.jobs import MAX_ATTEMPTS, JobKind, JobState, Lease, Priority
from sqlalchemy import Connection, Row, TextClause, insert, text

from assay_store import outbox
from assay_store.ids import new_id
from assay_store.tables import jobs

INGEST_TASK = "ingestion.ingest"

_NO_BOUND = 2**31 - 1
_LEAST_AHEAD = 16

_NOT_PAUSED = "(c.paused_at IS NULL OR :kind <> 'ingest')"

# A queue is a collection of a tenant. The first ones of every queue are looked at, each found by the index; then
# tenants take turns, the one served longest ago first, each with its own jobs by priority and age.
_WAITING = """
WITH RECURSIVE queues AS (
    (SELECT tenant, collection FROM jobs WHERE kind = :kind AND state = 'waiting'
     ORDER BY tenant, collection LIMIT 1)
    UNION ALL
    SELECT n.tenant, n.collection FROM queues q CROSS JOIN LATERAL (
        SELECT tenant, collection FROM jobs
        WHERE kind = :kind AND state = 'waiting' AND (tenant, collection) > (q.tenant, q.collection)
        ORDER BY tenant, collection LIMIT 1) n
), heads AS (
    SELECT j.tenant, j.id, t.turn_at,
           row_number() OVER (PARTITION BY j.tenant ORDER BY j.priority, j.created_at, j.id) AS turn
    FROM queues q
    JOIN tenants t ON t.tenant = q.tenant
    LEFT JOIN collections c ON c.tenant = q.tenant AND c.id = q.collection
    CROSS JOIN LATERAL (
        SELECT tenant, id, priority, created_at FROM jobs
        WHERE kind = :kind AND state = 'waiting' AND tenant = q.tenant AND collection = q.collection
          AND not_before <= now() AND attempts < :max_attempts
        ORDER BY priority, created_at, id
        LIMIT (SELECT greatest(:least_ahead, 2 * :limit / count(*)) FROM queues)) j
    WHERE {not_paused}
), picked AS MATERIALIZED (
    SELECT tenant, id, row_number() OVER (ORDER BY turn, turn_at NULLS FIRST, tenant) AS place FROM heads
    ORDER BY place LIMIT 2 * :limit
), open AS MATERIALIZED (
    SELECT j.tenant, j.id, p.place, j.size_bytes, j.passage
    FROM picked p JOIN jobs j ON j.tenant = p.tenant AND j.id = p.id
    WHERE j.state = 'waiting' ORDER BY p.place LIMIT :limit FOR UPDATE OF j SKIP LOCKED
)
"""
_LAPSED = """
WITH open AS MATERIALIZED (
    SELECT j.tenant, j.id, row_number() OVER () AS place, j.size_bytes, j.passage FROM (
        SELECT j.tenant, j.id, j.size_bytes, j.passage
        FROM jobs j LEFT JOIN collections c ON c.tenant = j.tenant AND c.id = j.collection
        WHERE j.kind = :kind AND j.state = 'leased' AND j.lease_until < now() AND j.attempts < :max_attempts
          AND {not_paused}
        ORDER BY j.created_at LIMIT :limit FOR UPDATE OF j SKIP LOCKED) j
)
"""
_TAKE = """
, summed AS (
    SELECT tenant, id, place, place = min(place) OVER () AS first,
           sum(size_bytes) OVER up_to AS total_bytes,
           sum(CASE WHEN passage THEN 1 ELSE :passages END) OVER up_to AS total_passages
    FROM open WINDOW up_to AS (ORDER BY place)
)
UPDATE jobs j SET state = 'leased', owner = :owner, epoch = j.epoch + 1, attempts = j.attempts + 1,
       lease_until = now() + make_interval(secs => :lease_s), updated_at = now()
FROM summed s
WHERE j.tenant = s.tenant AND j.id = s.id
  AND (s.first OR (s.total_bytes <= :max_bytes AND s.total_passages <= :limit))
RETURNING j.tenant, j.id, j.document, j.version, j.epoch, j.attempts, s.place
"""
_LEASE_WAITING = text(_WAITING.format(not_paused=_NOT_PAUSED) + _TAKE)
_LEASE_LAPSED = text(_LAPSED.format(not_paused=_NOT_PAUSED) + _TAKE)


def create(
    connection: Connection,
    kind: JobKind,
    document: DocumentId,
    version: int | None,
    *,
    collection: str,
    task: str | None,
    priority: Priority = Priority.INTERACTIVE,
    size_bytes: int = 0,
    passage: bool = False,
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
            collection=collection,
            priority=priority,
            size_bytes=size_bytes,
            passage=passage,
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
    passages: int = 1,
    lapsed: bool | None = None,
    max_attempts: int | None = MAX_ATTEMPTS,
) -> list[Lease]:
    """Take up to `limit` open jobs by the database's clock, in the order in which they are due.

    Tenants take turns, so that nobody waits for another's long queue; within a tenant interactive uploads go before
    bulk loads, and older ones before younger. Jobs of paused collections are left, but for deletions.

    Args:
        max_bytes: bound on the sum of their versions' sizes; the first one is taken whatever its size.
        passages: so many ready passages count as one job of another kind.
        lapsed: True takes only jobs whose worker died (best retried alone), False only others, None both.
        max_attempts: jobs that were tried so often are left; None means that this kind is never given up.
    """
    values = {
        "kind": kind,
        "owner": owner,
        "lease_s": lease_s,
        "limit": limit * passages,
        "passages": passages,
        "least_ahead": _LEAST_AHEAD,
        "max_bytes": max_bytes,
        "max_attempts": _NO_BOUND if max_attempts is None else max_attempts,
    }
    taken = [] if lapsed is True else _take(connection, _LEASE_WAITING, kind, values)
    if lapsed is not False and len(taken) < limit:
        taken += _take(connection, _LEASE_LAPSED, kind, values | {"limit": (limit - len(taken)) * passages})
    if taken:
        _note_turns(connection, sorted({held.tenant for held in taken}))
    return taken


def explained(connection: Connection, kind: JobKind, *, limit: int) -> str:
    """The plan by which waiting jobs are leased, with what it did; leases them, so roll the transaction back."""
    values = {"kind": kind, "owner": "plan", "lease_s": 1, "limit": limit, "passages": 1}
    values |= {"least_ahead": _LEAST_AHEAD, "max_bytes": 2**62, "max_attempts": MAX_ATTEMPTS}
    rows = connection.execute(text(f"EXPLAIN (ANALYZE, TIMING OFF) {_LEASE_WAITING.text}"), values)
    return "\n".join(str(row[0]) for row in rows)


def _take(connection: Connection, statement: TextClause, kind: JobKind, values: Mapping[str, object]) -> list[Lease]:
    rows = sorted(connection.execute(statement, values), key=lambda row: row.place)
    return [_lease_of(row, kind) for row in rows]


def _note_turns(connection: Connection, tenants: Sequence[str]) -> None:
    # Who is locked is being served elsewhere at this moment: nobody waits for a note.
    connection.execute(
        text("""
            UPDATE tenants SET turn_at = clock_timestamp() WHERE tenant IN (
                SELECT tenant FROM tenants WHERE tenant = ANY(:tenants) FOR NO KEY UPDATE SKIP LOCKED)
        """),
        {"tenants": tenants},
    )


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


def lost(connection: Connection, leases: Sequence[Lease]) -> list[Lease]:
    """Those leases that are held no more: cancelled, taken over, or ended."""
    rows = connection.execute(
        text("""
            SELECT a.n FROM unnest(CAST(:tenants AS text[]), CAST(:jobs AS text[]), CAST(:epochs AS bigint[]))
                 WITH ORDINALITY AS a(tenant, job, epoch, n)
            LEFT JOIN jobs j ON j.tenant = a.tenant AND j.id = a.job AND j.epoch = a.epoch AND j.state = 'leased'
            WHERE j.id IS NULL
        """),
        {
            "tenants": [held.tenant for held in leases],
            "jobs": [held.job for held in leases],
            "epochs": [held.epoch for held in leases],
        },
    )
    return [leases[row.n - 1] for row in rows]


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
    _close(connection, held, JobState.DONE, None)


def bury(connection: Connection, held: Lease, *, code: str) -> None:
    """Put into the dead letters with a reason's code; needs `hold` before in the same transaction."""
    _close(connection, held, JobState.DEAD, code)


def cancel(connection: Connection, tenant: TenantId, job: str) -> tuple[DocumentId, int] | None:
    """End an ingest job that waits or is worked on. Returns its document and version; None if it has ended before.

    The new epoch refuses whatever its worker still writes.
    """
    row = connection.execute(
        text("""
            UPDATE jobs SET state = 'cancelled', epoch = epoch + 1, owner = NULL, lease_until = NULL,
                   updated_at = now(), error_code = 'cancelled'
            WHERE tenant = :t AND id = :id AND kind = 'ingest' AND state IN ('waiting', 'leased')
            RETURNING document, version
        """),
        {"t": tenant, "id": job},
    ).one_or_none()
    return None if row is None else (DocumentId(tenant, row.document), row.version)


def settle(connection: Connection, document: DocumentId) -> None:
    """Take a document's jobs that were given up or cancelled off the list: it is worked on anew."""
    connection.execute(
        text("""
            UPDATE jobs SET state = 'done', updated_at = now()
            WHERE tenant = :t AND document = :d AND state IN ('dead', 'cancelled')
        """),
        {"t": document.tenant, "d": document.id},
    )


def forget_done(connection: Connection, *, older_than_s: float, limit: int) -> int:
    """Remove jobs that were done long ago. Returns how many."""
    return connection.execute(
        text("""
            DELETE FROM jobs WHERE (tenant, id) IN (
                SELECT tenant, id FROM jobs WHERE state = 'done' AND updated_at < now() - make_interval(secs => :s)
                LIMIT :limit)
        """),
        {"s": older_than_s, "limit": limit},
    ).rowcount


def retry_later(connection: Connection, held: Lease, *, delay_s: float, code: str) -> None:
    """Give the lease back and try again after `delay_s`; needs `hold` before in the same transaction."""
    connection.execute(
        text("""
            UPDATE jobs SET state = 'waiting', owner = NULL, lease_until = NULL, updated_at = now(),
                   not_before = now() + make_interval(secs => :s), error_code = :code
            WHERE tenant = :t AND id = :id
        """),
        {"s": delay_s, "code": code, "t": held.tenant, "id": held.job},
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


def reopen(connection: Connection, kind: JobKind) -> int:
    """Let all leases of a kind lapse, for the only process that works on it and has just started. Returns how many."""
    return connection.execute(
        text("UPDATE jobs SET lease_until = now() - interval '1 second' WHERE kind = :kind AND state = 'leased'"),
        {"kind": kind},
    ).rowcount


def overdue(connection: Connection, kind: JobKind, *, waiting_s: float, limit: int) -> list[tuple[TenantId, str]]:
    """Open jobs that nobody works on: lapsed leases, and jobs that wait longer than `waiting_s`."""
    rows = connection.execute(
        text(f"""
            SELECT tenant, id FROM (
                (SELECT j.tenant, j.id, j.created_at
                 FROM jobs j LEFT JOIN collections c ON c.tenant = j.tenant AND c.id = j.collection
                 WHERE j.kind = :kind AND j.state = 'leased' AND j.lease_until < now() AND {_NOT_PAUSED} LIMIT :limit)
                UNION ALL
                (SELECT j.tenant, j.id, j.created_at
                 FROM jobs j LEFT JOIN collections c ON c.tenant = j.tenant AND c.id = j.collection
                 WHERE j.kind = :kind AND j.state = 'waiting' AND j.not_before < now() - make_interval(secs => :s)
                   AND {_NOT_PAUSED} LIMIT :limit)
            ) open ORDER BY created_at LIMIT :limit
        """),
        {"kind": kind, "s": waiting_s, "limit": limit},
    )
    return [(TenantId(r.tenant), r.id) for r in rows]


def lapsed(connection: Connection, kind: JobKind) -> bool:
    """Whether there is a job whose worker died and that may be tried again."""
    row = connection.execute(
        text(f"""
            SELECT 1 FROM jobs j LEFT JOIN collections c ON c.tenant = j.tenant AND c.id = j.collection
            WHERE j.kind = :kind AND j.state = 'leased' AND j.lease_until < now() AND j.attempts < :most
              AND {_NOT_PAUSED} LIMIT 1
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


def _close(connection: Connection, held: Lease, state: JobState, code: str | None) -> None:
    connection.execute(
        text("""
            UPDATE jobs SET state = :state, owner = NULL, lease_until = NULL, updated_at = now(),
                   error_code = :code
            WHERE tenant = :t AND id = :id
        """),
        {"state": state, "code": code, "t": held.tenant, "id": held.job},
    )
