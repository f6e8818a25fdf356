"""The history of documents: which stage they came to when, with numbers beside it and never a text.

Events are rows below their version, so that erasing a document or letting an old version go takes them along.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from assay_core.documents import DocumentId, VersionState
from sqlalchemy import Connection, text

Detail = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Event:
    """A stage that a version came to, or how far it was in it."""

    version: int
    at: datetime
    stage: str
    detail: Detail


def record(connection: Connection, stage: VersionState, events: Sequence[tuple[DocumentId, int, Detail]]) -> None:
    """Note that versions are in a stage; call it in the transaction that brought them there.

    Versions that are not in that stage (deleted, or final already) are passed over.
    """
    if events:
        connection.execute(
            text("""
                INSERT INTO document_events (tenant, document, version, stage, detail)
                SELECT v.tenant, v.document, v.version, :stage, CAST(a.detail AS jsonb)
                FROM unnest(CAST(:tenants AS text[]), CAST(:documents AS text[]), CAST(:versions AS int[]),
                            CAST(:details AS text[])) AS a(tenant, document, version, detail)
                JOIN versions v ON v.tenant = a.tenant AND v.document = a.document AND v.version = a.version
                     AND v.state = :stage
            """),
            {
                "stage": stage,
                "tenants": [document.tenant for document, _, _ in events],
                "documents": [document.id for document, _, _ in events],
                "versions": [version for _, version, _ in events],
                "details": [json.dumps(dict(detail)) for _, _, detail in events],
            },
        )


def history(connection: Connection, document: DocumentId, *, limit: int) -> list[Event]:
    """The newest `limit` events of a document's versions, oldest first, each version's receipt among them."""
    rows = connection.execute(
        text("""
            SELECT * FROM (
                SELECT version, at, stage, detail, id FROM document_events WHERE tenant = :t AND document = :d
                UNION ALL
                SELECT version, created_at, 'received', jsonb_build_object('size_bytes', size_bytes), 0
                FROM versions WHERE tenant = :t AND document = :d
                ORDER BY at DESC, id DESC LIMIT :limit
            ) newest ORDER BY at, id
        """),
        {"t": document.tenant, "d": document.id, "limit": limit},
    )
    return [Event(row.version, row.at, row.stage, row.detail) for row in rows]
