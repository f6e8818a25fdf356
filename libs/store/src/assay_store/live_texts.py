"""Texts that a principal may read, to learn from them; nothing of them is kept."""

from assay_core.documents import AclId, CollectionId
from sqlalchemy import Connection

from assay_store import visibility
from assay_store.encryption import Vault
from assay_store.payloads import ChunkPayload


def some(
    connection: Connection, vault: Vault, collection: CollectionId, acls: frozenset[AclId], *, most: int
) -> list[str]:
    """Up to `most` live, readable passages; the same ones while nothing changes, of documents all over."""
    chunks = visibility.live_after(connection, collection, acls, after=None, limit=most)
    found = visibility.live_chunks(connection, collection, acls, chunks)
    return [
        ChunkPayload.open(vault.document_key(one.document, one.key_wrapped), one.chunk.id, one.payload).text
        for one in (found[chunk] for chunk in chunks if chunk in found)
    ]
