"""Documents and their versions: uploads, listing, deletion."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from assay_core.documents import (
    AclId,
    Collection,
    CollectionId,
    Document,
    DocumentId,
    TenantId,
    Version,
    VersionState,
)
from assay_core.errors import Conflict, NotFound
from assay_core.jobs import JobKind, JobState, Priority
from assay_core.metadata import MetadataValue
from assay_core.principals import Principal
from sqlalchemy import Connection, Row, insert, text

from assay_store import collections, document_fields, events, jobs, visibility
from assay_store.database import notify
from assay_store.encryption import Key, Vault
from assay_store.ids import new_id
from assay_store.tables import tombstones, versions

INDEX_CHANNEL = "assay_index"


@dataclass(frozen=True, slots=True)
class UploadTarget:
    """Where an upload goes: an existing document of that name, or a new one."""

    document: DocumentId
    collection: CollectionId
    name: str
    acl: AclId
    key: Key
    key_wrapped: bytes

    def blob_key(self, sha256: str) -> str:
        return f"documents/{self.document.tenant}/{self.document.id}/{sha256}"


@dataclass(frozen=True, slots=True)
class StoredBlob:
    """What was received, before anyone looked into it."""

    sha256: str
    size_bytes: int
    media_type: str


@dataclass(frozen=True, slots=True)
class Upload:
    """The result of an upload. `unchanged` means that the newest version has these bytes already."""

    document: DocumentId
    version: int
    job: str | None
    unchanged: bool


def upload_target(
    connection: Connection, vault: Vault, collection: CollectionId, name: str, *, acl: AclId
) -> UploadTarget:
    """The document that an upload of `name` would make a version of."""
    row = connection.execute(
        text("""
            SELECT id, acl, key_wrapped FROM documents
            WHERE tenant = :t AND collection = :c AND name = :n AND deleted_at IS NULL
        """),
        {"t": collection.tenant, "c": collection.id, "n": name},
    ).one_or_none()
    if row is not None:
        document = DocumentId(collection.tenant, row.id)
        wrapped = bytes(row.key_wrapped)
        return UploadTarget(document, collection, name, AclId(row.acl), vault.document_key(document, wrapped), wrapped)
    document = DocumentId(collection.tenant, new_id())
    key, wrapped = vault.new_document_key(document)
    return UploadTarget(document, collection, name, acl, key, wrapped)


def record_upload(
    connection: Connection,
    target: UploadTarget,
    blob: StoredBlob,
    *,
    metadata: Mapping[str, MetadataValue] | None = None,
    priority: Priority = Priority.INTERACTIVE,
    batch: str | None = None,
) -> Upload:
    """Write document, version, job and outbox row in this transaction. `metadata` replaces the document's, if given.

    Two first uploads of one name at the same time meet in the unique index; the later one gets `IntegrityError`
    and is retried by the caller with a fresh `upload_target`.
    """
    tenant, document = target.document
    connection.execute(
        text("""
            INSERT INTO documents (tenant, id, collection, name, acl, key_wrapped)
            VALUES (:t, :d, :c, :n, :acl, :key) ON CONFLICT (tenant, id) DO NOTHING
        """),
        {
            "t": tenant,
            "d": document,
            "c": target.collection.id,
            "n": target.name,
            "acl": target.acl,
            "key": target.key_wrapped,
        },
    )
    row = connection.execute(
        text("""
            SELECT d.latest_version, d.deleted_at, v.sha256, v.state FROM documents d
            LEFT JOIN versions v ON v.tenant = d.tenant AND v.document = d.id AND v.version = d.latest_version
            WHERE d.tenant = :t AND d.id = :d FOR UPDATE OF d
        """),
        {"t": tenant, "d": document},
    ).one()
    if row.deleted_at is not None:
        raise NotFound(f"{target.name!r} was deleted during the upload; send it again.", code="document_not_found")
    if metadata is not None:
        connection.execute(
            text("UPDATE documents SET metadata = CAST(:m AS jsonb) WHERE tenant = :t AND id = :d"),
            {"m": json.dumps(dict(metadata)), "t": tenant, "d": document},
        )
    if row.sha256 == blob.sha256 and row.state != VersionState.FAILED:
        return Upload(target.document, row.latest_version, None, unchanged=True)
    return _new_version(
        connection,
        target.document,
        row.latest_version + 1,
        blob,
        collection=target.collection.id,
        blob_key=target.blob_key(blob.sha256),
        priority=priority,
        batch=batch,
    )


def retry(connection: Connection, document: DocumentId) -> Upload:
    """Work on a document again whose newest version failed: a new version of the same bytes.

    Raises:
        NotFound: it was deleted.
        Conflict: its newest version did not fail.
    """
    row = connection.execute(
        text("""
            SELECT d.name, v.version, v.state FROM documents d JOIN versions v
              ON v.tenant = d.tenant AND v.document = d.id AND v.version = d.latest_version
            WHERE d.tenant = :t AND d.id = :d AND d.deleted_at IS NULL FOR UPDATE OF d
        """),
        {"t": document.tenant, "d": document.id},
    ).one_or_none()
    if row is None:
        raise NotFound(f"There is no document {document.id!r}.", code="document_not_found")
    if row.state != VersionState.FAILED:
        raise Conflict(
            f"{row.name!r} did not fail: its version {row.version} is {row.state}. Only failed documents are tried"
            " again; to change it, upload it anew.",
            code="not_failed",
        )
    return _again(connection, document)


def rechunk(connection: Connection, collection: Collection, *, limit: int) -> int:
    """Divide up to `limit` documents anew by the collection's present settings, as new versions of the same bytes.

    Readers see the version that they have until the new one is in the indexes. Returns how many were begun;
    documents in work or failed are not among them.
    """
    due = collections.rechunk_due(connection, collection, limit=limit)
    for document in due:
        _again(connection, document, priority=Priority.BULK)
    return len(due)


def _again(connection: Connection, document: DocumentId, *, priority: Priority | None = None) -> Upload:
    row = connection.execute(
        text("""
            SELECT d.collection, v.priority, v.batch, v.version, v.sha256, v.size_bytes, v.media_type, v.blob_key
            FROM documents d JOIN versions v
              ON v.tenant = d.tenant AND v.document = d.id AND v.version = d.latest_version
            WHERE d.tenant = :t AND d.id = :d
        """),
        {"t": document.tenant, "d": document.id},
    ).one()
    if not row.blob_key:
        return _reopen(connection, document, row.version, row)
    blob = StoredBlob(row.sha256, row.size_bytes, row.media_type)
    return _new_version(
        connection,
        document,
        row.version + 1,
        blob,
        collection=row.collection,
        blob_key=row.blob_key,
        priority=Priority(row.priority) if priority is None else priority,
        batch=row.batch,
    )


def _reopen(connection: Connection, document: DocumentId, version: int, row: Row[tuple[object, ...]]) -> Upload:
    """Work on a failed passage again as the same version: its text is sealed for that place."""
    jobs.settle(connection, document)
    connection.execute(
        text("""
            UPDATE versions SET state = 'received', progress = 0, error_code = NULL, error = NULL, updated_at = now()
            WHERE tenant = :t AND document = :d AND version = :v
        """),
        {"t": document.tenant, "d": document.id, "v": version},
    )
    job = jobs.create(
        connection,
        JobKind.INGEST,
        document,
        version,
        collection=row.collection,
        task=jobs.INGEST_TASK,
        priority=Priority(row.priority),
        size_bytes=row.size_bytes,
        passage=True,
    )
    return Upload(document, version, job, unchanged=False)


def cancel(connection: Connection, document: DocumentId) -> int:
    """Stop the work on a document's newest version, which fails as cancelled; the live one stays. Returns its number.

    Raises:
        Conflict: it is not being worked on.
    """
    row = connection.execute(
        text("""
            SELECT d.name, v.version, v.state, j.id AS job FROM documents d
            JOIN versions v ON v.tenant = d.tenant AND v.document = d.id AND v.version = d.latest_version
            LEFT JOIN jobs j ON j.tenant = d.tenant AND j.document = d.id AND j.version = v.version
                 AND j.kind = 'ingest' AND j.state IN ('waiting', 'leased')
            WHERE d.tenant = :t AND d.id = :d AND d.deleted_at IS NULL
        """),
        {"t": document.tenant, "d": document.id},
    ).one_or_none()
    if row is None:
        raise NotFound(f"There is no document {document.id!r}.", code="document_not_found")
    if row.job is not None:
        jobs.cancel(connection, document.tenant, row.job)
    reason = "Cancelled on request. Try it again, or upload it anew."
    if not _fail(connection, document, row.version, code="cancelled", reason=reason):
        raise Conflict(
            f"{row.name!r} is not being worked on: its version {row.version} is {row.state}. Delete it to take it out.",
            code="not_in_work",
        )
    events.record(connection, VersionState.FAILED, [(document, row.version, {})])
    return row.version


def _fail(connection: Connection, document: DocumentId, version: int, *, code: str, reason: str) -> bool:
    return (
        connection.execute(
            text("""
                UPDATE versions SET state = 'failed', error_code = :code, error = :reason, updated_at = now()
                WHERE tenant = :t AND document = :d AND version = :v AND state NOT IN ('ready', 'failed')
            """),
            {"code": code, "reason": reason, "t": document.tenant, "d": document.id, "v": version},
        ).rowcount
        > 0
    )


def _new_version(
    connection: Connection,
    document: DocumentId,
    version: int,
    blob: StoredBlob,
    *,
    collection: str,
    blob_key: str,
    priority: Priority,
    batch: str | None,
) -> Upload:
    jobs.settle(connection, document)
    connection.execute(
        insert(versions).values(
            tenant=document.tenant,
            document=document.id,
            version=version,
            state=VersionState.RECEIVED,
            sha256=blob.sha256,
            size_bytes=blob.size_bytes,
            media_type=blob.media_type,
            blob_key=blob_key,
            priority=priority,
            batch=batch,
        )
    )
    connection.execute(
        text("UPDATE documents SET latest_version = :v, updated_at = now() WHERE tenant = :t AND id = :d"),
        {"v": version, "t": document.tenant, "d": document.id},
    )
    job = jobs.create(
        connection,
        JobKind.INGEST,
        document,
        version,
        collection=collection,
        task=jobs.INGEST_TASK,
        priority=priority,
        size_bytes=blob.size_bytes,
    )
    return Upload(document, version, job, unchanged=False)


def get(connection: Connection, principal: Principal, document: DocumentId) -> Document:
    """A document that the principal may read. Raises `NotFound`."""
    visibility.require_readable(connection, principal, document)
    row = connection.execute(
        text("SELECT * FROM documents WHERE tenant = :t AND id = :d"), {"t": document.tenant, "d": document.id}
    ).one()
    return _document(row)


def versions_of(connection: Connection, document: DocumentId) -> list[Version]:
    """All versions, newest first; call `get` first to check the right to see them."""
    rows = connection.execute(
        text("SELECT * FROM versions WHERE tenant = :t AND document = :d ORDER BY version DESC"),
        {"t": document.tenant, "d": document.id},
    )
    return [_version(row) for row in rows]


def listing(
    connection: Connection,
    principal: Principal,
    collection: CollectionId,
    *,
    limit: int,
    after_name: str | None = None,
    state: VersionState | None = None,
) -> list[tuple[Document, Version]]:
    """Readable documents with their newest version, by name, after `after_name`."""
    acls = visibility.readable_acls(connection, principal)
    rows = connection.execute(
        text("""
            SELECT d.*, v.version, v.state, v.sha256, v.size_bytes, v.media_type, v.progress, v.pages, v.chunks,
                   v.chunks_kept, v.chunks_added, v.chunks_removed, v.replaced_at, v.chunks_done, v.stage_at,
                   v.error_code, v.error, v.created_at AS version_created, v.updated_at AS version_updated
            FROM documents d JOIN versions v
              ON v.tenant = d.tenant AND v.document = d.id AND v.version = d.latest_version
            WHERE d.tenant = :t AND d.collection = :c AND d.deleted_at IS NULL AND d.acl = ANY(:acls)
              AND (CAST(:after AS text) IS NULL OR d.name > :after)
              AND (CAST(:state AS text) IS NULL OR v.state = :state)
            ORDER BY d.name LIMIT :limit
        """),
        {
            "t": collection.tenant,
            "c": collection.id,
            "acls": [int(a) for a in acls],
            "after": after_name,
            "state": state,
            "limit": limit,
        },
    )
    return [(_document(row), _listed_version(row)) for row in rows]


def counts_by_state(connection: Connection, principal: Principal, collection: CollectionId) -> dict[str, int]:
    """How many readable documents have their newest version in each state."""
    acls = visibility.readable_acls(connection, principal)
    rows = connection.execute(
        text("""
            SELECT v.state, count(*) AS n FROM documents d JOIN versions v
              ON v.tenant = d.tenant AND v.document = d.id AND v.version = d.latest_version
            WHERE d.tenant = :t AND d.collection = :c AND d.deleted_at IS NULL AND d.acl = ANY(:acls)
            GROUP BY v.state
        """),
        {"t": collection.tenant, "c": collection.id, "acls": [int(a) for a in acls]},
    )
    return {row.state: row.n for row in rows}


def delete(connection: Connection, document: DocumentId) -> str:
    """Make a document, and the files of it if it is an archive, invisible at once; jobs remove them from all stores.

    Returns the id of its own job.
    """
    row = connection.execute(
        text("""
            UPDATE documents SET deleted_at = now(), live_version = NULL, updated_at = now()
            WHERE tenant = :t AND id = :d AND deleted_at IS NULL RETURNING collection
        """),
        {"t": document.tenant, "d": document.id},
    ).one_or_none()
    if row is None:
        raise NotFound(f"There is no document {document.id!r}.", code="document_not_found")
    connection.execute(
        insert(tombstones).values(tenant=document.tenant, document=document.id, collection=row.collection)
    )
    document_fields.remove(connection, [document])
    collections.advance_epoch(connection, CollectionId(document.tenant, row.collection))
    _delete_many(connection, CollectionId(document.tenant, row.collection), "archive = :of", {"of": document.id})
    job = jobs.create(connection, JobKind.DELETE, document, None, collection=row.collection, task=None)
    notify(connection, INDEX_CHANNEL)
    return job


def delete_all(connection: Connection, collection: CollectionId) -> int:
    """As `delete`, for every document of a collection at once. Returns how many."""
    return len(_delete_many(connection, collection, "true", {}))


def delete_these(connection: Connection, collection: CollectionId, documents: Sequence[DocumentId]) -> dict[str, str]:
    """As `delete`, for these documents of a collection. Returns the jobs by document id; what is gone has none."""
    ids = [d.id for d in documents if d.tenant == collection.tenant]
    return _delete_many(connection, collection, "(id = ANY(:ids) OR archive = ANY(:ids))", {"ids": ids})


def _delete_many(
    connection: Connection, collection: CollectionId, condition: str, values: dict[str, object]
) -> dict[str, str]:
    rows = connection.execute(
        text(f"""
            WITH gone AS (
                UPDATE documents SET deleted_at = now(), live_version = NULL, updated_at = now()
                WHERE tenant = :t AND collection = :c AND deleted_at IS NULL AND {condition}
                RETURNING tenant, id, collection
            ), marked AS (
                INSERT INTO tombstones (tenant, document, collection) SELECT tenant, id, collection FROM gone
            )
            INSERT INTO jobs (tenant, id, kind, document, collection, state)
            SELECT tenant, replace(gen_random_uuid()::text, '-', ''), :kind, id, collection, :state FROM gone
            RETURNING document, id
        """),
        {"t": collection.tenant, "c": collection.id, "kind": JobKind.DELETE, "state": JobState.WAITING} | values,
    ).all()
    document_fields.remove(connection, [DocumentId(collection.tenant, row.document) for row in rows])
    collections.advance_epoch(connection, collection)
    notify(connection, INDEX_CHANNEL)
    return {row.document: row.id for row in rows}


def ids_in(connection: Connection, collection: CollectionId) -> Sequence[DocumentId]:
    """Every document of a collection that is not deleted."""
    rows = connection.execute(
        text("SELECT id FROM documents WHERE tenant = :t AND collection = :c AND deleted_at IS NULL"),
        {"t": collection.tenant, "c": collection.id},
    )
    return [DocumentId(collection.tenant, row.id) for row in rows]


def _document(row: Row[tuple[object, ...]]) -> Document:
    tenant = TenantId(row.tenant)
    return Document(
        id=DocumentId(tenant, row.id),
        collection=CollectionId(tenant, row.collection),
        name=row.name,
        acl=AclId(row.acl),
        live_version=row.live_version,
        created_at=row.created_at,
        updated_at=row.updated_at,
        metadata=row.metadata,
    )


def _version(row: Row[tuple[object, ...]]) -> Version:
    return _as_version(row, DocumentId(TenantId(row.tenant), row.document), row.created_at, row.updated_at)


def _listed_version(row: Row[tuple[object, ...]]) -> Version:
    document = DocumentId(TenantId(row.tenant), row.id)
    return _as_version(row, document, row.version_created, row.version_updated)


def _as_version(row: Row[tuple[object, ...]], document: DocumentId, created: datetime, updated: datetime) -> Version:
    return Version(
        document=document,
        version=row.version,
        state=VersionState(row.state),
        sha256=row.sha256,
        size_bytes=row.size_bytes,
        media_type=row.media_type,
        progress=row.progress,
        pages=row.pages,
        chunks=row.chunks,
        error_code=row.error_code,
        error=row.error,
        created_at=created,
        updated_at=updated,
        chunks_kept=row.chunks_kept,
        chunks_added=row.chunks_added,
        chunks_removed=row.chunks_removed,
        replaced_at=row.replaced_at,
        chunks_done=row.chunks_done,
        stage_at=row.stage_at,
    )
