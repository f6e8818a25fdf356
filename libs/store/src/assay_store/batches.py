"""Uploads that belong together, under an id that their client made: how far they are as a whole."""

from dataclasses import dataclass
from datetime import datetime

from assay_core.documents import CollectionId, TenantId
from assay_core.errors import Conflict, NotFound
from assay_core.principals import Principal
from sqlalchemy import Connection, text

_WINDOW_S = 30.0


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch and what it is made for."""

    id: str
    collection: CollectionId
    created_at: datetime


@dataclass(frozen=True, slots=True)
class BatchProgress:
    """The sum over a batch's newest uploads.

    `chunks_done` are those that are searchable or embedded, `progress` is between 0 and 1. `documents_per_s` and
    `chunks_per_s` are of the last half minute; `left_s` is None while nothing has come to an end in that time.
    """

    states: dict[str, int]
    pages: int
    chunks: int
    chunks_done: int
    progress: float
    documents_per_s: float
    chunks_per_s: float
    left_s: float | None

    @property
    def documents(self) -> int:
        return sum(self.states.values())

    @property
    def open(self) -> int:
        return self.documents - self.states.get("ready", 0) - self.states.get("failed", 0)


def ensure(connection: Connection, who: Principal, collection: CollectionId, batch: str) -> None:
    """Make a batch on its first upload. Raises `Conflict` if the id is somebody else's or of another collection."""
    connection.execute(
        text("""
            INSERT INTO batches (tenant, id, collection, principal) VALUES (:t, :b, :c, :p)
            ON CONFLICT (tenant, id) DO NOTHING
        """),
        {"t": collection.tenant, "b": batch, "c": collection.id, "p": who.id},
    )
    row = connection.execute(
        text("SELECT collection, principal FROM batches WHERE tenant = :t AND id = :b"),
        {"t": collection.tenant, "b": batch},
    ).one()
    if (row.collection, row.principal) != (collection.id, who.id):
        raise Conflict(f"The batch id {batch!r} is in use already; make a new one.", code="batch_taken")


def get(connection: Connection, who: Principal, batch: str) -> Batch:
    """A batch that the principal made; administrators see all. Raises `NotFound`."""
    row = connection.execute(
        text("SELECT collection, principal, created_at FROM batches WHERE tenant = :t AND id = :b"),
        {"t": who.tenant, "b": batch},
    ).one_or_none()
    if row is None or not (row.principal == who.id or who.has("administrator")):
        raise NotFound(f"There is no batch {batch!r}.", code="batch_not_found")
    return Batch(batch, CollectionId(TenantId(who.tenant), row.collection), row.created_at)


def progress(connection: Connection, tenant: TenantId, batch: str) -> BatchProgress:
    """How far a batch is: one look at its versions, of which replaced ones do not count."""
    # Tables that grow in a moment have no statistics yet, and a join that expects one row then takes minutes.
    connection.execute(text("SET LOCAL enable_nestloop = off"))
    rows = connection.execute(
        text("""
            SELECT v.state, count(*) AS n, coalesce(sum(v.pages), 0) AS pages, coalesce(sum(v.chunks), 0) AS chunks,
                   sum(CASE WHEN v.state IN ('indexing', 'ready') THEN coalesce(v.chunks, 0)
                       ELSE coalesce(v.chunks_done, 0) END) AS chunks_done,
                   sum(CASE WHEN v.state IN ('ready', 'failed') THEN 1 ELSE v.progress END) AS progress,
                   count(*) FILTER (WHERE v.updated_at > now() - make_interval(secs => :window)) AS recent,
                   coalesce(sum(v.chunks) FILTER (WHERE v.updated_at > now() - make_interval(secs => :window)), 0)
                   AS recent_chunks,
                   extract(epoch FROM now() - min(v.created_at)) AS age_s
            FROM versions v JOIN documents d ON d.tenant = v.tenant AND d.id = v.document AND d.deleted_at IS NULL
            WHERE v.tenant = :t AND v.batch = :b AND v.version = d.latest_version GROUP BY v.state
        """),
        {"t": tenant, "b": batch, "window": _WINDOW_S},
    ).all()
    ended = [row for row in rows if row.state in ("ready", "failed")]
    documents = sum(row.n for row in rows)
    done = float(sum(row.progress for row in rows))
    span_s = max(1.0, min(_WINDOW_S, max((float(row.age_s) for row in rows), default=_WINDOW_S)))
    rate = sum(row.recent for row in ended) / span_s
    return BatchProgress(
        states={row.state: row.n for row in rows},
        pages=int(sum(row.pages for row in rows)),
        chunks=int(sum(row.chunks for row in rows)),
        chunks_done=int(sum(row.chunks_done for row in rows)),
        progress=done / documents if documents else 0.0,
        documents_per_s=rate,
        chunks_per_s=float(sum(row.recent_chunks for row in ended)) / span_s,
        left_s=(documents - done) / rate if rate else None,
    )
