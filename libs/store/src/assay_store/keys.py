"""The keys of documents, in a small table of their own, and what lies sealed with them.

A document's row here is all that makes it readable and recognisable: its wrapped key, and the keyed digest of its
name. The DELETE of a document removes the row, and the table is small enough to be rewritten soon after, so that the
bytes are gone from the disk too.
"""

import json
from collections.abc import Mapping, Sequence

from assay_core.documents import CollectionId, DocumentId
from assay_core.reasons import REASONS
from sqlalchemy import Connection, Row, text

from assay_store.encryption import Key, Vault


def keep(
    connection: Connection, document: DocumentId, collection: CollectionId, *, name_digest: bytes, wrapped: bytes
) -> None:
    """Record the key of a new document, and `Vault.name_digest` of its name.

    Raises `IntegrityError` if the name is taken in the collection.
    """
    connection.execute(
        text("""
            INSERT INTO document_keys (tenant, document, collection, name_digest, key_wrapped)
            VALUES (:t, :d, :c, :digest, :key)
        """),
        {
            "t": document.tenant,
            "d": document.id,
            "c": collection.id,
            "digest": name_digest,
            "key": wrapped,
        },
    )


def of(connection: Connection, vault: Vault, document: DocumentId) -> Key:
    """A document's key. Raises `NotFound` if it was destroyed."""
    return vault.document_key(document, wrapped(connection, document))


def wrapped(connection: Connection, document: DocumentId) -> bytes | None:
    """A document's key as it is stored; None once it was destroyed."""
    found = connection.execute(
        text("SELECT key_wrapped FROM document_keys WHERE tenant = :t AND document = :d"),
        {"t": document.tenant, "d": document.id},
    ).scalar_one_or_none()
    return None if found is None else bytes(found)


def destroy(connection: Connection, documents: Sequence[DocumentId]) -> int:
    """Make documents unreadable for good when this transaction commits. Returns how many had a key."""
    return connection.execute(
        text("""
            DELETE FROM document_keys k
            USING unnest(CAST(:tenants AS text[]), CAST(:documents AS text[])) AS a(tenant, document)
            WHERE k.tenant = a.tenant AND k.document = a.document
        """),
        {"tenants": [d.tenant for d in documents], "documents": [d.id for d in documents]},
    ).rowcount


def give_up_names(connection: Connection, documents: Sequence[DocumentId]) -> None:
    """Let other documents have the names of these, which stay readable."""
    connection.execute(
        text("""
            UPDATE document_keys k SET name_digest = NULL
            FROM unnest(CAST(:tenants AS text[]), CAST(:documents AS text[])) AS a(tenant, document)
            WHERE k.tenant = a.tenant AND k.document = a.document
        """),
        {"tenants": [d.tenant for d in documents], "documents": [d.id for d in documents]},
    )


def opened(vault: Vault, document: DocumentId, row: Row[tuple[object, ...]]) -> Key:
    """The key in a row that has `key_wrapped`."""
    return vault.document_key(document, None if row.key_wrapped is None else bytes(row.key_wrapped))


def seal_name(key: Key, document: DocumentId, name: str) -> bytes:
    return key.seal(name.encode("utf-8", "surrogatepass"), place=f"name:{document.id}")


def open_name(key: Key, document: DocumentId, sealed: bytes) -> str:
    return key.open(bytes(sealed), place=f"name:{document.id}").decode("utf-8", "surrogatepass")


def seal_metadata(key: Key, document: DocumentId, metadata: Mapping[str, object]) -> bytes:
    return key.seal(json.dumps(dict(metadata)).encode(), place=f"metadata:{document.id}")


def open_metadata(key: Key, document: DocumentId, sealed: bytes | None) -> dict[str, str]:
    """A document's metadata; empty if it never had any."""
    return {} if sealed is None else json.loads(key.open(bytes(sealed), place=f"metadata:{document.id}"))


def seal_sha256(key: Key, document: DocumentId, sha256: str) -> bytes:
    """The digest of a version's bytes would tell whether they are those of a known file."""
    return key.seal(sha256.encode(), place=f"sha256:{document.id}")


def open_sha256(key: Key, document: DocumentId, sealed: bytes) -> str:
    return key.open(bytes(sealed), place=f"sha256:{document.id}").decode()


def seal_error(key: Key, document: DocumentId, version: int, reason: str) -> bytes:
    """What people are told about a failure names the file."""
    return key.seal(reason.encode("utf-8", "surrogatepass"), place=f"error:{document.id}:{version}")


def open_error(key: Key, document: DocumentId, version: int, sealed: bytes | None, code: str | None) -> str | None:
    """What people are told about a failure: its own words, or else those of its code."""
    if sealed is not None:
        return key.open(bytes(sealed), place=f"error:{document.id}:{version}").decode("utf-8", "surrogatepass")
    if code is None:
        return None
    reason = REASONS.get(code)
    return f"{reason.meaning} {reason.way_out}" if reason else f"It failed ({code})."
