"""Jobs as people see them: what waits, what was given up and why, and doing it again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from assay_core.documents import CollectionId, DocumentId
from assay_core.errors import Conflict, NotFound
from assay_core.jobs import JobState, ListedJob, Priority
from assay_core.principals import Principal
from sqlalchemy import Connection, Row, text

from assay_store import documents, keys, visibility
from assay_store.documents import Upload
from assay_store.encryption import Vault

REPLAYED = (JobState.DEAD, JobState.CANCELLED)


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs are meant; None leaves a condition out."""

    state: JobState
    collection: CollectionId | None = None
    reason: str | None = None
    batch: str | None = None


def listing(
    connection: Connection,
    vault: Vault,
    principal: Principal,
    wanted: JobFilter,
    *,
    limit: int,
    after: tuple[datetime, str] | None = None,
) -> list[ListedJob]:
    """Ingest jobs of documents that the principal may read, newest first, after the one made at that time."""
    acls = visibility.readable_acls(connection, principal)
    rows = connection.execute(
        text("""
            SELECT j.*, d.name_sealed, k.key_wrapped, c.name AS collection_name, v.batch, v.error FROM jobs j
            JOIN documents d ON d.tenant = j.tenant AND d.id = j.document AND d.deleted_at IS NULL
                 AND d.acl = ANY(:acls)
            JOIN document_keys k ON k.tenant = d.tenant AND k.document = d.id
            JOIN collections c ON c.tenant = d.tenant AND c.id = d.collection
            JOIN versions v ON v.tenant = j.tenant AND v.document = j.document AND v.version = j.version
            WHERE j.tenant = :t AND j.kind = 'ingest' AND j.state = :state
              AND (CAST(:c AS text) IS NULL OR j.collection = :c)
              AND (CAST(:reason AS text) IS NULL OR j.error_code = :reason)
              AND (CAST(:batch AS text) IS NULL OR v.batch = :batch)
              AND (CAST(:at AS timestamptz) IS NULL OR (j.created_at, j.id) < (:at, :id))
            ORDER BY j.created_at DESC, j.id DESC LIMIT :limit
        """),
        {
            "t": principal.tenant,
            "acls": [int(a) for a in acls],
            "state": wanted.state,
            "c": wanted.collection and wanted.collection.id,
            "reason": wanted.reason,
            "batch": wanted.batch,
            "at": after and after[0],
            "id": after and after[1],
            "limit": limit,
        },
    )
    return [_listed(vault, row, principal) for row in rows]


def document_of(connection: Connection, principal: Principal, job: str) -> DocumentId:
    """The document of an ingest job. Raises `NotFound` if there is none that the principal may see."""
    row = connection.execute(
        text("SELECT document FROM jobs WHERE tenant = :t AND id = :id AND kind = 'ingest'"),
        {"t": principal.tenant, "id": job},
    ).one_or_none()
    if row is None:
        raise NotFound(f"There is no job {job!r}.", code="job_not_found")
    document = DocumentId(principal.tenant, row.document)
    try:
        visibility.require_readable(connection, principal, document)
    except NotFound as error:
        raise NotFound(f"There is no job {job!r}.", code="job_not_found") from error
    return document


def replay_all(
    connection: Connection, vault: Vault, principal: Principal, wanted: JobFilter, *, limit: int
) -> Sequence[Upload]:
    """Work again on up to `limit` documents whose jobs were given up or cancelled. Returns what was begun."""
    if wanted.state not in REPLAYED:
        raise Conflict(
            f"Jobs that are {wanted.state} cannot be replayed; dead and cancelled ones can.", code="not_failed"
        )
    found = {job.document: None for job in listing(connection, vault, principal, wanted, limit=limit)}
    return [documents.retry(connection, vault, document) for document in sorted(found)]


def _listed(vault: Vault, row: Row[tuple[object, ...]], principal: Principal) -> ListedJob:
    document = DocumentId(principal.tenant, row.document)
    key = keys.opened(vault, document, row)
    return ListedJob(
        id=row.id,
        document=document,
        document_name=keys.open_name(key, document, row.name_sealed),
        collection=row.collection_name,
        version=row.version,
        batch=row.batch,
        state=JobState(row.state),
        priority=Priority(row.priority),
        attempts=row.attempts,
        error_code=row.error_code,
        error=keys.open_error(key, document, row.version, row.error, row.error_code),
        created_at=row.created_at,
        updated_at=row.updated_at,
        not_before=row.not_before,
    )
