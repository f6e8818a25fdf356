"""What was deleted, how far it has left every store, and what is remembered to be able to prove it.

An erasure's id is the id of the deletion's job. Its row outlives the document: it says what was removed and when, and
holds fingerprints (see `assay_adapters.byte_scanner`) of the document's chunk ids and vectors and the beginning of its
wrapped key, which tell nothing of it, and by which files can be looked through afterwards.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from assay_core.documents import CollectionId, DocumentId, TenantId
from assay_core.errors import NotFound
from assay_core.jobs import JobKind, JobState
from sqlalchemy import Connection, Row, text

from assay_store import keys, legal_holds
from assay_store.database import clock
from assay_store.ids import new_id


class ErasureState(StrEnum):
    """How far an erasure is. The key is destroyed in the transaction of the DELETE, before any of these is seen."""

    HELD = "held"  # invisible, but its bytes are kept until a legal hold is lifted
    LEAVING = "leaving"  # unreadable; rows, vectors, terms and blobs are being removed
    SETTLING = "settling"  # removed from every store; their files are being rewritten
    COMPLETE = "complete"  # every store has rewritten its files
    PROVEN = "proven"  # and a scan of all files, which found its controls, found nothing of it


@dataclass(frozen=True, slots=True)
class Erasure:
    """One deleted document."""

    id: str
    document: DocumentId
    requested_at: datetime
    requested_by: str | None
    key_destroyed_at: datetime | None
    left_at: datetime | None
    complete_at: datetime | None
    proven_at: datetime | None
    counts: Mapping[str, int]

    @property
    def state(self) -> ErasureState:
        if self.key_destroyed_at is None:
            return ErasureState.HELD
        if self.proven_at is not None:
            return ErasureState.PROVEN
        if self.complete_at is not None:
            return ErasureState.COMPLETE
        return ErasureState.LEAVING if self.left_at is None else ErasureState.SETTLING


@dataclass(frozen=True, slots=True)
class Sought:
    """What is remembered of an erased document to look for it.

    Fingerprints of its chunks' ids and vectors, and the first 16 bytes of its wrapped key.
    """

    id: str
    document: DocumentId
    chunks: tuple[int, ...]
    vectors: tuple[int, ...]
    key_head: bytes


@dataclass(frozen=True, slots=True)
class Waiting:
    """Collections with erasures that wait for the files to be rewritten, since when, and the database's time."""

    now: datetime
    since: datetime
    collections: tuple[CollectionId, ...]


_COLUMNS = """
    s.tenant, s.id, s.document, s.deleted_at, s.requested_by, s.key_destroyed_at, s.erased_at, s.complete_at,
    s.proven_at, s.counts
"""


def begin(
    connection: Connection, collection: CollectionId, documents: Sequence[DocumentId], *, by: str | None
) -> dict[str, str]:
    """Record that documents were deleted, destroy the keys of those that are not held, and write the jobs.

    Returns the erasures by document id.
    """
    begun = {document.id: new_id() for document in documents}
    connection.execute(
        text("""
            INSERT INTO tombstones (tenant, document, id, collection, requested_by)
            SELECT :t, a.document, a.id, :c, :by
            FROM unnest(CAST(:documents AS text[]), CAST(:ids AS text[])) AS a(document, id)
        """),
        {"t": collection.tenant, "c": collection.id, "by": by, "documents": [*begun], "ids": [*begun.values()]},
    )
    held = legal_holds.among(connection, documents)
    keys.give_up_names(connection, held)
    _make_unreadable(connection, [document for document in documents if document not in set(held)])
    return begun


def lift_hold(connection: Connection, document: DocumentId) -> list[DocumentId]:
    """Lift a legal hold, and erase what was deleted under it. Returns the documents that were held.

    Raises:
        NotFound: there is no hold.
    """
    freed = legal_holds.remove(connection, document)
    rows = connection.execute(
        text("""
            SELECT document FROM tombstones
            WHERE tenant = :t AND document = ANY(:d) AND key_destroyed_at IS NULL FOR UPDATE
        """),
        {"t": document.tenant, "d": [one.id for one in freed]},
    )
    _make_unreadable(connection, [DocumentId(document.tenant, row.document) for row in rows])
    return freed


def _make_unreadable(connection: Connection, documents: Sequence[DocumentId]) -> None:
    at = {"tenants": [d.tenant for d in documents], "documents": [d.id for d in documents]}
    connection.execute(
        text("""
            UPDATE tombstones s SET key_destroyed_at = now(), key_head = encode(substring(k.key_wrapped FOR 16), 'hex')
            FROM document_keys k, unnest(CAST(:tenants AS text[]), CAST(:documents AS text[])) AS a(tenant, document)
            WHERE s.tenant = a.tenant AND s.document = a.document AND k.tenant = a.tenant AND k.document = a.document
        """),
        at,
    )
    keys.destroy(connection, documents)
    connection.execute(
        text("""
            INSERT INTO jobs (tenant, id, kind, document, collection, state)
            SELECT s.tenant, s.id, :kind, s.document, s.collection, :state
            FROM tombstones s, unnest(CAST(:tenants AS text[]), CAST(:documents AS text[])) AS a(tenant, document)
            WHERE s.tenant = a.tenant AND s.document = a.document
        """),
        at | {"kind": JobKind.DELETE, "state": JobState.WAITING},
    )


def get(connection: Connection, tenant: TenantId, erasure: str) -> Erasure:
    """An erasure of a tenant. Raises `NotFound`."""
    row = connection.execute(
        text(f"SELECT {_COLUMNS} FROM tombstones s WHERE s.tenant = :t AND s.id = :id"), {"t": tenant, "id": erasure}
    ).one_or_none()
    if row is None:
        raise NotFound(f"There is no erasure {erasure!r}.", code="erasure_not_found")
    return _erasure(row)


def listing(
    connection: Connection, tenant: TenantId, *, open_only: bool, limit: int, after: str | None = None
) -> list[Erasure]:
    """Erasures of a tenant, those asked for last first, after the one with the id `after`."""
    rows = connection.execute(
        text(f"""
            SELECT {_COLUMNS} FROM tombstones s
            WHERE s.tenant = :t AND (NOT :open OR s.complete_at IS NULL)
              AND (CAST(:after AS text) IS NULL OR (s.deleted_at, s.id) <
                   (SELECT p.deleted_at, p.id FROM tombstones p WHERE p.tenant = :t AND p.id = :after))
            ORDER BY s.deleted_at DESC, s.id DESC LIMIT :limit
        """),
        {"t": tenant, "open": open_only, "after": after, "limit": limit},
    )
    return [_erasure(row) for row in rows]


def count(connection: Connection, document: DocumentId, counts: Mapping[str, int]) -> None:
    """Note what an erasure removes. What is found again after a crash is less, and does not count."""
    connection.execute(
        text("""
            UPDATE tombstones SET counts = counts || (
                SELECT coalesce(jsonb_object_agg(key, greatest((counts->>key)::bigint, value::bigint)), '{}')
                FROM jsonb_each_text(CAST(:counts AS jsonb)))
            WHERE tenant = :t AND document = :d
        """),
        {"counts": json.dumps(dict(counts)), "t": document.tenant, "d": document.id},
    )


def remember(connection: Connection, document: DocumentId, *, chunks: Sequence[int], vectors: Sequence[int]) -> None:
    """Keep fingerprints of what is about to be removed, beside those that are kept already."""
    row = connection.execute(
        text("SELECT chunk_marks, vector_marks FROM tombstones WHERE tenant = :t AND document = :d FOR UPDATE"),
        {"t": document.tenant, "d": document.id},
    ).one()
    connection.execute(
        text("UPDATE tombstones SET chunk_marks = :c, vector_marks = :v WHERE tenant = :t AND document = :d"),
        {
            "c": _packed({*_unpacked(row.chunk_marks), *chunks}),
            "v": _packed({*_unpacked(row.vector_marks), *vectors}),
            "t": document.tenant,
            "d": document.id,
        },
    )


def settling(connection: Connection, *, after: datetime | None) -> Waiting | None:
    """What left every store, later than at `after`, and waits for the files to be rewritten; None if nothing does."""
    rows = connection.execute(
        text("""
            SELECT tenant, collection, min(erased_at) AS since FROM tombstones
            WHERE erased_at IS NOT NULL AND complete_at IS NULL
              AND (CAST(:after AS timestamptz) IS NULL OR erased_at > :after)
            GROUP BY tenant, collection ORDER BY tenant, collection
        """),
        {"after": after},
    ).all()
    if not rows:
        return None
    collections = tuple(CollectionId(TenantId(row.tenant), row.collection) for row in rows)
    return Waiting(now=clock(connection), since=min(row.since for row in rows), collections=collections)


def complete(connection: Connection, *, left_before: datetime) -> int:
    """Mark erasures that had left every store at `left_before` as complete. Returns how many."""
    return connection.execute(
        text("""
            UPDATE tombstones SET complete_at = now()
            WHERE erased_at IS NOT NULL AND erased_at <= :before AND complete_at IS NULL
        """),
        {"before": left_before},
    ).rowcount


def sought(connection: Connection, *, among: Sequence[str] | None, limit: int) -> list[Sought]:
    """What is remembered of complete erasures: of those named, or of all, the latest first."""
    rows = connection.execute(
        text("""
            SELECT tenant, id, document, chunk_marks, vector_marks, key_head FROM tombstones
            WHERE complete_at IS NOT NULL AND (CAST(:ids AS text[]) IS NULL OR id = ANY(:ids))
            ORDER BY complete_at DESC LIMIT :limit
        """),
        {"ids": None if among is None else list(among), "limit": limit},
    )
    return [
        Sought(
            id=row.id,
            document=DocumentId(TenantId(row.tenant), row.document),
            chunks=_unpacked(row.chunk_marks),
            vectors=_unpacked(row.vector_marks),
            key_head=bytes.fromhex(row.key_head or ""),
        )
        for row in rows
    ]


def unfinished(connection: Connection) -> dict[str, int]:
    """How many erasures are in each state before complete."""
    rows = connection.execute(
        text("""
            SELECT CASE WHEN key_destroyed_at IS NULL THEN 'held' WHEN erased_at IS NULL THEN 'leaving'
                   ELSE 'settling' END AS state, count(*) AS n
            FROM tombstones WHERE complete_at IS NULL GROUP BY 1
        """)
    )
    return {row.state: row.n for row in rows}


def oldest_open_s(connection: Connection) -> float:
    """How long ago the oldest deletion was asked for that is not complete, but for those that are held; 0 if none."""
    return connection.execute(
        text("""
            SELECT coalesce(extract(epoch FROM now() - min(deleted_at)), 0)::float FROM tombstones
            WHERE complete_at IS NULL AND key_destroyed_at IS NOT NULL
        """)
    ).scalar_one()


def prove(connection: Connection, erasures: Sequence[str]) -> None:
    """Mark erasures as proven: a scan that can see found nothing of them in any file."""
    connection.execute(
        text("UPDATE tombstones SET proven_at = now() WHERE id = ANY(:ids) AND complete_at IS NOT NULL"),
        {"ids": list(erasures)},
    )


def _packed(marks: Collection[int]) -> bytes:
    return b"".join(mark.to_bytes(8, "little") for mark in sorted(marks))


def _unpacked(marks: bytes) -> tuple[int, ...]:
    return tuple(int.from_bytes(marks[i : i + 8], "little") for i in range(0, len(marks), 8))


def _erasure(row: Row[tuple[object, ...]]) -> Erasure:
    return Erasure(
        id=row.id,
        document=DocumentId(TenantId(row.tenant), row.document),
        requested_at=row.deleted_at,
        requested_by=row.requested_by,
        key_destroyed_at=row.key_destroyed_at,
        left_at=row.erased_at,
        complete_at=row.complete_at,
        proven_at=row.proven_at,
        counts={name: int(count) for name, count in row.counts.items()},
    )
