"""How much work waits: for people who look at the platform, and for the door that must say when it is too much."""

from dataclasses import dataclass

from assay_core.documents import TenantId
from assay_core.jobs import JobState
from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class Waiting:
    """Ingest jobs that nobody has begun, and the bytes of what they are about."""

    jobs: int
    size_bytes: int


def open_jobs(connection: Connection, tenant: TenantId) -> dict[JobState, int]:
    """How many of a tenant's jobs wait, are worked on, or were given up."""
    row = connection.execute(
        text("""
            SELECT (SELECT count(*) FROM jobs WHERE kind IN ('ingest', 'delete') AND tenant = :t
                    AND state = 'waiting') AS waiting,
                   (SELECT count(*) FROM jobs WHERE kind IN ('ingest', 'delete') AND tenant = :t
                    AND state = 'leased') AS leased,
                   (SELECT count(*) FROM jobs WHERE tenant = :t AND state = 'dead') AS dead
        """),
        {"t": tenant},
    ).one()
    return {JobState.WAITING: row.waiting, JobState.LEASED: row.leased, JobState.DEAD: row.dead}


def waiting_by_tenant(connection: Connection) -> dict[TenantId, Waiting]:
    """What waits to be taken in, by tenant."""
    rows = connection.execute(
        text("""
            SELECT tenant, count(*) AS jobs, sum(size_bytes)::bigint AS bytes FROM jobs
            WHERE kind = 'ingest' AND state = 'waiting' GROUP BY tenant
        """)
    )
    return {TenantId(row.tenant): Waiting(row.jobs, row.bytes) for row in rows}
