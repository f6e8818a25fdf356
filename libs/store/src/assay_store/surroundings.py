"""Where the passages around a hit stand. Whether they may be read, `visibility` decides, as for the hit itself."""

from collections.abc import Sequence
from typing import NamedTuple

from assay_core.documents import ChunkId, DocumentId
from assay_core.search import Hit
from sqlalchemy import Connection, text

_AROUND = text("""
SELECT DISTINCT near.document, near.version, near.ordinal, near.chunk, near.start_char, c.tokens
FROM unnest(CAST(:chunks AS text[]), CAST(:documents AS text[]), CAST(:versions AS int[]), CAST(:starts AS int[]))
     AS hit(chunk, document, version, start_char)
JOIN version_chunks own ON own.tenant = :tenant AND own.document = hit.document AND own.version = hit.version
                       AND own.chunk = hit.chunk AND own.start_char = hit.start_char AND own.parent IS NULL
JOIN version_chunks near ON near.tenant = own.tenant AND near.document = own.document AND near.version = own.version
                        AND near.ordinal BETWEEN own.ordinal - :reach AND own.ordinal + :reach
JOIN chunks c ON c.tenant = near.tenant AND c.id = near.chunk
ORDER BY near.document, near.version, near.ordinal
""")


class Place(NamedTuple):
    """A passage at its place in a version."""

    document: DocumentId
    version: int
    ordinal: int
    chunk: ChunkId
    start: int
    tokens: int


def around(connection: Connection, hits: Sequence[Hit], *, reach: int) -> list[Place]:
    """The places of the hits, which are of one tenant, and of up to `reach` passages to each side, in reading order.

    A hit that is read as its parent has none: that is larger already.
    """
    if not hits:
        return []
    tenant = hits[0].chunk.tenant
    rows = connection.execute(
        _AROUND,
        {
            "tenant": tenant,
            "reach": reach,
            "chunks": [hit.chunk.id for hit in hits],
            "documents": [hit.document.id for hit in hits],
            "versions": [hit.version for hit in hits],
            "starts": [hit.start for hit in hits],
        },
    )
    return [
        Place(
            DocumentId(tenant, row.document),
            row.version,
            row.ordinal,
            ChunkId(tenant, row.chunk),
            row.start_char,
            row.tokens,
        )
        for row in rows
    ]
