"""How old documents are, for a search that prefers what is new."""

from collections.abc import Collection
from datetime import UTC, datetime, time

from assay_core.documents import DocumentId, TenantId
from sqlalchemy import Connection, text


def uploaded(connection: Connection, tenant: TenantId, documents: Collection[DocumentId]) -> dict[DocumentId, datetime]:
    """When the live version of each document was uploaded."""
    rows = connection.execute(
        text("""
            SELECT d.id, v.created_at FROM documents d
            JOIN versions v ON v.tenant = d.tenant AND v.document = d.id AND v.version = d.live_version
            WHERE d.tenant = :t AND d.id = ANY(:ids)
        """),
        {"t": tenant, "ids": _ids(tenant, documents)},
    )
    return {DocumentId(tenant, row.id): row.created_at for row in rows}


def declared(
    connection: Connection, tenant: TenantId, documents: Collection[DocumentId], field: str
) -> dict[DocumentId, datetime]:
    """The date of each document in a declared date field, at the start of its day; those without are left out."""
    rows = connection.execute(
        text("""
            SELECT document, day FROM document_fields
            WHERE tenant = :t AND document = ANY(:ids) AND field = :field AND day IS NOT NULL
        """),
        {"t": tenant, "ids": _ids(tenant, documents), "field": field},
    )
    return {DocumentId(tenant, row.document): datetime.combine(row.day, time(), UTC) for row in rows}


def _ids(tenant: TenantId, documents: Collection[DocumentId]) -> list[str]:
    return [document.id for document in documents if document.tenant == tenant]
