"""What ingestion writes: the way of a version from received to live, and of a document out of every store."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from assay_core.collection_settings import Chunking, CollectionSettings
from assay_core.documents import (
    AclId,
    Chunk,
    ChunkId,
    CollectionId,
    DocumentId,
    Parent,
    ParsedDocument,
    TenantId,
    VersionState,
)
from assay_core.jobs import Lease
from assay_core.search import IndexRow
from sqlalchemy import Connection, Row, text

from assay_store import collections, erasures, events, keys, parents, replacement, source_items
from assay_store.database import notify
from assay_store.documents import INDEX_CHANNEL
from assay_store.encryption import Key, Vault
from assay_store.payloads import ChunkPayload

_SET_PROGRESS = text("""
    UPDATE versions SET progress = :p, updated_at = now(), pages = coalesce(:pages, pages),
           chunks = coalesce(:chunks, chunks), chunks_done = :done,
           stage_at = CASE WHEN state = :s THEN coalesce(stage_at, now()) ELSE now() END, state = :s
    WHERE tenant = :t AND document = :d AND version = :v AND state NOT IN ('ready', 'failed')
""")


_STORED = """
    c.tenant, c.id, c.document, c.payload, c.vector_key, c.vector_row, c.vector, d.collection, d.acl, k.key_wrapped
"""
_WITH_KEY = "LEFT JOIN document_keys k ON k.tenant = d.tenant AND k.document = d.id"
_IS_LIVE = """
    (d.deleted_at IS NULL AND EXISTS (
        SELECT 1 FROM version_chunks lv WHERE lv.tenant = c.tenant AND lv.chunk = c.id
        AND lv.document = d.id AND lv.version = d.live_version))
"""


@dataclass(frozen=True, slots=True)
class SealedPassage:
    """A ready text with its title, both encrypted, that has no file."""

    title: bytes
    text: bytes


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
    chunking: Chunking = field(default_factory=Chunking)
    passage: SealedPassage | None = None


@dataclass(frozen=True, slots=True)
class VectorPlace:
    """Where a chunk's vector lies: a fp16 column file among the blobs, and the row in it."""

    key: str
    row: int
    sealed: bytes | None = None
    """The vector itself, encrypted, of a passage; it has no file, and `key` is empty."""


@dataclass(frozen=True, slots=True)
class StoredChunk:
    """A chunk to be indexed, as SQL has it; the payload is encrypted."""

    row: IndexRow
    document: DocumentId
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


def sources(connection: Connection, leases: Sequence[Lease], *, vault: Vault | None) -> dict[str, Source]:
    """The bytes that leased ingest jobs are about, by job; jobs of erased documents are missing.

    Without a vault, and for documents that were deleted, the name is the document's id.
    """
    rows = connection.execute(
        text("""
            SELECT a.job, a.tenant, d.id, d.collection, d.name_sealed, k.key_wrapped, d.deleted_at, v.version,
                   v.blob_key, v.size_bytes, c.settings, CASE WHEN v.blob_key = '' THEN v.title END AS title,
                   CASE WHEN v.blob_key = '' THEN v.text END AS text
            FROM unnest(CAST(:jobs AS text[]), CAST(:tenants AS text[]), CAST(:documents AS text[]),
                        CAST(:versions AS int[])) AS a(job, tenant, document, version)
            JOIN documents d ON d.tenant = a.tenant AND d.id = a.document
            LEFT JOIN document_keys k ON k.tenant = d.tenant AND k.document = d.id
            JOIN versions v ON v.tenant = a.tenant AND v.document = a.document AND v.version = a.version
            JOIN collections c ON c.tenant = d.tenant AND c.id = d.collection
        """),
        {
            "jobs": [held.job for held in leases],
            "tenants": [held.tenant for held in leases],
            "documents": [held.document.id for held in leases],
            "versions": [held.version for held in leases],
        },
    )
    return {row.job: _source(row, vault) for row in rows}


def _source(row: Row[tuple[object, ...]], vault: Vault | None) -> Source:
    document = DocumentId(TenantId(row.tenant), row.id)
    tenant, name = document.tenant, document.id
    if vault is not None and row.key_wrapped is not None:
        name = keys.open_name(keys.opened(vault, document, row), document, row.name_sealed)
    return Source(
        document=document,
        collection=CollectionId(tenant, row.collection),
        name=name,
        version=row.version,
        blob_key=row.blob_key,
        size_bytes=row.size_bytes,
        key_wrapped=bytes(row.key_wrapped) if row.key_wrapped is not None else None,
        deleted=row.deleted_at is not None,
        chunking=CollectionSettings.stored(row.settings).chunking,
        passage=None if row.text is None else SealedPassage(bytes(row.title), bytes(row.text)),
    )


def hold_document(connection: Connection, document: DocumentId) -> bool:
    """Keep a document from being deleted in this transaction. Returns False if it is deleted already."""
    row = connection.execute(
        text("SELECT deleted_at FROM documents WHERE tenant = :t AND id = :d FOR SHARE"),
        {"t": document.tenant, "d": document.id},
    ).one_or_none()
    return row is not None and row.deleted_at is None


def lock_document(connection: Connection, document: DocumentId) -> None:
    """Keep uploads to a document, if it is there, waiting until the end of this transaction."""
    connection.execute(
        text("SELECT 1 FROM documents WHERE tenant = :t AND id = :d FOR UPDATE"),
        {"t": document.tenant, "d": document.id},
    )


def named_blobs(connection: Connection, documents: Sequence[DocumentId]) -> set[str]:
    """Keys of blobs that documents need: the bytes of their versions and the vectors of their chunks."""
    rows = connection.execute(
        text("""
            WITH asked AS (SELECT * FROM unnest(CAST(:tenants AS text[]), CAST(:documents AS text[])) AS a(t, d))
            SELECT v.blob_key AS key FROM asked a JOIN versions v ON v.tenant = a.t AND v.document = a.d
            UNION SELECT c.vector_key FROM asked a JOIN chunks c ON c.tenant = a.t AND c.document = a.d
        """),
        {"tenants": [d.tenant for d in documents], "documents": [d.id for d in documents]},
    )
    return {row.key for row in rows}


@dataclass(frozen=True, slots=True)
class StageProgress:
    """How far a version is: `share` of all its way, and what is known of its size by now."""

    share: float
    pages: int | None = None
    chunks: int | None = None
    chunks_done: int | None = None

    @property
    def detail(self) -> dict[str, float]:
        known = {"pages": self.pages, "chunks": self.chunks, "chunks_done": self.chunks_done}
        return {"progress": round(self.share, 3)} | {key: n for key, n in known.items() if n is not None}


def show_progress(
    connection: Connection, state: VersionState, progress: Mapping[tuple[DocumentId, int], StageProgress]
) -> None:
    """Show how far versions have come, and note it in their history; never moves a final state."""
    if progress:
        connection.execute(
            _SET_PROGRESS,
            [
                {
                    "s": state,
                    "p": so_far.share,
                    "pages": so_far.pages,
                    "chunks": so_far.chunks,
                    "done": so_far.chunks_done,
                    "t": document.tenant,
                    "d": document.id,
                    "v": version,
                }
                for (document, version), so_far in progress.items()
            ],
        )
        noted = [(document, version, so_far.detail) for (document, version), so_far in progress.items()]
        events.record(connection, state, noted)


def set_progress(
    connection: Connection, document: DocumentId, version: int, state: VersionState, progress: float
) -> None:
    """`show_progress` for one version."""
    show_progress(connection, state, {(document, version): StageProgress(progress)})


def fail(
    connection: Connection,
    vault: Vault | None,
    document: DocumentId,
    version: int,
    *,
    code: str,
    reason: str,
) -> None:
    """End a version with a reason that people can act on.

    It is sealed with the document's key. Without a `vault`, or if the document was deleted meanwhile, only the code
    is kept, and people read what the table of reasons says of it.
    """
    wrapped = None if vault is None else keys.wrapped(connection, document)
    sealed = None
    if vault is not None and wrapped is not None:
        sealed = keys.seal_error(vault.document_key(document, wrapped), document, version, reason)
    connection.execute(
        text("""
            UPDATE versions SET state = 'failed', error_code = :code, error = :reason, updated_at = now()
            WHERE tenant = :t AND document = :d AND version = :v AND state <> 'ready'
        """),
        {"code": code, "reason": sealed, "t": document.tenant, "d": document.id, "v": version},
    )
    events.record(connection, VersionState.FAILED, [(document, version, {})])


def known_chunks(connection: Connection, documents: Sequence[DocumentId]) -> dict[ChunkId, VectorPlace]:
    """Chunks of documents that are stored, from any version, with the places of their vectors."""
    rows = connection.execute(
        text("""
            SELECT c.tenant, c.id, c.vector_key, c.vector_row
            FROM unnest(CAST(:tenants AS text[]), CAST(:documents AS text[])) AS a(tenant, document)
            JOIN chunks c ON c.tenant = a.tenant AND c.document = a.document
        """),
        {"tenants": [d.tenant for d in documents], "documents": [d.id for d in documents]},
    )
    return {ChunkId(TenantId(row.tenant), row.id): VectorPlace(row.vector_key, row.vector_row) for row in rows}


def store_chunks(
    connection: Connection,
    place: Source,
    key: Key,
    parsed: ParsedDocument,
    chunks: Sequence[Chunk],
    vectors: dict[ChunkId, VectorPlace],
) -> None:
    """Write text, chunks and their order, and hand the version to the indexer.

    `vectors` holds the places of the chunks that were embedded: those new to the document, and those whose vectors
    were lost. Repeating it changes nothing.
    """
    tenant, document = place.document
    at = {"t": tenant, "d": document, "v": place.version}
    _insert_chunks(connection, place, key, parsed.title, chunks, vectors)
    ordinals = parents.numbered(chunks)
    parents.replace(connection, place.document, place.version, key, ordinals, canonical=parsed.text, title=parsed.title)
    _replace_order(connection, at, chunks, ordinals)
    connection.execute(
        text("""
            UPDATE versions SET state = 'indexing', progress = 0.9, stage_at = now(), pages = :pages, chunks = :chunks,
                   title = :title, text = :text, parser = :parser, chunking = :chunking, language = :language,
                   media_type = :media, updated_at = now()
            WHERE tenant = :t AND document = :d AND version = :v AND state NOT IN ('ready', 'failed')
        """),
        at
        | {
            "pages": parsed.pages,
            "chunks": len(chunks),
            "title": key.seal(parsed.title.encode(), place=f"title:{document}:{place.version}"),
            "text": key.seal(parsed.text.encode(), place=f"text:{document}:{place.version}"),
            "parser": parsed.parser,
            "chunking": place.chunking.recipe,
            "language": parsed.language or None,
            "media": parsed.media_type,
        },
    )
    numbers = {"chunks": len(chunks), "embedded": len(vectors)}
    events.record(connection, VersionState.INDEXING, [(place.document, place.version, numbers)])
    notify(connection, INDEX_CHANNEL)


def _insert_chunks(
    connection: Connection,
    place: Source,
    key: Key,
    title: str,
    chunks: Sequence[Chunk],
    vectors: dict[ChunkId, VectorPlace],
) -> None:
    # In one order, so that two writers cannot wait in a ring.
    new = sorted((c for c in chunks if c.id in vectors), key=lambda c: c.id)
    if new:
        connection.execute(
            text("""
                INSERT INTO chunks (tenant, id, document, payload, tokens, vector_key, vector_row)
                SELECT :t, a.id, :d, a.payload, a.tokens, a.key, a.row
                FROM unnest(CAST(:ids AS text[]), CAST(:payloads AS bytea[]), CAST(:tokens AS int[]),
                            CAST(:keys AS text[]), CAST(:rows AS int[])) AS a(id, payload, tokens, key, row)
                ON CONFLICT (tenant, id)
                DO UPDATE SET vector_key = excluded.vector_key, vector_row = excluded.vector_row,
                              payload = excluded.payload
            """),
            {
                "t": place.document.tenant,
                "d": place.document.id,
                "ids": [c.id.id for c in new],
                "payloads": [ChunkPayload(c.text, c.heading_path, title, c.context).seal(key, c.id.id) for c in new],
                "tokens": [c.tokens for c in new],
                "keys": [vectors[c.id].key for c in new],
                "rows": [vectors[c.id].row for c in new],
            },
        )


def _replace_order(
    connection: Connection, version: Mapping[str, object], chunks: Sequence[Chunk], ordinals: Mapping[Parent, int]
) -> None:
    """Write which chunks a version has, in which order; `version` holds its `t`, `d` and `v`."""
    connection.execute(text("DELETE FROM version_chunks WHERE tenant = :t AND document = :d AND version = :v"), version)
    connection.execute(
        text("""
            INSERT INTO version_chunks
              (tenant, document, version, ordinal, chunk, start_char, end_char, page_first, page_last, parent)
            SELECT :t, :d, :v, a.*
            FROM unnest(CAST(:ordinals AS int[]), CAST(:chunks AS text[]), CAST(:starts AS int[]), CAST(:ends AS int[]),
                        CAST(:first AS int[]), CAST(:last AS int[]), CAST(:parents AS int[])) AS a
        """),
        {
            **version,
            "ordinals": [c.ordinal for c in chunks],
            "chunks": [c.id.id for c in chunks],
            "starts": [c.start for c in chunks],
            "ends": [c.end for c in chunks],
            "first": [c.page_first for c in chunks],
            "last": [c.page_last for c in chunks],
            "parents": [None if c.parent is None else ordinals[c.parent] for c in chunks],
        },
    )


def pending_versions(connection: Connection, *, limit_chunks: int) -> list[PendingVersion]:
    """Versions that wait for the indexes, up to about `limit_chunks` chunks (at least one version).

    Interactive uploads go before bulk loads, and older ones before younger. Of a document only the newest is
    returned: what leaves the indexes with one version may be part of the next.
    """
    rows = connection.execute(
        text("""
            SELECT v.tenant, v.document, d.collection, v.version, v.chunks
            FROM versions v JOIN documents d ON d.tenant = v.tenant AND d.id = v.document AND d.deleted_at IS NULL
            WHERE v.state = 'indexing' AND NOT EXISTS (
                SELECT 1 FROM versions n WHERE n.tenant = v.tenant AND n.document = v.document
                AND n.version > v.version AND n.state = 'indexing')
            ORDER BY v.priority, v.updated_at LIMIT :limit
        """),
        {"limit": limit_chunks},
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


def chunks_to_index(connection: Connection, pending: Sequence[PendingVersion]) -> list[StoredChunk]:
    """Chunks of versions that the live versions do not have, so that the indexes lack them; each once.

    Versions older than the live one need none.
    """
    rows = connection.execute(
        text(f"""
            SELECT DISTINCT ON (c.tenant, c.id) {_STORED}
            FROM unnest(CAST(:tenants AS text[]), CAST(:documents AS text[]), CAST(:versions AS int[]))
                 AS a(tenant, document, version)
            JOIN documents d ON d.tenant = a.tenant AND d.id = a.document
                 AND (d.live_version IS NULL OR d.live_version < a.version)
            {_WITH_KEY}
            JOIN version_chunks vc ON vc.tenant = a.tenant AND vc.document = a.document AND vc.version = a.version
            JOIN chunks c ON c.tenant = vc.tenant AND c.id = vc.chunk
            WHERE NOT EXISTS (
                SELECT 1 FROM version_chunks o WHERE o.tenant = c.tenant AND o.chunk = c.id
                AND o.document = d.id AND o.version = d.live_version)
            ORDER BY c.tenant, c.id
        """),
        {
            "tenants": [p.document.tenant for p in pending],
            "documents": [p.document.id for p in pending],
            "versions": [p.version for p in pending],
        },
    )
    return [_stored(row) for row in rows]


def go_live(connection: Connection, pending: Sequence[PendingVersion]) -> dict[CollectionId, list[ChunkId]]:
    """Make versions of different documents those that readers see, all in one step.

    A version stays hidden if a newer one is live, the document is gone, or the work on it was cancelled. Returns the
    chunks that no longer belong to a live version and must leave the indexes.
    """
    before = _lock_documents(connection, pending)
    indexed = _make_ready(connection, pending)
    shown = [
        one
        for one in pending
        if (row := before[one.document]).deleted_at is None
        and (row.live_version or 0) < one.version
        and one.document in indexed
    ]
    events.record(connection, VersionState.READY, [(o.document, o.version, {"chunks": o.chunks}) for o in pending])
    _show(connection, shown)
    for collection in sorted({one.collection for one in shown}):
        collections.advance_sequence(connection, collection)
    replacement.note_first(connection, [(o.document, o.version) for o in shown if not before[o.document].live_version])
    leaving = defaultdict[CollectionId, list[ChunkId]](list)
    live = {one.document for one in shown}
    for one in pending:
        before_live = before[one.document].live_version
        if one.document not in live:
            replacement.mark_replaced(connection, one.document, live=before_live)
            leaving[one.collection] += replacement.only_in(connection, one.document, one.version, before_live)
        elif before_live is not None:
            leaving[one.collection] += replacement.replace_version(
                connection, one.document, before_live, by=one.version
            )
    return {collection: chunks for collection, chunks in leaving.items() if chunks}


def _lock_documents(
    connection: Connection, pending: Sequence[PendingVersion]
) -> dict[DocumentId, Row[tuple[object, ...]]]:
    rows = connection.execute(
        text("""
            SELECT tenant, id, live_version, deleted_at FROM documents
            WHERE (tenant, id) IN (SELECT * FROM unnest(CAST(:tenants AS text[]), CAST(:documents AS text[])))
            ORDER BY tenant, id FOR UPDATE
        """),
        _places(pending),
    )
    return {DocumentId(TenantId(row.tenant), row.id): row for row in rows}


def _make_ready(connection: Connection, pending: Sequence[PendingVersion]) -> set[DocumentId]:
    rows = connection.execute(
        text("""
            UPDATE versions v SET state = 'ready', progress = 1, stage_at = now(), updated_at = now()
            FROM unnest(CAST(:tenants AS text[]), CAST(:documents AS text[]), CAST(:versions AS int[]))
                 AS a(tenant, document, version)
            WHERE v.tenant = a.tenant AND v.document = a.document AND v.version = a.version AND v.state = 'indexing'
            RETURNING v.tenant, v.document
        """),
        _places(pending),
    )
    return {DocumentId(TenantId(row.tenant), row.document) for row in rows}


def _show(connection: Connection, shown: Sequence[PendingVersion]) -> None:
    if shown:
        connection.execute(
            text("""
                UPDATE documents d SET live_version = a.version, updated_at = now()
                FROM unnest(CAST(:tenants AS text[]), CAST(:documents AS text[]), CAST(:versions AS int[]))
                     AS a(tenant, document, version)
                WHERE d.tenant = a.tenant AND d.id = a.document
            """),
            _places(shown),
        )


def _places(versions: Sequence[PendingVersion]) -> dict[str, object]:
    return {
        "tenants": [one.document.tenant for one in versions],
        "documents": [one.document.id for one in versions],
        "versions": [one.version for one in versions],
    }


def live_rows(
    connection: Connection, collection: CollectionId, *, after: str, limit: int, document: DocumentId | None = None
) -> list[StoredChunk]:
    """What the indexes of a collection (or of one document) must hold, by chunk id after `after`; for rebuilding."""
    own = "" if document is None else "c.document = :d AND"
    rows = connection.execute(
        text(f"""
            SELECT {_STORED} FROM chunks c JOIN documents d ON d.tenant = c.tenant AND d.id = c.document {_WITH_KEY}
            WHERE c.tenant = :t AND {own} c.id > :after AND d.collection = :c AND {_IS_LIVE}
            ORDER BY c.id LIMIT :limit
        """),
        {"t": collection.tenant, "c": collection.id, "after": after, "limit": limit}
        | ({} if document is None else {"d": document.id}),
    )
    return [_stored(row) for row in rows]


def live_among(connection: Connection, collection: CollectionId, chunks: Sequence[ChunkId]) -> list[StoredChunk]:
    """Those of `chunks` that the indexes must hold."""
    rows = connection.execute(
        text(f"""
            SELECT {_STORED} FROM chunks c JOIN documents d ON d.tenant = c.tenant AND d.id = c.document {_WITH_KEY}
            WHERE c.tenant = :t AND c.id = ANY(:ids) AND d.collection = :c AND {_IS_LIVE}
        """),
        {"t": collection.tenant, "c": collection.id, "ids": [chunk.id for chunk in chunks]},
    )
    return [_stored(row) for row in rows]


@dataclass(frozen=True, slots=True)
class IndexedCollection:
    """A collection whose indexes can be checked against SQL."""

    id: CollectionId
    epoch: int
    deleted: bool


def indexed_collections(connection: Connection) -> list[IndexedCollection]:
    """Every collection of every tenant, deleted ones as well."""
    rows = connection.execute(text("SELECT tenant, id, epoch, deleted_at FROM collections ORDER BY tenant, id"))
    return [IndexedCollection(CollectionId(TenantId(r.tenant), r.id), r.epoch, r.deleted_at is not None) for r in rows]


def collection_named(connection: Connection, name: str) -> list[CollectionId]:
    """The collections of this name, of any tenant; for the operator, who sees all."""
    rows = connection.execute(
        text("SELECT tenant, id FROM collections WHERE name = :n AND deleted_at IS NULL ORDER BY tenant"), {"n": name}
    )
    return [CollectionId(TenantId(row.tenant), row.id) for row in rows]


def acls_in(connection: Connection, collection: CollectionId) -> frozenset[AclId]:
    """The access rules that documents of a collection have; for the operator, who sees all."""
    rows = connection.execute(
        text("SELECT DISTINCT acl FROM documents WHERE tenant = :t AND collection = :c AND deleted_at IS NULL"),
        {"t": collection.tenant, "c": collection.id},
    )
    return frozenset(AclId(row.acl) for row in rows)


def index_truth(
    connection: Connection,
    collection: CollectionId,
    *,
    after: str,
    limit: int,
    changed_since: datetime | None = None,
) -> list[tuple[ChunkId, bool]]:
    """Stored chunks of a collection by id after `after`, each with whether the indexes must hold it or must not.

    Chunks on their way in are left out, and those of deleted documents, which their own jobs remove.
    `changed_since` looks only at documents that changed after it.
    """
    rows = connection.execute(
        text(f"""
            SELECT c.id, {_IS_LIVE} AS live FROM chunks c
            JOIN documents d ON d.tenant = c.tenant AND d.id = c.document
            WHERE c.tenant = :t AND c.id > :after AND d.collection = :c AND d.deleted_at IS NULL
              AND (CAST(:since AS timestamptz) IS NULL OR d.updated_at > :since)
              AND NOT (EXISTS (
                SELECT 1 FROM version_chunks vc
                JOIN versions v ON v.tenant = vc.tenant AND v.document = vc.document AND v.version = vc.version
                WHERE vc.tenant = c.tenant AND vc.chunk = c.id AND v.state = 'indexing') AND NOT {_IS_LIVE})
            ORDER BY c.id LIMIT :limit
        """),
        {"t": collection.tenant, "c": collection.id, "after": after, "limit": limit, "since": changed_since},
    )
    return [(ChunkId(collection.tenant, row.id), row.live) for row in rows]


def is_emptied(connection: Connection, collection: CollectionId) -> bool:
    """Whether nothing of a collection's documents is stored any more."""
    row = connection.execute(
        text("""
            SELECT 1 FROM documents d LEFT JOIN tombstones s ON s.tenant = d.tenant AND s.document = d.id
            WHERE d.tenant = :t AND d.collection = :c AND s.erased_at IS NULL LIMIT 1
        """),
        {"t": collection.tenant, "c": collection.id},
    ).one_or_none()
    return row is None


def chunks_of(connection: Connection, document: DocumentId) -> tuple[CollectionId, list[ChunkId]]:
    """All chunks of a document in any version, with its collection; for deletion."""
    collection = connection.execute(
        text("SELECT collection FROM documents WHERE tenant = :t AND id = :d"),
        {"t": document.tenant, "d": document.id},
    ).scalar_one()
    return CollectionId(document.tenant, collection), sorted(known_chunks(connection, [document]))


def erase(connection: Connection, document: DocumentId) -> None:
    """Remove the texts, chunks and versions of a document whose key is destroyed; the tombstone stays."""
    at = {"t": document.tenant, "d": document.id}
    removed = {
        table: connection.execute(text(f"DELETE FROM {table} WHERE tenant = :t AND document = :d"), at).rowcount
        for table in ("versions", "chunks", "document_events")
    }
    erasures.count(connection, document, {f"postgres.{table}": count for table, count in removed.items()})
    connection.execute(
        text("UPDATE documents SET name_sealed = NULL, metadata_sealed = NULL WHERE tenant = :t AND id = :d"), at
    )
    source_items.leave_out(connection, document)
    connection.execute(text("UPDATE tombstones SET erased_at = now() WHERE tenant = :t AND document = :d"), at)


def version_text(connection: Connection, document: DocumentId, version: int, key: Key) -> str:
    """The canonical text of a version."""
    sealed = connection.execute(
        text("SELECT text FROM versions WHERE tenant = :t AND document = :d AND version = :v"),
        {"t": document.tenant, "d": document.id, "v": version},
    ).scalar_one_or_none()
    return "" if sealed is None else key.open(bytes(sealed), place=f"text:{document.id}:{version}").decode()


def _stored(row: Row[tuple[object, ...]]) -> StoredChunk:
    tenant = TenantId(row.tenant)
    return StoredChunk(
        row=IndexRow(ChunkId(tenant, row.id), CollectionId(tenant, row.collection), AclId(row.acl)),
        document=DocumentId(tenant, row.document),
        payload=bytes(row.payload),
        key_wrapped=bytes(row.key_wrapped) if row.key_wrapped is not None else None,
        vector=VectorPlace(row.vector_key, row.vector_row, None if row.vector is None else bytes(row.vector)),
    )
