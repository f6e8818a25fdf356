"""Legal holds: what they are on keeps its key, text and old versions, also when it is deleted, until they are lifted.

A hold on an archive is on the files of it too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from assay_core.documents import DocumentId, TenantId
from assay_core.errors import NotFound
from assay_core.principals import Principal
from sqlalchemy import Connection, Row, text

from assay_store import keys, visibility
from assay_store.encryption import Vault


@dataclass(frozen=True, slots=True)
class LegalHold:
    """Why a document is kept, who said so, and when."""

    document: DocumentId
    reason: str
    placed_by: str
    placed_at: datetime


@dataclass(frozen=True, slots=True)
class HeldDocument:
    """A document under a hold.

    `name` is None where the principal may not read the document, or it is deleted; `erasure` is then what waits.
    """

    hold: LegalHold
    name: str | None
    erasure: str | None


def place(connection: Connection, document: DocumentId, *, reason: str, by: str) -> LegalHold:
    """Hold a document and, if it is an archive, its files; one that is held gets the new reason.

    Raises:
        NotFound: there is none, or it was deleted.
    """
    there = connection.execute(
        text("SELECT 1 FROM documents WHERE tenant = :t AND id = :d AND deleted_at IS NULL FOR UPDATE"),
        {"t": document.tenant, "d": document.id},
    ).one_or_none()
    if there is None:
        raise _no_document(document)
    connection.execute(
        text("""
            INSERT INTO legal_holds (tenant, document, reason, placed_by)
            SELECT tenant, id, :reason, :by FROM documents
            WHERE tenant = :t AND (id = :d OR archive = :d) AND deleted_at IS NULL
            ON CONFLICT (tenant, document) DO UPDATE SET reason = :reason
        """),
        {"t": document.tenant, "d": document.id, "reason": reason, "by": by},
    )
    return get(connection, document)


def get(connection: Connection, document: DocumentId) -> LegalHold:
    """The hold on a document, which may be deleted. Raises `NotFound` if there is none."""
    found = find(connection, document)
    if found is None:
        raise NotFound(f"There is no legal hold on {document.id!r}.", code="hold_not_found")
    return found


def find(connection: Connection, document: DocumentId) -> LegalHold | None:
    """As `get`; None if there is no hold."""
    row = connection.execute(
        text("SELECT * FROM legal_holds WHERE tenant = :t AND document = :d"),
        {"t": document.tenant, "d": document.id},
    ).one_or_none()
    return None if row is None else _hold(row)


def listing(
    connection: Connection,
    vault: Vault,
    principal: Principal,
    *,
    limit: int,
    after: tuple[datetime, str] | None = None,
) -> list[HeldDocument]:
    """All holds of the principal's tenant, those placed last first.

    `after` is the time and the document id of the last one seen, which may have been lifted meanwhile.
    """
    placed_at, document = after or (None, None)
    rows = connection.execute(
        text("""
            SELECT h.*, d.name_sealed, k.key_wrapped, s.id AS erasure,
                   d.deleted_at IS NULL AND d.acl = ANY(:acls) AS named
            FROM legal_holds h
            JOIN documents d ON d.tenant = h.tenant AND d.id = h.document
            JOIN document_keys k ON k.tenant = h.tenant AND k.document = h.document
            LEFT JOIN tombstones s ON s.tenant = h.tenant AND s.document = h.document
            WHERE h.tenant = :t
              AND (CAST(:at AS timestamptz) IS NULL OR (h.placed_at, h.document) < (:at, CAST(:d AS text)))
            ORDER BY h.placed_at DESC, h.document DESC LIMIT :limit
        """),
        {
            "t": principal.tenant,
            "acls": [int(a) for a in visibility.readable_acls(connection, principal)],
            "at": placed_at,
            "d": document,
            "limit": limit,
        },
    )
    return [HeldDocument(_hold(row), _name(vault, row) if row.named else None, row.erasure) for row in rows]


def among(connection: Connection, documents: Sequence[DocumentId]) -> list[DocumentId]:
    """Those of `documents` that are held."""
    rows = connection.execute(
        text("""
            SELECT h.tenant, h.document FROM legal_holds h
            JOIN unnest(CAST(:tenants AS text[]), CAST(:documents AS text[])) AS a(tenant, document)
              ON h.tenant = a.tenant AND h.document = a.document
        """),
        {"tenants": [d.tenant for d in documents], "documents": [d.id for d in documents]},
    )
    return [DocumentId(TenantId(row.tenant), row.document) for row in rows]


def remove(connection: Connection, document: DocumentId) -> list[DocumentId]:
    """Take the hold off a document and the files of it. Returns those that were held; see `erasures.lift_hold`.

    Raises `NotFound` if there is none.
    """
    get(connection, document)
    rows = connection.execute(
        text("""
            DELETE FROM legal_holds h USING documents d
            WHERE h.tenant = :t AND d.tenant = h.tenant AND d.id = h.document AND (d.id = :d OR d.archive = :d)
            RETURNING h.document
        """),
        {"t": document.tenant, "d": document.id},
    )
    return [DocumentId(document.tenant, row.document) for row in rows]


def _hold(row: Row[tuple[object, ...]]) -> LegalHold:
    return LegalHold(DocumentId(TenantId(row.tenant), row.document), row.reason, row.placed_by, row.placed_at)


def _name(vault: Vault, row: Row[tuple[object, ...]]) -> str:
    document = DocumentId(TenantId(row.tenant), row.document)
    return keys.open_name(keys.opened(vault, document, row), document, row.name_sealed)


def _no_document(document: DocumentId) -> NotFound:
    return NotFound(f"There is no document {document.id!r}.", code="document_not_found")
