"""Which configuration each collection was given, when, by whom, and after which run."""

from dataclasses import asdict

from assay_core.documents import CollectionId
from assay_core.experiments import Promotion
from assay_core.principals import Principal
from sqlalchemy import Connection, Row, insert, text

from assay_store import visibility
from assay_store.tables import promotions

_VISIBLE = """
SELECT p.* FROM promotions p
JOIN collections c ON c.tenant = p.tenant AND c.id = p.collection
WHERE p.tenant = :tenant AND c.deleted_at IS NULL AND c.default_acl = ANY(:acls)
"""


def lock(connection: Connection, collection: CollectionId) -> None:
    """Let one promotion of a collection wait for the other."""
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtext(:k))"), {"k": f"promotion:{collection.id}"})


def record(connection: Connection, collection: CollectionId, made: Promotion) -> None:
    """Write a promotion down. It is never changed."""
    values = asdict(made) | {"reasons": list(made.reasons)}
    connection.execute(insert(promotions).values(tenant=collection.tenant, **values))


def listing(
    connection: Connection, principal: Principal, *, collection: CollectionId | None = None, limit: int = 100
) -> list[Promotion]:
    """Promotions of collections that the principal may see, newest first."""
    rows = connection.execute(
        text(
            f"{_VISIBLE} AND (CAST(:collection AS text) IS NULL OR p.collection = :collection)"
            " ORDER BY p.promoted_at DESC, p.id LIMIT :limit"
        ),
        {
            "tenant": principal.tenant,
            "acls": sorted(visibility.readable_acls(connection, principal)),
            "collection": collection and collection.id,
            "limit": limit,
        },
    )
    return [_promotion(row) for row in rows]


def _promotion(row: Row[tuple[object, ...]]) -> Promotion:
    return Promotion(
        id=row.id,
        collection=row.collection,
        run=row.run,
        baseline=row.baseline,
        passed=row.passed,
        reasons=tuple(row.reasons),
        override_reason=row.override_reason,
        promoted_by=row.promoted_by,
        promoted_at=row.promoted_at,
        before=row.before,
        switched=row.switched,
        recorded=row.recorded,
    )
