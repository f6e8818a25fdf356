"""What ingestion writes: the way of a version from received to live, and of a document out of every store."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from assay_core.documents import (
    AclId,
    Chunk,
    ChunkId,
    CollectionId,
    DocumentId,
    ParsedDocument,
    TenantId,
    VersionState,
)
from assay_core.jobs import Lease
from assay_core.search import IndexRow
from sqlalchemy import Connection, Row, text

from assay_store import collections
from assay_store.database import notify
from assay_store.documents import INDEX_CHANNEL
from assay_store.encryption import Key


@dataclass(frozen=True, slots=True)
class Source:
    """What a worker needs to read the bytes of a version."""

    document: DocumentId
    collection: CollectionId
    name: str
    version: int
    blob_key: str
    size_bytes: int
    key_wrapped: bytes | None
    deleted: bool


@dataclass(frozen=True, slots=True)
class ChunkPayload:
    """The encrypted part of a stored chunk."""

    text: str
    heading_path: tuple[str, ...]
    title: str

    def seal(self, key: Key, chunk: str) -> bytes:
        raw = json.dumps({"text": self.text, "headings": self.heading_path, "title": self.title})
        return key.seal(raw.encode(), place=f"chunk:{chunk}")

    @classmethod
    def open(cls, key: Key, chunk: str, sealed: bytes) -> "ChunkPayload":
        raw = json.loads(key.open(sealed, place=f"chunk:{chunk}"))
        return cls(raw["text"], tuple(raw["headings"]), raw["title"])


@dataclass(frozen=True, slots=True)
class VectorPlace:
    """Where a chunk's vector lies: a fp16 column file among the blobs, and the row in it."""

    key: str
    row: int


@dataclass(frozen=True, slots=True)
class StoredChunk:
    """A chunk to be indexed, as SQL has it; the payload is encrypted."""

    row: IndexRow
    payload: bytes
    key_wrapped: bytes | None
    vector: VectorPlace


@dataclass(frozen=True, slots=True)
class PendingVersion:
    """A version whose chunks wait for the indexes."""

    document: DocumentId
    collection: CollectionId
    version: int
    chunks: int


def source(connection: Connection, held: Lease) -> Source:
    """The bytes that a leased ingest job is about."""
    row = connection.execute(
        text("""
            SELECT d.collection, d.name, d.key_wrapped, d.deleted_at, v.blob_key, v.size_bytes
            FROM documents d JOIN versions v ON v.tenant = d.tenant AND v.document = d.id AND v.version = :v
            WHERE d.tenant = :t AND d.id = :d
        """),
        {"t": held.tenant, "d": held.document.id, "v": held.version},
    ).one()
    assert held.version is not None
    return Source(
        document=held.document,
        collection=CollectionId(held.tenant, row.collection),
        name=row.name,
        version=held.version,
        blob_key=row.blob_key,
        size_bytes=row.size_bytes,
        key_wrapped=bytes(row.key_wrapped) if row.key_wrapped is not None else None,
        deleted=row.deleted_at is not None,
    )


def set_progress(
    connection: Connection, document: DocumentId, version: int, state: VersionState, progress: float
) -> None:
    """Show how far a version has come; never moves a final state."""
    connection.execute(
        text("""
            UPDATE versions SET state = :s, progress = :p, updated_at = now()
            WHERE tenant = :t AND document = :d AND version = :v AND state NOT IN ('ready', 'failed')
        """),
        {"s": state, "p": progress, "t": document.tenant, "d": document.id, "v": version},
    )


def fail(connection: Connection, document: DocumentId, version: int, *, code: str, reason: str) -> None:
    """End a version with a reason that people can act on."""
    connection.execute(
        text("""
            UPDATE versions SET state = 'failed', error_code = :code, error = :reason, updated_at = now()
            WHERE tenant = :t AND document = :d AND version = :v AND state <> 'ready'
        """),
        {"code": code, "reason": reason, "t": document.tenant, "d": document.id, "v": version},
    )


def known_chunks(connection: Connection, document: DocumentId) -> set[ChunkId]:
    """Chunks of a document that are stored with their vectors, from any version."""
    rows = connection.execute(
        text("SELECT id FROM chunks WHERE tenant = :t AND document = :d"),
        {"t": document.tenant, "d": document.id},
    )
    return {ChunkId(document.tenant, row.id) for row in rows}


def store_chunks(
    connection: Connection,
    place: Source,
    key: Key,
    parsed: ParsedDocument,
    chunks: Sequence[Chunk],
    vectors: dict[ChunkId, VectorPlace],
) -> None:
    """Write text, chunks and their order, and hand the version to the indexer.

    `vectors` holds the places of the chunks that are new to the document. Repeating it changes nothing.
    """
    tenant, document = place.document
    at = {"t": tenant, "d": document, "v": place.version}
    _insert_chunks(connection, place, key, parsed.title, chunks, vectors)
    connection.execute(text("DELETE FROM version_chunks WHERE tenant = :t AND document = :d AND version = :v"), at)
    if chunks:
        connection.execute(
            text("""
                INSERT INTO version_chunks
                  (tenant, document, version, ordinal, chunk, start_char, end_char, page_first, page_last)
                VALUES (:t, :d, :v, :ordinal, :chunk, :start, :end, :first, :last)
            """),
            [
                at
                | {
                    "ordinal": c.ordinal,
                    "chunk": c.id.id,
                    "start": c.start,
                    "end": c.end,
                    "first": c.page_first,
                    "last": c.page_last,
                }
                for c in chunks
            ],
        )
    connection.execute(
        text("""
            UPDATE versions SET state = 'indexing', progress = 0.9, pages = :pages, chunks = :chunks,
                   chunks_kept = :kept, title = :title, text = :text, parser = :parser, media_type = :media,
                   updated_at = now()
            WHERE tenant = :t AND document = :d AND version = :v AND state NOT IN ('ready', 'failed')
        """),
        at
        | {
            "pages": parsed.pages,
            "chunks": len(chunks),
            "kept": len(chunks) - len(vectors),
            "title": key.seal(parsed.title.encode(), place=f"title:{document}:{place.version}"),
            "text": key.seal(parsed.text.encode(), place=f"text:{document}:{place.version}"),
            "parser": parsed.parser,
            "media": parsed.media_type,
        },
    )
    notify(connection, INDEX_CHANNEL)


def _insert_chunks(
    connection: Connection,
    place: Source,
    key: Key,
    title: str,
    chunks: Sequence[Chunk],
    vectors: dict[ChunkId, VectorPlace],
) -> None:
    rows = [
        {
            "t": place.document.tenant,
            "id": c.id.id,
            "d": place.document.id,
            "payload": ChunkPayload(c.text, c.heading_path, title).seal(key, c.id.id),
            "tokens": c.tokens,
            "key": vectors[c.id].key,
            "row": vectors[c.id].row,
        }
        for c in chunks
        if c.id in vectors
    ]
    if rows:
        connection.execute(
            text("""
                INSERT INTO chunks (tenant, id, document, payload, tokens, vector_key, vector_row)
                VALUES (:t, :id, :d, :payload, :tokens, :key, :row) ON CONFLICT (tenant, id) DO NOTHING
            """),
            rows,
        )


def pending_versions(connection: Connection, *, limit_chunks: int) -> list[PendingVersion]:
    """Versions that wait for the indexes, oldest first, up to about `limit_chunks` chunks (at least one version)."""
    rows = connection.execute(
        text("""
            SELECT v.tenant, v.document, d.collection, v.version, v.chunks FROM versions v
            JOIN documents d ON d.tenant = v.tenant AND d.id = v.document
            WHERE v.state = 'indexing' AND d.deleted_at IS NULL ORDER BY v.updated_at LIMIT 500
        """)
    )
    taken: list[PendingVersion] = []
    total = 0
    for row in rows:
        if taken and total + row.chunks > limit_chunks:
            break
        total += row.chunks
        tenant = TenantId(row.tenant)
        taken.append(
            PendingVersion(
                DocumentId(tenant, row.document), CollectionId(tenant, row.collection), row.version, row.chunks
            )
        )
    return taken


def chunks_to_index(connection: Connection, pending: PendingVersion) -> list[StoredChunk]:
    """Chunks of a version that the live version does not have, so that the indexes lack them."""
    rows = connection.execute(
        text("""
            SELECT c.id, c.payload, c.vector_key, c.vector_row, d.acl, d.key_wrapped
            FROM chunks c JOIN documents d ON d.tenant = c.tenant AND d.id = c.document
            WHERE c.tenant = :t AND c.document = :d
              AND c.id IN (SELECT chunk FROM version_chunks WHERE tenant = :t AND document = :d AND version = :v)
              AND c.id NOT IN (SELECT chunk FROM version_chunks
                               WHERE tenant = :t AND document = :d AND version = d.live_version)
        """),
        {"t": pending.document.tenant, "d": pending.document.id, "v": pending.version},
    )
    return [_stored(row, pending.collection) for row in rows]


def go_live(connection: Connection, pending: PendingVersion) -> list[ChunkId]:
    """Make a version the one that readers see, in one step, unless a newer one is live or the document is gone.

    Returns the chunks that no longer belong to the live version and must leave the indexes.
    """
    at = {"t": pending.document.tenant, "d": pending.document.id, "v": pending.version}
    before = connection.execute(
        text("SELECT live_version, deleted_at FROM documents WHERE tenant = :t AND id = :d FOR UPDATE"), at
    ).one()
    connection.execute(
        text("""
            UPDATE versions SET state = 'ready', progress = 1, updated_at = now()
            WHERE tenant = :t AND document = :d AND version = :v AND state = 'indexing'
        """),
        at,
    )
    stale = before.deleted_at is not None or (before.live_version or 0) >= pending.version
    if stale:
        return _only_in(connection, pending.document, pending.version, before.live_version)
    connection.execute(
        text("UPDATE documents SET live_version = :v, updated_at = now() WHERE tenant = :t AND id = :d"), at
    )
    collections.advance_epoch(connection, pending.collection)
    if before.live_version is None:
        return []
    return _only_in(connection, pending.document, before.live_version, pending.version)


def _only_in(connection: Connection, document: DocumentId, version: int, other: int | None) -> list[ChunkId]:
    rows = connection.execute(
        text("""
            SELECT DISTINCT chunk FROM version_chunks WHERE tenant = :t AND document = :d AND version = :v
            EXCEPT
            SELECT chunk FROM version_chunks WHERE tenant = :t AND document = :d AND version = :other
        """),
        {"t": document.tenant, "d": document.id, "v": version, "other": other},
    )
    return [ChunkId(document.tenant, row.chunk) for row in rows]


def live_rows(connection: Connection, collection: CollectionId) -> list[StoredChunk]:
    """Every chunk that the indexes of a collection must hold; for rebuilding and for the reconciler."""
    rows = connection.execute(
        text("""
            SELECT DISTINCT ON (c.id) c.id, c.payload, c.vector_key, c.vector_row, d.acl, d.key_wrapped
            FROM documents d
            JOIN version_chunks vc ON vc.tenant = d.tenant AND vc.document = d.id AND vc.version = d.live_version
            JOIN chunks c ON c.tenant = d.tenant AND c.id = vc.chunk
            WHERE d.tenant = :t AND d.collection = :c AND d.deleted_at IS NULL ORDER BY c.id
        """),
        {"t": collection.tenant, "c": collection.id},
    )
    return [_stored(row, collection) for row in rows]


def chunks_of(connection: Connection, document: DocumentId) -> tuple[CollectionId, list[ChunkId]]:
    """All chunks of a document in any version, with its collection; for deletion."""
    collection = connection.execute(
        text("SELECT collection FROM documents WHERE tenant = :t AND id = :d"),
        {"t": document.tenant, "d": document.id},
    ).scalar_one()
    return CollectionId(document.tenant, collection), sorted(known_chunks(connection, document))


def erase(connection: Connection, document: DocumentId) -> None:
    """Destroy a deleted document's key and remove its texts, chunks and versions; the tombstone stays."""
    at = {"t": document.tenant, "d": document.id}
    connection.execute(
        text("""
            DELETE FROM answers a USING answer_documents ad
            WHERE ad.tenant = a.tenant AND ad.answer = a.id AND ad.tenant = :t AND ad.document = :d
        """),
        at,
    )
    connection.execute(text("DELETE FROM versions WHERE tenant = :t AND document = :d"), at)
    connection.execute(text("DELETE FROM chunks WHERE tenant = :t AND document = :d"), at)
    connection.execute(
        text("UPDATE documents SET key_wrapped = NULL, metadata = '{}', name = id WHERE tenant = :t AND id = :d"),
        at,
    )
    connection.execute(text("UPDATE tombstones SET erased_at = now() WHERE tenant = :t AND document = :d"), at)


def version_text(connection: Connection, document: DocumentId, version: int, key: Key) -> str:
    """The canonical text of a version."""
    sealed = connection.execute(
        text("SELECT text FROM versions WHERE tenant = :t AND document = :d AND version = :v"),
        {"t": document.tenant, "d": document.id, "v": version},
    ).scalar_one_or_none()
    return "" if sealed is None else key.open(bytes(sealed), place=f"text:{document.id}:{version}").decode()


def _stored(row: Row[tuple[object, ...]], collection: CollectionId) -> StoredChunk:
    return StoredChunk(
        row=IndexRow(ChunkId(collection.tenant, row.id), collection, AclId(row.acl)),
        payload=bytes(row.payload),
        key_wrapped=bytes(row.key_wrapped) if row.key_wrapped is not None else None,
        vector=VectorPlace(row.vector_key, row.vector_row),
    )
