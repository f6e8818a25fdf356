"""One version in the place of another: what it kept of the one before, and since when that one is history."""

from collections.abc import Sequence

from assay_core.documents import ChunkId, DocumentId
from sqlalchemy import Connection, text


def replace_version(connection: Connection, document: DocumentId, before: int | None, *, by: int) -> list[ChunkId]:
    """Note what version `by`, now live, has kept, added and removed. Returns the chunks that only `before` has."""
    removed = [] if before is None else only_in(connection, document, before, by)
    added = only_in(connection, document, by, before)
    connection.execute(
        text("""
            UPDATE versions SET chunks_kept = chunks - :added, chunks_added = :added, chunks_removed = :removed
            WHERE tenant = :t AND document = :d AND version = :v
        """),
        {"t": document.tenant, "d": document.id, "v": by, "added": len(added), "removed": len(removed)},
    )
    mark_replaced(connection, document, live=by)
    return removed


def note_first(connection: Connection, versions: Sequence[tuple[DocumentId, int]]) -> None:
    """Note that versions, now live, are the first ones that readers see of their documents: all of it is added."""
    if not versions:
        return
    at = {
        "tenants": [document.tenant for document, _ in versions],
        "documents": [document.id for document, _ in versions],
        "versions": [version for _, version in versions],
    }
    places = """
        unnest(CAST(:tenants AS text[]), CAST(:documents AS text[]), CAST(:versions AS int[]))
        AS a(tenant, document, version)
    """
    connection.execute(
        text(f"""
            UPDATE versions v SET chunks_kept = v.chunks - n.added, chunks_added = n.added, chunks_removed = 0
            FROM (SELECT a.tenant, a.document, a.version, count(DISTINCT vc.chunk) AS added FROM {places}
                  LEFT JOIN version_chunks vc USING (tenant, document, version)
                  GROUP BY a.tenant, a.document, a.version) n
            WHERE v.tenant = n.tenant AND v.document = n.document AND v.version = n.version
        """),
        at,
    )
    connection.execute(
        text(f"""
            UPDATE versions v SET replaced_at = now() FROM {places}
            WHERE v.tenant = a.tenant AND v.document = a.document AND v.version < a.version
              AND v.replaced_at IS NULL AND v.state IN ('ready', 'failed')
        """),
        at,
    )


def mark_replaced(connection: Connection, document: DocumentId, *, live: int | None) -> None:
    """From now on, versions before `live` are kept only for the answers that cite them."""
    connection.execute(
        text("""
            UPDATE versions SET replaced_at = now()
            WHERE tenant = :t AND document = :d AND version < :live AND replaced_at IS NULL
              AND state IN ('ready', 'failed')
        """),
        {"t": document.tenant, "d": document.id, "live": live},
    )


def only_in(connection: Connection, document: DocumentId, version: int, other: int | None) -> list[ChunkId]:
    """Chunks that a version has and the other one has not."""
    rows = connection.execute(
        text("""
            SELECT DISTINCT chunk FROM version_chunks WHERE tenant = :t AND document = :d AND version = :v
            EXCEPT
            SELECT chunk FROM version_chunks WHERE tenant = :t AND document = :d AND version = :other
        """),
        {"t": document.tenant, "d": document.id, "v": version, "other": other},
    )
    return [ChunkId(document.tenant, row.chunk) for row in rows]
