"""One version in the place of another: what it kept of the one before, and since when that one is history."""

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
