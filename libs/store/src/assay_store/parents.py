"""Larger passages that are read in place of the smaller ones within them: stored once a version, each by itself.

So a reader decrypts what is shown, not the whole text of a document.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from assay_core.documents import Chunk, DocumentId, Parent
from sqlalchemy import Connection, text

from assay_store.encryption import Key
from assay_store.payloads import ChunkPayload


class StoredParent(NamedTuple):
    """A parent with its span of the canonical text; `payload` is encrypted with the document's key."""

    name: str
    start: int
    end: int
    page: int | None
    payload: bytes


def name_of(document: str, version: int, ordinal: int) -> str:
    """What the payload of a parent is sealed by."""
    return f"parent:{document}:{version}:{ordinal}"


def numbered(chunks: Sequence[Chunk]) -> Mapping[Parent, int]:
    """The parents of a document's chunks with their ordinals, in reading order."""
    found = dict.fromkeys(chunk.parent for chunk in chunks if chunk.parent is not None)
    return {parent: ordinal for ordinal, parent in enumerate(found)}


def replace(
    connection: Connection,
    document: DocumentId,
    version: int,
    key: Key,
    parents: Mapping[Parent, int],
    *,
    canonical: str,
    title: str,
) -> None:
    """Write the parents of a version in place of those that it has."""
    at = {"t": document.tenant, "d": document.id, "v": version}
    connection.execute(text("DELETE FROM version_parents WHERE tenant = :t AND document = :d AND version = :v"), at)
    rows = [
        at
        | {
            "ordinal": ordinal,
            "start": parent.start,
            "end": parent.end,
            "page": parent.page,
            "payload": ChunkPayload(canonical[parent.start : parent.end], parent.heading_path, title).seal(
                key, name_of(document.id, version, ordinal)
            ),
        }
        for parent, ordinal in parents.items()
    ]
    if rows:
        connection.execute(
            text("""
                INSERT INTO version_parents (tenant, document, version, ordinal, start_char, end_char, page, payload)
                VALUES (:t, :d, :v, :ordinal, :start, :end, :page, :payload)
            """),
            rows,
        )
