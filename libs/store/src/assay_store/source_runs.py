"""Runs of sources: asked for or due, leased to one process, counted, and gone on with after a crash."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from assay_core.documents import TenantId
from assay_core.errors import Conflict
from assay_core.sources import RunState, SourceId
from sqlalchemy import Connection, Row, text

from assay_store.database import notify
from assay_store.encryption import Vault
from assay_store.ids import new_id
from assay_store.sources import CHANNEL, open_text, seal_text

MAX_ATTEMPTS = 3
MAX_ERRORS = 50
_KEPT_RUNS = 50

_LEASE = text("""
WITH next AS (
    SELECT tenant, id FROM source_runs
    WHERE attempts < :most AND ((state = 'waiting' AND not_before <= now())
        OR (state = 'running' AND lease_until < now()))
    ORDER BY not_before LIMIT 1 FOR UPDATE SKIP LOCKED
)
UPDATE source_runs r SET state = 'running', owner = :owner, epoch = r.epoch + 1, attempts = r.attempts + 1,
       lease_until = now() + make_interval(secs => :lease_s), started_at = coalesce(r.started_at, now()),
       error_code = NULL, error = NULL
FROM next n WHERE r.tenant = n.tenant AND r.id = n.id
RETURNING r.tenant, r.id, r.source, r.epoch, r.attempts, r.confirm_removals
""")


@dataclass(frozen=True, slots=True)
class RunLease:
    """The right to work on a run until it lapses; writes with an older `epoch` are refused."""

    run: str
    source: SourceId
    epoch: int
    attempt: int
    confirm_removals: bool


@dataclass(frozen=True, slots=True)
class ItemError:
    """An item that could not be taken: its name, and why."""

    item: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Counts:
    """What happened to the items of a run."""

    seen: int = 0
    unchanged: int = 0
    added: int = 0
    changed: int = 0
    removed: int = 0
    failed: int = 0
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """A run as people see it. `requested_by` is None for one of the schedule."""

    id: str
    source: SourceId
    state: RunState
    requested_by: str | None
    counts: Counts
    errors: tuple[ItemError, ...]
    cursor: str
    error_code: str | None
    error: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


def ask(connection: Connection, source: SourceId, *, by: str, confirm_removals: bool = False) -> str:
    """Ask for a run now. Returns its id. Raises `Conflict` if one is open."""
    run = _insert(connection, source, by=by, confirm_removals=confirm_removals)
    if run is None:
        raise Conflict("A run of this source is open already; wait for its end.", code="run_open")
    notify(connection, CHANNEL)
    return run


def ask_due(connection: Connection) -> int:
    """Ask for runs of the sources whose time has come. Returns how many."""
    rows = connection.execute(
        text("""
            UPDATE sources s SET next_run_at = now() + make_interval(secs => s.every_s)
            FROM collections c
            WHERE c.tenant = s.tenant AND c.id = s.collection AND c.deleted_at IS NULL
              AND s.every_s > 0 AND NOT s.paused AND s.next_run_at <= now() RETURNING s.tenant, s.id
        """)
    ).all()
    asked = [_insert(connection, SourceId(TenantId(row.tenant), row.id), by=None) for row in rows]
    return sum(run is not None for run in asked)


def next_due_s(connection: Connection) -> float | None:
    """Seconds until something may have to be done; None if nothing is planned."""
    return connection.execute(
        text("""
            SELECT extract(epoch FROM min(due) - now())::float FROM (
                SELECT min(next_run_at) AS due FROM sources WHERE every_s > 0 AND NOT paused
                UNION ALL SELECT min(not_before) FROM source_runs WHERE state = 'waiting'
                UNION ALL SELECT min(lease_until) FROM source_runs WHERE state = 'running') AS dates
        """)
    ).scalar_one()


def _insert(connection: Connection, source: SourceId, *, by: str | None, confirm_removals: bool = False) -> str | None:
    return connection.execute(
        text("""
            INSERT INTO source_runs (tenant, id, source, state, requested_by, confirm_removals)
            VALUES (:t, :id, :s, 'waiting', :by, :confirm) ON CONFLICT DO NOTHING RETURNING id
        """),
        {"t": source.tenant, "id": new_id(), "s": source.id, "by": by, "confirm": confirm_removals},
    ).scalar_one_or_none()


def lease(connection: Connection, *, owner: str, lease_s: float) -> RunLease | None:
    """Take the open run that waits longest, by the database's clock; None if nothing waits."""
    row = connection.execute(_LEASE, {"owner": owner, "lease_s": lease_s, "most": MAX_ATTEMPTS}).one_or_none()
    if row is None:
        return None
    source = SourceId(TenantId(row.tenant), row.source)
    return RunLease(row.id, source, row.epoch, row.attempts, row.confirm_removals)


def fail_exhausted(connection: Connection) -> int:
    """End the runs whose process died at every try without getting further. Returns how many."""
    return connection.execute(
        text("""
            UPDATE source_runs SET state = 'failed', owner = NULL, finished_at = now(), epoch = epoch + 1,
                   error_code = 'crashed', error = 'The process died at every try; look at its log.'
            WHERE state = 'running' AND lease_until < now() AND attempts >= :most
        """),
        {"most": MAX_ATTEMPTS},
    ).rowcount


def hold(connection: Connection, held: RunLease, *, lease_s: float) -> None:
    """Lock the run for this transaction and extend its lease. Raises `Conflict` if it was lost to someone else."""
    row = connection.execute(
        text("""
            UPDATE source_runs SET lease_until = now() + make_interval(secs => :lease_s)
            WHERE tenant = :t AND id = :r AND epoch = :e AND state = 'running' RETURNING 1
        """),
        {"lease_s": lease_s, "t": held.source.tenant, "r": held.run, "e": held.epoch},
    ).one_or_none()
    if row is None:
        raise Conflict(f"Run {held.run!r} was taken over, or its source was deleted.", code="lease_lost")


def count(connection: Connection, held: RunLease, more: Counts) -> None:
    """Add to the counts of a run; needs `hold` before in the same transaction."""
    sums = ", ".join(f"{name} = {name} + :{name}" for name in asdict(more))
    connection.execute(
        text(f"UPDATE source_runs SET {sums} WHERE tenant = :t AND id = :r"),
        {**asdict(more), "t": held.source.tenant, "r": held.run},
    )


def failed(connection: Connection, held: RunLease) -> int:
    """How many items of the run failed so far."""
    return connection.execute(
        text("SELECT failed FROM source_runs WHERE tenant = :t AND id = :r"),
        {"t": held.source.tenant, "r": held.run},
    ).scalar_one()


def add_errors(connection: Connection, vault: Vault, held: RunLease, more: Sequence[ItemError]) -> None:
    """Keep the first errors of a run; needs `hold` before in the same transaction."""
    sealed = connection.execute(
        text("SELECT errors FROM source_runs WHERE tenant = :t AND id = :r"),
        {"t": held.source.tenant, "r": held.run},
    ).scalar_one()
    errors = [*_errors(vault, held.source, sealed), *more][:MAX_ERRORS]
    connection.execute(
        text("UPDATE source_runs SET errors = :e WHERE tenant = :t AND id = :r"),
        {
            "e": seal_text(vault, held.source, json.dumps([asdict(error) for error in errors])),
            "t": held.source.tenant,
            "r": held.run,
        },
    )


def cursor(connection: Connection, vault: Vault, held: RunLease) -> str | None:
    """Where the run goes on; None if it has not got to a checkpoint yet."""
    sealed = connection.execute(
        text("SELECT cursor FROM source_runs WHERE tenant = :t AND id = :r"),
        {"t": held.source.tenant, "r": held.run},
    ).scalar_one()
    return None if sealed is None else open_text(vault, held.source, sealed)


def save_cursor(connection: Connection, vault: Vault, held: RunLease, state: str) -> None:
    """Note a checkpoint, which also gives the run all its tries back; needs `hold` before."""
    connection.execute(
        text("UPDATE source_runs SET cursor = :c, attempts = 1 WHERE tenant = :t AND id = :r"),
        {"c": seal_text(vault, held.source, state), "t": held.source.tenant, "r": held.run},
    )


def finish(
    connection: Connection, held: RunLease, state: RunState, *, code: str | None = None, error: str | None = None
) -> None:
    """End a run, and forget the oldest ones of its source; needs `hold` before in the same transaction."""
    connection.execute(
        text("""
            UPDATE source_runs SET state = :state, owner = NULL, lease_until = NULL, finished_at = now(),
                   error_code = :code, error = :error WHERE tenant = :t AND id = :r
        """),
        {"state": state, "code": code, "error": error, "t": held.source.tenant, "r": held.run},
    )
    connection.execute(
        text("""
            DELETE FROM source_runs WHERE tenant = :t AND source = :s AND id NOT IN (
                SELECT id FROM source_runs WHERE tenant = :t AND source = :s ORDER BY created_at DESC LIMIT :kept)
        """),
        {"t": held.source.tenant, "s": held.source.id, "kept": _KEPT_RUNS},
    )


def retry_later(connection: Connection, held: RunLease, *, delay_s: float, code: str, error: str) -> None:
    """Give the lease back and go on after `delay_s`; needs `hold` before in the same transaction."""
    connection.execute(
        text("""
            UPDATE source_runs SET state = 'waiting', owner = NULL, lease_until = NULL, error_code = :code,
                   error = :error, not_before = now() + make_interval(secs => :s) WHERE tenant = :t AND id = :r
        """),
        {"code": code, "error": error, "s": delay_s, "t": held.source.tenant, "r": held.run},
    )


def give_back(connection: Connection, held: RunLease) -> None:
    """Let someone else go on at once; the try does not count. Needs `hold` before in the same transaction."""
    connection.execute(
        text("""
            UPDATE source_runs SET state = 'waiting', owner = NULL, lease_until = NULL,
                   attempts = greatest(attempts - 1, 0) WHERE tenant = :t AND id = :r
        """),
        {"t": held.source.tenant, "r": held.run},
    )


def runs_of(connection: Connection, vault: Vault, source: SourceId, *, limit: int) -> list[Run]:
    """Runs of a source, newest first; check the right to see the source before."""
    rows = connection.execute(
        text("SELECT * FROM source_runs WHERE tenant = :t AND source = :s ORDER BY created_at DESC, id LIMIT :n"),
        {"t": source.tenant, "s": source.id, "n": limit},
    )
    return [_run(vault, row) for row in rows]


def last_runs(connection: Connection, vault: Vault, tenant: TenantId, sources: Sequence[SourceId]) -> dict[str, Run]:
    """The newest run of each source, by the source's id."""
    rows = connection.execute(
        text("""
            SELECT DISTINCT ON (source) * FROM source_runs WHERE tenant = :t AND source = ANY(:s)
            ORDER BY source, created_at DESC, id
        """),
        {"t": tenant, "s": [source.id for source in sources]},
    )
    return {row.source: _run(vault, row) for row in rows}


def _errors(vault: Vault, source: SourceId, sealed: bytes | None) -> tuple[ItemError, ...]:
    found: list[dict[str, Any]] = json.loads(open_text(vault, source, sealed) or "[]")
    return tuple(ItemError(**error) for error in found)


def _run(vault: Vault, row: Row[tuple[object, ...]]) -> Run:
    source = SourceId(TenantId(row.tenant), row.source)
    return Run(
        id=row.id,
        source=source,
        state=RunState(row.state),
        requested_by=row.requested_by,
        counts=Counts(row.seen, row.unchanged, row.added, row.changed, row.removed, row.failed, row.left_out),
        errors=_errors(vault, source, row.errors),
        cursor=open_text(vault, source, row.cursor),
        error_code=row.error_code,
        error=row.error,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )
