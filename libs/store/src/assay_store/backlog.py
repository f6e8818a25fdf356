"""How much work waits, for people who look at the platform."""

from assay_core.documents import TenantId
from assay_core.jobs import JobState
from sqlalchemy import Connection, text


def open_jobs(connection: Connection, tenant: TenantId) -> dict[JobState, int]:
    """How many of a tenant's jobs are in each state, done ones left out."""
    rows = connection.execute(
        text("SELECT state, count(*) AS n FROM jobs WHERE tenant = :t AND state <> 'done' GROUP BY state"),
        {"t": tenant},
    )
    return {JobState(row.state): row.n for row in rows}
