"""Documents and their versions: uploads, listing, deletion."""

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
from assay_core.jobs import JobKind, Priority
from assay_core.metadata import MetadataValue
from assay_core.principals import Principal
from sqlalchemy import Connection, Row, insert, text

from assay_store import collections, document_fields, erasures, events, golden_sets, jobs, keys, visibility
from assay_store.database import notify
from assay_store.encryption import Key, Vault
from assay_store.ids import new_id
from assay_store.tables import versions

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
    name_digest: bytes

    def blob_key(self, sha256: str) -> str:
        return f"documents/{self.document.tenant}/{self.document.id}/{self.key.digest(sha256)}"


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
    state: VersionState = VersionState.RECEIVED


def upload_target(
    connection: Connection, vault: Vault, collection: CollectionId, name: str, *, acl: AclId
) -> UploadTarget:
    """The document that an upload of `name` would make a version of."""
    digest = vault.name_digest(collection, name)
    row = connection.execute(
        text("""
            SELECT d.id, d.acl, k.key_wrapped FROM document_keys k
            JOIN documents d ON d.tenant = k.tenant AND d.id = k.document
            WHERE k.tenant = :t AND k.collection = :c AND k.name_digest = :n AND d.deleted_at IS NULL
        """),
        {"t": collection.tenant, "c": collection.id, "n": digest},
    ).one_or_none()
    if row is not None:
        document, acl, wrapped = DocumentId(collection.tenant, row.id), AclId(row.acl), bytes(row.key_wrapped)
        return UploadTarget(document, collection, name, acl, vault.document_key(document, wrapped), wrapped, digest)
    document = DocumentId(collection.tenant, new_id())
    key, wrapped = vault.new_document_key(document)
    return UploadTarget(document, collection, name, acl, key, wrapped, digest)


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
    made = connection.execute(
        text("""
            INSERT INTO documents (tenant, id, collection, name_sealed, acl)
            VALUES (:t, :d, :c, :n, :acl) ON CONFLICT (tenant, id) DO NOTHING
        """),
        {
            "t": tenant,
            "d": document,
            "c": target.collection.id,
            "n": keys.seal_name(target.key, target.document, target.name),
            "acl": target.acl,
        },
    ).rowcount
    if made:
        keys.keep(
            connection, target.document, target.collection, name_digest=target.name_digest, wrapped=target.key_wrapped
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
            text("UPDATE documents SET metadata_sealed = :m WHERE tenant = :t AND id = :d"),
            {"m": keys.seal_metadata(target.key, target.document, metadata), "t": tenant, "d": document},
        )
    if row.state not in (None, VersionState.FAILED) and (
        keys.open_sha256(target.key, target.document, row.sha256) == blob.sha256
    ):
        return Upload(target.document, row.latest_version, None, unchanged=True, state=VersionState(row.state))
    stored = _StoredBytes(
        keys.seal_sha256(target.key, target.document, blob.sha256),
        blob.size_bytes,
        blob.media_type,
        target.blob_key(blob.sha256),
    )
    return _new_version(
        connection,
        target.document,
        row.latest_version + 1,
        stored,
        collection=target.collection.id,
        priority=priority,
        batch=batch,
    )


def retry(connection: Connection, vault: Vault, document: DocumentId) -> Upload:
    """Work on a document again whose newest version failed: a new version of the same bytes.

    Raises:
        NotFound: it was deleted.
        Conflict: its newest version did not fail.
    """
    row = connection.execute(
        text("""
            SELECT d.name_sealed, k.key_wrapped, v.version, v.state
            FROM documents d JOIN document_keys k ON k.tenant = d.tenant AND k.document = d.id
            JOIN versions v
              ON v.tenant = d.tenant AND v.document = d.id AND v.version = d.latest_version
            WHERE d.tenant = :t AND d.id = :d AND d.deleted_at IS NULL FOR UPDATE OF d
        """),
        {"t": document.tenant, "d": document.id},
    ).one_or_none()
    if row is None:
        raise NotFound(f"There is no document {document.id!r}.", code="document_not_found")
    key = keys.opened(vault, document, row)
    if row.state != VersionState.FAILED:
        name = keys.open_name(key, document, row.name_sealed)
        raise Conflict(
            f"{name!r} did not fail: its version {row.version} is {row.state}. Only failed documents are tried"
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
    return _new_version(
        connection,
        document,
        row.version + 1,
        _StoredBytes(bytes(row.sha256), row.size_bytes, row.media_type, row.blob_key),
        collection=row.collection,
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


def cancel(connection: Connection, vault: Vault, document: DocumentId) -> int:
    """Stop the work on a document's newest version, which fails as cancelled; the live one stays. Returns its number.

    Raises:
        Conflict: it is not being worked on.
    """
    row = connection.execute(
        text("""
            SELECT d.name_sealed, k.key_wrapped, v.version, v.state, j.id AS job FROM documents d
            JOIN document_keys k ON k.tenant = d.tenant AND k.document = d.id
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
    if not _fail(connection, document, row.version, code="cancelled"):
        name = keys.open_name(keys.opened(vault, document, row), document, row.name_sealed)
        raise Conflict(
            f"{name!r} is not being worked on: its version {row.version} is {row.state}. Delete it to take it out.",
            code="not_in_work",
        )
    events.record(connection, VersionState.FAILED, [(document, row.version, {})])
    return row.version


def _fail(connection: Connection, document: DocumentId, version: int, *, code: str) -> bool:
    return (
        connection.execute(
            text("""
                UPDATE versions SET state = 'failed', error_code = :code, updated_at = now()
                WHERE tenant = :t AND document = :d AND version = :v AND state NOT IN ('ready', 'failed')
            """),
            {"code": code, "t": document.tenant, "d": document.id, "v": version},
        ).rowcount
        > 0
    )


@dataclass(frozen=True, slots=True)
class _StoredBytes:
    """The bytes of a version as SQL has them."""

    sha256_sealed: bytes
    size_bytes: int
    media_type: str
    blob_key: str


def _new_version(
    connection: Connection,
    document: DocumentId,
    version: int,
    stored: _StoredBytes,
    *,
    collection: str,
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
            sha256=stored.sha256_sealed,
            size_bytes=stored.size_bytes,
            media_type=stored.media_type,
            blob_key=stored.blob_key,
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
        size_bytes=stored.size_bytes,
    )
    return Upload(document, version, job, unchanged=False)


def get(connection: Connection, vault: Vault, principal: Principal, document: DocumentId) -> Document:
    """A document that the principal may read. Raises `NotFound`."""
    visibility.require_readable(connection, principal, document)
    row = connection.execute(
        text("""
            SELECT d.*, k.key_wrapped FROM documents d
            LEFT JOIN document_keys k ON k.tenant = d.tenant AND k.document = d.id
            WHERE d.tenant = :t AND d.id = :d
        """),
        {"t": document.tenant, "d": document.id},
    ).one()
    return _document(row, keys.opened(vault, document, row))


def versions_of(connection: Connection, vault: Vault, document: DocumentId) -> list[Version]:
    """All versions, newest first; call `get` first to check the right to see them."""
    rows = connection.execute(
        text("SELECT * FROM versions WHERE tenant = :t AND document = :d ORDER BY version DESC"),
        {"t": document.tenant, "d": document.id},
    )
    key = keys.of(connection, vault, document)
    return [_version(row, key) for row in rows]


def listing(
    connection: Connection,
    vault: Vault,
    principal: Principal,
    collection: CollectionId,
    *,
    limit: int,
    after: str | None = None,
    state: VersionState | None = None,
) -> list[tuple[Document, Version]]:
    """Readable documents with their newest version, those added last first, after the document with the id `after`.

    Names are sealed, so SQL cannot sort by them. `after` may have been deleted meanwhile.
    """
    acls = visibility.readable_acls(connection, principal)
    rows = connection.execute(
        text("""
            SELECT d.*, v.version, v.state, v.sha256, v.size_bytes, v.media_type, v.progress, v.pages, v.chunks,
                   v.chunks_kept, v.chunks_added, v.chunks_removed, v.replaced_at, v.chunks_done, v.stage_at,
                   v.language, v.error_code, v.error, v.created_at AS version_created, v.updated_at AS version_updated,
                   k.key_wrapped
            FROM documents d JOIN document_keys k ON k.tenant = d.tenant AND k.document = d.id
            JOIN versions v
              ON v.tenant = d.tenant AND v.document = d.id AND v.version = d.latest_version
            WHERE d.tenant = :t AND d.collection = :c AND d.deleted_at IS NULL AND d.acl = ANY(:acls)
              AND (CAST(:after AS text) IS NULL OR (d.created_at, d.id) <
                   (SELECT p.created_at, p.id FROM documents p WHERE p.tenant = :t AND p.id = :after))
              AND (CAST(:state AS text) IS NULL OR v.state = :state)
            ORDER BY d.created_at DESC, d.id DESC LIMIT :limit
        """),
        {
            "t": collection.tenant,
            "c": collection.id,
            "acls": [int(a) for a in acls],
            "after": after,
            "state": state,
            "limit": limit,
        },
    )
    return [_listed(vault, row) for row in rows]


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


def delete(connection: Connection, document: DocumentId, *, by: str | None = None) -> str:
    """Make a document, and the files of it if it is an archive, invisible at once, and destroy their keys.

    Jobs remove them from all stores. A document under a legal hold keeps its key until that is lifted. `by` is the
    principal who asked. Returns the id of its erasure, which is that of its job too. Raises `NotFound`.
    """
    collection = connection.execute(
        text("SELECT collection FROM documents WHERE tenant = :t AND id = :d"),
        {"t": document.tenant, "d": document.id},
    ).scalar_one_or_none()
    gone: dict[str, str] = {}
    if collection is not None:
        gone = delete_these(connection, CollectionId(document.tenant, collection), [document], by=by)
    if document.id not in gone:
        raise NotFound(f"There is no document {document.id!r}.", code="document_not_found")
    return gone[document.id]


def delete_all(connection: Connection, collection: CollectionId, *, by: str | None = None) -> int:
    """As `delete`, for every document of a collection at once. Returns how many."""
    return len(_delete_many(connection, collection, by, "true", {}))


def delete_these(
    connection: Connection, collection: CollectionId, documents: Sequence[DocumentId], *, by: str | None = None
) -> dict[str, str]:
    """As `delete`, for these documents of a collection. Returns the erasures by document id; what is gone has none."""
    ids = [d.id for d in documents if d.tenant == collection.tenant]
    return _delete_many(connection, collection, by, "(id = ANY(:ids) OR archive = ANY(:ids))", {"ids": ids})


def _delete_many(
    connection: Connection, collection: CollectionId, by: str | None, condition: str, values: dict[str, object]
) -> dict[str, str]:
    rows = connection.execute(
        text(f"""
            UPDATE documents SET deleted_at = now(), live_version = NULL, updated_at = now()
            WHERE tenant = :t AND collection = :c AND deleted_at IS NULL AND {condition} RETURNING id
        """),
        {"t": collection.tenant, "c": collection.id} | values,
    ).all()
    gone = [DocumentId(collection.tenant, row.id) for row in rows]
    golden_sets.forget(connection, gone)
    begun = erasures.begin(connection, collection, gone, by=by)
    document_fields.remove(connection, gone)
    _forget_answers(connection, gone)
    collections.advance_epoch(connection, collection)
    notify(connection, INDEX_CHANNEL)
    return begun


def _forget_answers(connection: Connection, documents: Sequence[DocumentId]) -> None:
    """Remove the answers that rest on documents."""
    connection.execute(
        text("""
            DELETE FROM answers a USING answer_documents ad,
                   unnest(CAST(:tenants AS text[]), CAST(:documents AS text[])) AS gone(tenant, document)
            WHERE ad.tenant = gone.tenant AND ad.document = gone.document
              AND a.tenant = ad.tenant AND a.id = ad.answer
        """),
        {"tenants": [d.tenant for d in documents], "documents": [d.id for d in documents]},
    )


def ids_in(connection: Connection, collection: CollectionId) -> Sequence[DocumentId]:
    """Every document of a collection that is not deleted."""
    rows = connection.execute(
        text("SELECT id FROM documents WHERE tenant = :t AND collection = :c AND deleted_at IS NULL"),
        {"t": collection.tenant, "c": collection.id},
    )
    return [DocumentId(collection.tenant, row.id) for row in rows]


def _listed(vault: Vault, row: Row[tuple[object, ...]]) -> tuple[Document, Version]:
    document = DocumentId(TenantId(row.tenant), row.id)
    key = keys.opened(vault, document, row)
    return _document(row, key), _as_version(row, document, key, row.version_created, row.version_updated)


def _document(row: Row[tuple[object, ...]], key: Key) -> Document:
    document = DocumentId(TenantId(row.tenant), row.id)
    return Document(
        id=document,
        collection=CollectionId(document.tenant, row.collection),
        name=keys.open_name(key, document, row.name_sealed),
        acl=AclId(row.acl),
        live_version=row.live_version,
        created_at=row.created_at,
        updated_at=row.updated_at,
        metadata=keys.open_metadata(key, document, row.metadata_sealed),
    )


def _version(row: Row[tuple[object, ...]], key: Key) -> Version:
    return _as_version(row, DocumentId(TenantId(row.tenant), row.document), key, row.created_at, row.updated_at)


def _as_version(
    row: Row[tuple[object, ...]], document: DocumentId, key: Key, created: datetime, updated: datetime
) -> Version:
    return Version(
        document=document,
        version=row.version,
        state=VersionState(row.state),
        sha256=keys.open_sha256(key, document, row.sha256),
        size_bytes=row.size_bytes,
        media_type=row.media_type,
        progress=row.progress,
        pages=row.pages,
        chunks=row.chunks,
        error_code=row.error_code,
        error=keys.open_error(key, document, row.version, row.error, row.error_code),
        created_at=created,
        updated_at=updated,
        chunks_kept=row.chunks_kept,
        chunks_added=row.chunks_added,
        chunks_removed=row.chunks_removed,
        replaced_at=row.replaced_at,
        chunks_done=row.chunks_done,
        stage_at=row.stage_at,
        language=row.language or "",
    )
