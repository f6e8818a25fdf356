"""Replaced versions, from the end of their collection's `keep_versions_days`: what goes with them, and what stays.

A version goes with the chunks and blobs that no other version of its document names. Nothing is removed from a
document with a version on its way, since that may be about to use them again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from assay_core.collection_settings import CollectionSettings
from assay_core.documents import ChunkId, CollectionId, DocumentId, TenantId
from sqlalchemy import Connection, text

from assay_store.pipeline import VectorPlace

_IN_WORK = "('received', 'parsing', 'embedding', 'indexing')"


@dataclass(frozen=True, slots=True)
class Expired:
    """Versions of one document that have been kept for long enough."""

    document: DocumentId
    collection: CollectionId
    versions: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Leaving:
    """What goes with versions, and where the vectors are of the chunks that stay."""

    chunks: tuple[ChunkId, ...]
    blob_keys: tuple[str, ...]
    staying: Mapping[ChunkId, VectorPlace]


def expired(connection: Connection, *, limit: int) -> list[Expired]:
    """Up to `limit` documents with versions whose time is over, those first that were replaced first."""
    rows = connection.execute(
        text(f"""
            SELECT v.tenant, v.document, d.collection, array_agg(v.version ORDER BY v.version) AS versions
            FROM versions v
            JOIN documents d ON d.tenant = v.tenant AND d.id = v.document
            JOIN collections c ON c.tenant = d.tenant AND c.id = d.collection
            WHERE v.replaced_at IS NOT NULL AND v.version < d.live_version AND d.deleted_at IS NULL
              AND v.replaced_at <= now() - make_interval(
                  days => coalesce(CAST(c.settings->>'keep_versions_days' AS int), :days))
              AND NOT EXISTS (SELECT 1 FROM versions w WHERE w.tenant = v.tenant AND w.document = v.document
                              AND w.state IN {_IN_WORK})
              AND NOT EXISTS (SELECT 1 FROM legal_holds h WHERE h.tenant = v.tenant AND h.document = v.document)
            GROUP BY v.tenant, v.document, d.collection ORDER BY min(v.replaced_at) LIMIT :limit
        """),
        {"days": CollectionSettings().keep_versions_days, "limit": limit},
    )
    return [
        Expired(DocumentId(tenant, row.document), CollectionId(tenant, row.collection), tuple(row.versions))
        for row in rows
        for tenant in (TenantId(row.tenant),)
    ]


def hold(connection: Connection, document: DocumentId) -> bool:
    """Keep a document as it is for this transaction. Returns False if it is deleted or has a version on its way."""
    row = connection.execute(
        text("SELECT deleted_at FROM documents WHERE tenant = :t AND id = :d FOR UPDATE"),
        {"t": document.tenant, "d": document.id},
    ).one_or_none()
    if row is None or row.deleted_at is not None:
        return False
    working = connection.execute(
        text(f"SELECT count(*) FROM versions WHERE tenant = :t AND document = :d AND state IN {_IN_WORK}"),
        {"t": document.tenant, "d": document.id},
    ).scalar_one()
    return working == 0


def leaving(connection: Connection, gone: Expired) -> Leaving:
    """What goes with these versions; call `hold` before in the same transaction to rely on it."""
    at = {"t": gone.document.tenant, "d": gone.document.id, "versions": list(gone.versions)}
    rows = connection.execute(
        text("""
            SELECT c.id, c.vector_key, c.vector_row, EXISTS (
                SELECT 1 FROM version_chunks o WHERE o.tenant = c.tenant AND o.chunk = c.id
                AND NOT o.version = ANY(:versions)) AS stays
            FROM chunks c WHERE c.tenant = :t AND c.document = :d ORDER BY c.id
        """),
        at,
    ).all()
    blob_keys = connection.execute(
        text("""
            SELECT blob_key FROM versions WHERE tenant = :t AND document = :d AND version = ANY(:versions)
            EXCEPT
            SELECT blob_key FROM versions WHERE tenant = :t AND document = :d AND NOT version = ANY(:versions)
        """),
        at,
    ).scalars()
    tenant = gone.document.tenant
    return Leaving(
        chunks=tuple(ChunkId(tenant, row.id) for row in rows if not row.stays),
        blob_keys=tuple(blob_keys),
        staying={ChunkId(tenant, row.id): VectorPlace(row.vector_key, row.vector_row) for row in rows if row.stays},
    )


def move_vectors(connection: Connection, places: Mapping[ChunkId, VectorPlace]) -> None:
    """Note where the vectors of chunks are from now on."""
    if places:
        connection.execute(
            text("UPDATE chunks SET vector_key = :key, vector_row = :row WHERE tenant = :t AND id = :id"),
            [{"t": c.tenant, "id": c.id, "key": place.key, "row": place.row} for c, place in sorted(places.items())],
        )


def forget(connection: Connection, gone: Expired, chunks: Sequence[ChunkId]) -> None:
    """Remove versions and the chunks that go with them; needs `hold` before in the same transaction."""
    at = {"t": gone.document.tenant, "d": gone.document.id}
    connection.execute(
        text("DELETE FROM versions WHERE tenant = :t AND document = :d AND version = ANY(:versions)"),
        at | {"versions": list(gone.versions)},
    )
    connection.execute(
        text("DELETE FROM chunks WHERE tenant = :t AND document = :d AND id = ANY(:ids)"),
        at | {"ids": [chunk.id for chunk in chunks]},
    )
