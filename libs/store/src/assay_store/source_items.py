"""Items of sources: which document each became, and by which etag it was known.

Keys are names of files, so that only keyed digests of them are stored. The row of an erased document keeps nothing but
that digest, by which the next run knows not to bring the document back.
"""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from assay_core.documents import AclId, DocumentId
from assay_core.sources import SourceId
from sqlalchemy import Connection, text

from assay_store.encryption import Vault
from assay_store.source_runs import RunLease
from assay_store.sources import open_text, seal_text

ItemState = Literal["kept", "failed", "left_out"]


@dataclass(frozen=True, slots=True)
class Item:
    """What is known of an item. `state` is left_out where a person deleted its document here."""

    state: ItemState
    document: DocumentId | None
    etag: str
    acl: AclId | None
    error_code: str | None


def digest(vault: Vault, source: SourceId, key: str) -> bytes:
    """The keyed digest that stands for an item's key."""
    named = f"{source.tenant}\n{source.id}\n".encode() + key.encode("utf-8", "surrogatepass")
    return hmac.digest(vault.mac_key("source-items"), named, hashlib.sha256)


def known(connection: Connection, vault: Vault, source: SourceId, digests: Sequence[bytes]) -> dict[bytes, Item]:
    """What is known of these items."""
    rows = connection.execute(
        text("""
            SELECT i.*, d.id IS NULL OR d.deleted_at IS NOT NULL AS without FROM source_items i
            LEFT JOIN documents d ON d.tenant = i.tenant AND d.id = i.document
            WHERE i.tenant = :t AND i.source = :s AND i.key_digest = ANY(:d)
        """),
        {"t": source.tenant, "s": source.id, "d": list(digests)},
    )
    return {
        bytes(row.key_digest): Item(
            state="left_out" if row.state == "kept" and row.without else row.state,
            document=None if row.without else DocumentId(source.tenant, row.document),
            etag=open_text(vault, source, row.etag),
            acl=None if row.acl is None else AclId(row.acl),
            error_code=row.error_code,
        )
        for row in rows
    }


def see(connection: Connection, held: RunLease, digests: Sequence[bytes]) -> None:
    """Note that the run saw these items as they are known."""
    connection.execute(
        text("""
            UPDATE source_items SET seen_run = :r, gone = false
            WHERE tenant = :t AND source = :s AND key_digest = ANY(:d)
        """),
        {"r": held.run, "t": held.source.tenant, "s": held.source.id, "d": list(digests)},
    )


def save(connection: Connection, vault: Vault, held: RunLease, key_digest: bytes, item: Item) -> None:
    """Write an item as the run found it."""
    connection.execute(
        text("""
            INSERT INTO source_items (tenant, source, key_digest, document, state, etag, error_code, acl, seen_run)
            VALUES (:t, :s, :k, :document, :state, :etag, :code, :acl, :r)
            ON CONFLICT (tenant, source, key_digest) DO UPDATE SET document = excluded.document,
                state = excluded.state, etag = excluded.etag, error_code = excluded.error_code, acl = excluded.acl,
                seen_run = excluded.seen_run, gone = false
        """),
        {
            "t": held.source.tenant,
            "s": held.source.id,
            "k": key_digest,
            "document": item.document and item.document.id,
            "state": item.state,
            "etag": seal_text(vault, held.source, item.etag) if item.etag else None,
            "code": item.error_code,
            "acl": item.acl,
            "r": held.run,
        },
    )


def go(connection: Connection, source: SourceId, digests: Sequence[bytes]) -> None:
    """Mark items as gone at the source; they are removed at the end of the run."""
    connection.execute(
        text("UPDATE source_items SET gone = true WHERE tenant = :t AND source = :s AND key_digest = ANY(:d)"),
        {"t": source.tenant, "s": source.id, "d": list(digests)},
    )


def is_bound(connection: Connection, document: DocumentId) -> bool:
    """Whether a document belongs to an item of some source."""
    row = connection.execute(
        text("SELECT 1 FROM source_items WHERE tenant = :t AND document = :d"),
        {"t": document.tenant, "d": document.id},
    ).one_or_none()
    return row is not None


@dataclass(frozen=True, slots=True)
class Vanished:
    """Items with documents: how many there are, and how many of them have gone at the source."""

    kept: int
    gone: int


_GONE = "(gone OR (:complete AND seen_run <> :r))"


def vanished(connection: Connection, held: RunLease, *, complete: bool) -> Vanished:
    """What removing would mean; `complete` if the run named everything there is."""
    row = connection.execute(
        text(f"""
            SELECT count(*) AS kept, count(*) FILTER (WHERE {_GONE}) AS gone FROM source_items
            WHERE tenant = :t AND source = :s AND document IS NOT NULL AND state = 'kept'
        """),
        {"t": held.source.tenant, "s": held.source.id, "r": held.run, "complete": complete},
    ).one()
    return Vanished(row.kept, row.gone)


def forget(connection: Connection, held: RunLease, *, complete: bool, limit: int) -> tuple[int, list[DocumentId]]:
    """Take out up to `limit` items that have gone. Returns how many, and their documents that are still there."""
    rows = connection.execute(
        text(f"""
            WITH out AS (
                DELETE FROM source_items WHERE (tenant, source, key_digest) IN (
                    SELECT tenant, source, key_digest FROM source_items
                    WHERE tenant = :t AND source = :s AND {_GONE} LIMIT :limit)
                RETURNING tenant, document
            )
            SELECT out.document, d.id IS NOT NULL AND d.deleted_at IS NULL AS there FROM out
            LEFT JOIN documents d ON d.tenant = out.tenant AND d.id = out.document
        """),
        {"t": held.source.tenant, "s": held.source.id, "r": held.run, "complete": complete, "limit": limit},
    ).all()
    return len(rows), [DocumentId(held.source.tenant, row.document) for row in rows if row.there]


def documents_of(connection: Connection, source: SourceId) -> list[DocumentId]:
    """The documents of a source that are not deleted."""
    rows = connection.execute(
        text("""
            SELECT d.id FROM source_items i JOIN documents d ON d.tenant = i.tenant AND d.id = i.document
            WHERE i.tenant = :t AND i.source = :s AND d.deleted_at IS NULL
        """),
        {"t": source.tenant, "s": source.id},
    )
    return [DocumentId(source.tenant, row.id) for row in rows]


def count_documents(connection: Connection, sources: Sequence[SourceId]) -> dict[str, int]:
    """How many documents each of these sources keeps, by the source's id; one tenant's."""
    rows = connection.execute(
        text("""
            SELECT i.source, count(*) AS n FROM source_items i
            JOIN documents d ON d.tenant = i.tenant AND d.id = i.document AND d.deleted_at IS NULL
            WHERE i.tenant = :t AND i.source = ANY(:s) GROUP BY i.source
        """),
        {"t": sources[0].tenant if sources else "", "s": [source.id for source in sources]},
    )
    return {row.source: row.n for row in rows}


def leave_out(connection: Connection, document: DocumentId) -> None:
    """Keep nothing of an erased document's item but that it is not wanted here."""
    connection.execute(
        text("""
            UPDATE source_items SET document = NULL, etag = NULL, acl = NULL, error_code = NULL, state = 'left_out'
            WHERE tenant = :t AND document = :d
        """),
        {"t": document.tenant, "d": document.id},
    )
