"""Where the vectors lie that are kept of chunks, for readers: indexes that compress have their hits scored again."""

from collections.abc import Sequence
from dataclasses import dataclass

from assay_core.documents import ChunkId, CollectionId, DocumentId
from sqlalchemy import Connection, text

from assay_store.pipeline import VectorPlace


@dataclass(frozen=True, slots=True)
class KeptVector:
    """A chunk's vector; `key_wrapped` opens one that is sealed and is None for one that lies in a file."""

    chunk: ChunkId
    document: DocumentId
    place: VectorPlace
    key_wrapped: bytes | None


def of_chunks(connection: Connection, collection: CollectionId, chunks: Sequence[ChunkId]) -> list[KeptVector]:
    """Those of the chunks whose documents are not deleted, in any order."""
    rows = connection.execute(
        text("""
            SELECT c.id, c.document, c.vector_key, c.vector_row, c.vector,
                   CASE WHEN c.vector IS NOT NULL THEN k.key_wrapped END AS key_wrapped
            FROM chunks c
            JOIN documents d ON d.tenant = c.tenant AND d.id = c.document
            LEFT JOIN document_keys k ON c.vector IS NOT NULL AND k.tenant = d.tenant AND k.document = d.id
            WHERE c.tenant = :t AND c.id = ANY(:ids) AND d.collection = :c AND d.deleted_at IS NULL
        """),
        {"t": collection.tenant, "c": collection.id, "ids": [c.id for c in chunks if c.tenant == collection.tenant]},
    )
    return [
        KeptVector(
            ChunkId(collection.tenant, row.id),
            DocumentId(collection.tenant, row.document),
            VectorPlace(row.vector_key, row.vector_row, row.vector and bytes(row.vector)),
            row.key_wrapped and bytes(row.key_wrapped),
        )
        for row in rows
    ]
