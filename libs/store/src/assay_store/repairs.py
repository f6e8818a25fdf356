"""How often stores had to be put right, by tenant: counts that outlive the processes that did it."""

from assay_core.documents import TenantId
from sqlalchemy import Connection, text


def count(connection: Connection, tenant: TenantId, store: str, what: str, number: int) -> None:
    """Add to what was repaired in a store; `what` says what was wrong, such as missing or orphan."""
    connection.execute(
        text("""
            INSERT INTO repairs (tenant, store, what, total) VALUES (:t, :store, :what, :n)
            ON CONFLICT (tenant, store, what) DO UPDATE SET total = repairs.total + excluded.total, last_at = now()
        """),
        {"t": tenant, "store": store, "what": what, "n": number},
    )


def totals(connection: Connection, tenant: TenantId) -> dict[str, int]:
    """Repairs since the first start, by store and what was wrong: `dense missing`, `lexical orphan`, …"""
    rows = connection.execute(
        text("SELECT store, what, total FROM repairs WHERE tenant = :t ORDER BY store, what"), {"t": tenant}
    )
    return {f"{row.store} {row.what}": row.total for row in rows}
