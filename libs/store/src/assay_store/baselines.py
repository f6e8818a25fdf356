"""Runs that others are compared with, by name. Every collection has names of its own."""

from assay_core.documents import CollectionId
from assay_core.experiments import Baseline
from assay_core.principals import Principal
from sqlalchemy import Connection, Row, text

from assay_store import visibility

_VISIBLE = """
SELECT b.*, r.dataset FROM evaluation_baselines b
JOIN evaluation_runs r ON r.tenant = b.tenant AND r.id = b.run
JOIN collections c ON c.tenant = b.tenant AND c.id = b.collection
WHERE b.tenant = :tenant AND c.deleted_at IS NULL AND c.default_acl = ANY(:acls)
"""


def put(connection: Connection, collection: CollectionId, name: str, *, run: str, by: str) -> None:
    """Give a run of this collection a name, in place of the one that had it."""
    connection.execute(
        text("""
            INSERT INTO evaluation_baselines (tenant, collection, name, run, set_by) VALUES (:t, :c, :n, :r, :by)
            ON CONFLICT (tenant, collection, name) DO UPDATE SET run = :r, set_by = :by, set_at = now()
        """),
        {"t": collection.tenant, "c": collection.id, "n": name, "r": run, "by": by},
    )


def listing(connection: Connection, principal: Principal, *, name: str | None = None) -> list[Baseline]:
    """Baselines of collections that the principal may see, by name; only those of one name if given."""
    rows = connection.execute(
        text(f"{_VISIBLE} AND (CAST(:name AS text) IS NULL OR b.name = :name) ORDER BY b.name, b.collection"),
        {
            "tenant": principal.tenant,
            "acls": sorted(visibility.readable_acls(connection, principal)),
            "name": name,
        },
    )
    return [_baseline(row) for row in rows]


def _baseline(row: Row[tuple[object, ...]]) -> Baseline:
    return Baseline(row.collection, row.name, row.run, row.dataset, row.set_by, row.set_at)
