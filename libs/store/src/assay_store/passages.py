"""Ready passages in bulk: many documents of one short text each, written and stored by a few statements.

A passage has no file: its sealed text is in its version's row from the start, and its vector, sealed with the same
key, in its chunk's row. So a million of them are rows, not files, and erasing one is erasing its rows and its key.
"""

import hashlib
import json
from collections.abc import Collection as Several
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from assay_core.documents import AclId, Chunk, Collection, DocumentId, VersionState
from assay_core.jobs import JobState, Lease, Priority
from assay_core.metadata import MetadataValue
from sqlalchemy import Connection, Row, text

from assay_store import document_fields, jobs, keys, outbox
from assay_store.database import notify
from assay_store.documents import INDEX_CHANNEL
from assay_store.encryption import Key, Vault
from assay_store.ids import new_id
from assay_store.payloads import ChunkPayload
from assay_store.pipeline import Source

MEDIA_TYPE = "text/plain"


@dataclass(frozen=True, slots=True)
class Passage:
    """A text that is ready to be embedded. `metadata` replaces the document's, if given."""

    name: str
    title: str
    text: str
    metadata: Mapping[str, MetadataValue] | None = None

    @property
    def sha256(self) -> str:
        return hashlib.sha256(json.dumps([self.title, self.text]).encode()).hexdigest()

    @property
    def size_bytes(self) -> int:
        return len(self.title.encode()) + len(self.text.encode())


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of passages, by name. `refused` are those whose names belong to documents that may not be read."""

    created: int
    changed: int
    unchanged: int
    refused: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Target:
    passage: Passage
    document: DocumentId
    version: int
    key: Key
    wrapped: bytes
    name_digest: bytes
    is_new: bool


def record(
    connection: Connection,
    vault: Vault,
    collection: Collection,
    passages: Sequence[Passage],
    *,
    readable: Several[AclId],
    priority: Priority = Priority.BULK,
    batch: str | None = None,
) -> Taken:
    """Write documents, versions, jobs and one outbox row for passages of different names, in this transaction.

    Raises `IntegrityError` if somebody else makes a document of one of the names at this moment: call again.
    """
    digests = {p.name: vault.name_digest(collection.id, p.name) for p in passages}
    found = _existing(connection, collection, digests)
    refused = tuple(name for name, row in found.items() if row.acl not in readable)
    targets: list[_Target] = []
    unchanged: list[tuple[DocumentId, Key, Passage]] = []
    for passage in passages:
        row, digest = found.get(passage.name), digests[passage.name]
        if row is None:
            document = DocumentId(collection.id.tenant, new_id())
            targets.append(_Target(passage, document, 1, *vault.new_document_key(document), digest, is_new=True))
        elif row.acl in readable:
            document = DocumentId(collection.id.tenant, row.id)
            wrapped = bytes(row.key_wrapped)
            key = vault.document_key(document, wrapped)
            if _is_unchanged(row, key, document, passage):
                unchanged.append((document, key, passage))
            else:
                version = row.latest_version + 1
                targets.append(_Target(passage, document, version, key, wrapped, digest, is_new=False))
    _set_metadata(connection, unchanged + [(t.document, t.key, t.passage) for t in targets if not t.is_new])
    if targets:
        _write_documents(connection, collection, targets)
        _write_versions(connection, collection, targets, priority, batch)
        _write_jobs(connection, collection, targets, priority)
    for document, _, passage in [*unchanged, *((t.document, t.key, t.passage) for t in targets)]:
        if passage.metadata is not None and collection.settings.fields:
            document_fields.replace(connection, vault, document, collection.settings.fields, passage.metadata)
    created = sum(t.is_new for t in targets)
    return Taken(created, len(targets) - created, len(unchanged), refused)


def _is_unchanged(row: Row[tuple[object, ...]], key: Key, document: DocumentId, passage: Passage) -> bool:
    if row.state in (None, VersionState.FAILED):
        return False
    return keys.open_sha256(key, document, row.sha256) == passage.sha256


def _existing(
    connection: Connection, collection: Collection, digests: Mapping[str, bytes]
) -> dict[str, Row[tuple[object, ...]]]:
    rows = connection.execute(
        text("""
            SELECT k.name_digest, d.id, d.acl, k.key_wrapped, d.latest_version, v.sha256, v.state FROM document_keys k
            JOIN documents d ON d.tenant = k.tenant AND d.id = k.document
            LEFT JOIN versions v ON v.tenant = d.tenant AND v.document = d.id AND v.version = d.latest_version
            WHERE k.tenant = :t AND k.collection = :c AND k.name_digest = ANY(:digests) AND d.deleted_at IS NULL
            ORDER BY d.id FOR UPDATE OF d
        """),
        {"t": collection.id.tenant, "c": collection.id.id, "digests": list(digests.values())},
    )
    names = {digest: name for name, digest in digests.items()}
    return {names[bytes(row.name_digest)]: row for row in rows}


def _set_metadata(connection: Connection, given: Sequence[tuple[DocumentId, Key, Passage]]) -> None:
    changed = [
        (document, keys.seal_metadata(key, document, passage.metadata))
        for document, key, passage in given
        if passage.metadata is not None
    ]
    if changed:
        connection.execute(
            text("""
                UPDATE documents d SET metadata_sealed = a.m
                FROM unnest(CAST(:documents AS text[]), CAST(:metadata AS bytea[])) AS a(document, m)
                WHERE d.tenant = :t AND d.id = a.document
            """),
            {
                "t": changed[0][0].tenant,
                "documents": [document.id for document, _ in changed],
                "metadata": [metadata for _, metadata in changed],
            },
        )


def _write_documents(connection: Connection, collection: Collection, targets: Sequence[_Target]) -> None:
    new, old = [t for t in targets if t.is_new], [t for t in targets if not t.is_new]
    if new:
        connection.execute(
            text("""
                WITH made AS (
                    INSERT INTO documents (tenant, id, collection, name_sealed, acl, metadata_sealed, latest_version)
                    SELECT :t, a.id, :c, a.name, :acl, a.m, 1
                    FROM unnest(CAST(:ids AS text[]), CAST(:names AS bytea[]), CAST(:metadata AS bytea[]))
                         AS a(id, name, m)
                )
                INSERT INTO document_keys (tenant, document, collection, name_digest, key_wrapped)
                SELECT :t, a.id, :c, a.digest, a.key
                FROM unnest(CAST(:ids AS text[]), CAST(:digests AS bytea[]), CAST(:keys AS bytea[]))
                     AS a(id, digest, key)
            """),
            {
                "t": collection.id.tenant,
                "c": collection.id.id,
                "acl": collection.default_acl,
                "ids": [t.document.id for t in new],
                "names": [keys.seal_name(t.key, t.document, t.passage.name) for t in new],
                "digests": [t.name_digest for t in new],
                "keys": [t.wrapped for t in new],
                "metadata": [keys.seal_metadata(t.key, t.document, t.passage.metadata or {}) for t in new],
            },
        )
    if old:
        connection.execute(
            text("""
                UPDATE documents d SET latest_version = a.version, updated_at = now()
                FROM unnest(CAST(:ids AS text[]), CAST(:versions AS int[])) AS a(id, version)
                WHERE d.tenant = :t AND d.id = a.id
            """),
            {
                "t": collection.id.tenant,
                "ids": [t.document.id for t in old],
                "versions": [t.version for t in old],
            },
        )
        for target in old:
            jobs.settle(connection, target.document)


def _write_versions(
    connection: Connection,
    collection: Collection,
    targets: Sequence[_Target],
    priority: Priority,
    batch: str | None,
) -> None:
    connection.execute(
        text("""
            INSERT INTO versions (tenant, document, version, state, sha256, size_bytes, media_type, blob_key, title,
                                  text, priority, batch, chunking)
            SELECT :t, a.document, a.version, 'received', a.sha256, a.size, :media, '', a.title, a.text, :priority,
                   :batch, :chunking
            FROM unnest(CAST(:documents AS text[]), CAST(:versions AS int[]), CAST(:hashes AS bytea[]),
                        CAST(:sizes AS bigint[]), CAST(:titles AS bytea[]), CAST(:texts AS bytea[]))
                 AS a(document, version, sha256, size, title, text)
        """),
        {
            "t": collection.id.tenant,
            "media": MEDIA_TYPE,
            "priority": priority,
            "batch": batch,
            "chunking": collection.settings.chunking.recipe,
            "documents": [t.document.id for t in targets],
            "versions": [t.version for t in targets],
            "hashes": [keys.seal_sha256(t.key, t.document, t.passage.sha256) for t in targets],
            "sizes": [t.passage.size_bytes for t in targets],
            "titles": [
                t.key.seal(t.passage.title.encode(), place=f"title:{t.document.id}:{t.version}") for t in targets
            ],
            "texts": [t.key.seal(t.passage.text.encode(), place=f"text:{t.document.id}:{t.version}") for t in targets],
        },
    )


def _write_jobs(connection: Connection, collection: Collection, targets: Sequence[_Target], priority: Priority) -> None:
    ids = [new_id() for _ in targets]
    connection.execute(
        text("""
            INSERT INTO jobs (tenant, id, kind, document, version, collection, priority, size_bytes, passage, state)
            SELECT :t, a.id, 'ingest', a.document, a.version, :c, :priority, a.size, true, :state
            FROM unnest(CAST(:ids AS text[]), CAST(:documents AS text[]), CAST(:versions AS int[]),
                        CAST(:sizes AS bigint[])) AS a(id, document, version, size)
        """),
        {
            "t": collection.id.tenant,
            "c": collection.id.id,
            "priority": priority,
            "state": JobState.WAITING,
            "ids": ids,
            "documents": [t.document.id for t in targets],
            "versions": [t.version for t in targets],
            "sizes": [t.passage.size_bytes for t in targets],
        },
    )
    # One ring for all of them: whoever answers goes on until none is left.
    outbox.add(connection, tenant=collection.id.tenant, task=jobs.INGEST_TASK, job=ids[0])


@dataclass(frozen=True, slots=True)
class Embedded:
    """A passage with its chunks; `vectors` holds the new ones' vectors as fp16 bytes, by chunk id.

    `language` is empty where nobody looked.
    """

    held: Lease
    source: Source
    key: Key
    title: str
    chunks: Sequence[Chunk]
    vectors: Mapping[str, bytes]
    language: str = ""


def store(connection: Connection, embedded: Sequence[Embedded]) -> list[Embedded]:
    """Write chunks, vectors and their order, hand the versions to the indexer and finish the jobs.

    Returns those that were stored; the others were cancelled, taken over or deleted meanwhile. Repeating it changes
    nothing.
    """
    ours = _held(connection, [one.held for one in embedded])
    there = _undeleted(connection, [one.held.document for one in embedded if one.held.job in ours])
    kept = [one for one in embedded if one.held.job in ours and one.held.document in there]
    if kept:
        _write_chunks(connection, kept)
        _write_order(connection, kept)
        _hand_over(connection, kept)
        notify(connection, INDEX_CHANNEL)
    _finish(connection, [one.held for one in embedded if one.held.job in ours])
    return kept


def _held(connection: Connection, leases: Sequence[Lease]) -> set[str]:
    rows = connection.execute(
        text("""
            SELECT j.id FROM unnest(CAST(:tenants AS text[]), CAST(:jobs AS text[]), CAST(:epochs AS bigint[]))
                 AS a(tenant, job, epoch)
            JOIN jobs j ON j.tenant = a.tenant AND j.id = a.job AND j.epoch = a.epoch AND j.state = 'leased'
            ORDER BY j.tenant, j.id FOR UPDATE OF j
        """),
        {
            "tenants": [held.tenant for held in leases],
            "jobs": [held.job for held in leases],
            "epochs": [held.epoch for held in leases],
        },
    )
    return {row.id for row in rows}


def _undeleted(connection: Connection, documents: Sequence[DocumentId]) -> set[DocumentId]:
    rows = connection.execute(
        text("""
            SELECT d.tenant, d.id FROM unnest(CAST(:tenants AS text[]), CAST(:ids AS text[])) AS a(tenant, id)
            JOIN documents d ON d.tenant = a.tenant AND d.id = a.id AND d.deleted_at IS NULL
            ORDER BY d.tenant, d.id FOR SHARE OF d
        """),
        {"tenants": [d.tenant for d in documents], "ids": [d.id for d in documents]},
    )
    return {DocumentId(row.tenant, row.id) for row in rows}


def _write_chunks(connection: Connection, embedded: Sequence[Embedded]) -> None:
    new = sorted(
        ((chunk, one) for one in embedded for chunk in one.chunks if chunk.id.id in one.vectors),
        key=lambda pair: pair[0].id,  # in one order, so that two writers cannot wait in a ring
    )
    if new:
        connection.execute(
            text("""
                INSERT INTO chunks (tenant, id, document, payload, tokens, vector_key, vector_row, vector)
                SELECT a.tenant, a.id, a.document, a.payload, a.tokens, '', 0, a.vector
                FROM unnest(CAST(:tenants AS text[]), CAST(:ids AS text[]), CAST(:documents AS text[]),
                            CAST(:payloads AS bytea[]), CAST(:tokens AS int[]), CAST(:vectors AS bytea[]))
                     AS a(tenant, id, document, payload, tokens, vector)
                ON CONFLICT (tenant, id) DO UPDATE SET vector = excluded.vector, vector_key = '', vector_row = 0
            """),
            {
                "tenants": [chunk.id.tenant for chunk, _ in new],
                "ids": [chunk.id.id for chunk, _ in new],
                "documents": [chunk.document.id for chunk, _ in new],
                "payloads": [
                    ChunkPayload(chunk.text, chunk.heading_path, one.title, chunk.context).seal(one.key, chunk.id.id)
                    for chunk, one in new
                ],
                "tokens": [chunk.tokens for chunk, _ in new],
                "vectors": [
                    one.key.seal(one.vectors[chunk.id.id], place=f"vector:{chunk.id.id}") for chunk, one in new
                ],
            },
        )


def _write_order(connection: Connection, embedded: Sequence[Embedded]) -> None:
    connection.execute(
        text("""
            DELETE FROM version_chunks vc
            USING unnest(CAST(:tenants AS text[]), CAST(:documents AS text[]), CAST(:versions AS int[]))
                  AS a(tenant, document, version)
            WHERE vc.tenant = a.tenant AND vc.document = a.document AND vc.version = a.version
        """),
        _versions(embedded),
    )
    rows = [(chunk, one.source.version) for one in embedded for chunk in one.chunks]
    connection.execute(
        text("""
            INSERT INTO version_chunks (tenant, document, version, ordinal, chunk, start_char, end_char)
            SELECT * FROM unnest(CAST(:tenants AS text[]), CAST(:documents AS text[]), CAST(:versions AS int[]),
                CAST(:ordinals AS int[]), CAST(:chunks AS text[]), CAST(:starts AS int[]), CAST(:ends AS int[]))
        """),
        {
            "tenants": [chunk.id.tenant for chunk, _ in rows],
            "documents": [chunk.document.id for chunk, _ in rows],
            "versions": [version for _, version in rows],
            "ordinals": [chunk.ordinal for chunk, _ in rows],
            "chunks": [chunk.id.id for chunk, _ in rows],
            "starts": [chunk.start for chunk, _ in rows],
            "ends": [chunk.end for chunk, _ in rows],
        },
    )


def _hand_over(connection: Connection, embedded: Sequence[Embedded]) -> None:
    connection.execute(
        text("""
            UPDATE versions v SET state = 'indexing', progress = 0.9, chunks = a.chunks, chunks_kept = a.kept,
                   parser = 'passage', language = nullif(a.language, ''), stage_at = now(), updated_at = now()
            FROM unnest(CAST(:tenants AS text[]), CAST(:documents AS text[]), CAST(:versions AS int[]),
                        CAST(:chunks AS int[]), CAST(:kept AS int[]), CAST(:languages AS text[]))
                 AS a(tenant, document, version, chunks, kept, language)
            WHERE v.tenant = a.tenant AND v.document = a.document AND v.version = a.version
              AND v.state NOT IN ('ready', 'failed')
        """),
        _versions(embedded)
        | {
            "chunks": [len(one.chunks) for one in embedded],
            "kept": [len(one.chunks) - len(one.vectors) for one in embedded],
            "languages": [one.language for one in embedded],
        },
    )


def _versions(embedded: Sequence[Embedded]) -> dict[str, object]:
    return {
        "tenants": [one.source.document.tenant for one in embedded],
        "documents": [one.source.document.id for one in embedded],
        "versions": [one.source.version for one in embedded],
    }


def _finish(connection: Connection, leases: Sequence[Lease]) -> None:
    connection.execute(
        text("""
            UPDATE jobs j SET state = 'done', owner = NULL, lease_until = NULL, error_code = NULL,
                   updated_at = now()
            FROM unnest(CAST(:tenants AS text[]), CAST(:jobs AS text[])) AS a(tenant, job)
            WHERE j.tenant = a.tenant AND j.id = a.job
        """),
        {"tenants": [held.tenant for held in leases], "jobs": [held.job for held in leases]},
    )
