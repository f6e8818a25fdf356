"""Documents that say nearly the same, by MinHash signatures with bands for the look-up (locality-sensitive hashing).

A signature belongs to a version and goes with it. Its hashes are keyed (see `assay_ingestion.minhash`), so that what is
left of one in a log or backup cannot be used to test for a known text. Nobody is told of a document that they may not
read.
"""

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from assay_core.collection_settings import NearDuplicates
from assay_core.documents import AclId, CollectionId, DocumentId
from assay_core.principals import Principal
from sqlalchemy import Connection, Row, text

from assay_store import keys, visibility
from assay_store.encryption import Vault
from assay_store.pipeline import PendingVersion

SIMILAR = 0.8
_CANDIDATES = 200

_TWINS = """
    SELECT d.id, d.name_sealed, k.key_wrapped, s.signature FROM document_signatures s
    JOIN documents d ON d.tenant = s.tenant AND d.id = s.document
    JOIN document_keys k ON k.tenant = d.tenant AND k.document = d.id
    WHERE s.tenant = :t AND s.collection = :c AND s.bands && CAST(:bands AS bigint[]) AND s.document <> :d
      AND d.deleted_at IS NULL AND d.acl = ANY(:acls)
"""


@dataclass(frozen=True, slots=True)
class Signature:
    """What is left of a text to compare it by: the least hashes (32 bits each), and a hash of each band of them."""

    values: bytes
    bands: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Twin:
    """Another document and how much of the word sequences both have in common (estimated Jaccard index, 0 to 1)."""

    document: DocumentId
    name: str
    similarity: float


@dataclass(frozen=True, slots=True)
class _SealedTwin:
    """A twin whose name is in its row, sealed."""

    document: DocumentId
    row: Row[tuple[object, ...]]
    similarity: float


def _named(vault: Vault, twin: _SealedTwin) -> Twin:
    key = keys.opened(vault, twin.document, twin.row)
    return Twin(twin.document, keys.open_name(key, twin.document, twin.row.name_sealed), twin.similarity)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two near-duplicates."""

    document: DocumentId
    name: str
    twin: Twin


def keep_signature(
    connection: Connection, document: DocumentId, version: int, collection: CollectionId, signature: Signature
) -> None:
    """Store the signature of a version; again changes nothing."""
    keep_signatures(connection, collection, {(document, version): signature})


def keep_signatures(
    connection: Connection, collection: CollectionId, signatures: Mapping[tuple[DocumentId, int], Signature]
) -> None:
    """Store signatures of versions of one collection."""
    if signatures:
        connection.execute(
            text("""
                INSERT INTO document_signatures (tenant, document, version, collection, signature, bands)
                VALUES (:t, :d, :v, :c, :s, :bands) ON CONFLICT (tenant, document, version)
                DO UPDATE SET signature = excluded.signature, bands = excluded.bands
            """),
            [
                {
                    "t": document.tenant,
                    "d": document.id,
                    "v": version,
                    "c": collection.id,
                    "s": signature.values,
                    "bands": list(signature.bands),
                }
                for (document, version), signature in sorted(signatures.items(), key=lambda item: item[0])
            ],
        )


def similarity(one: bytes, other: bytes) -> float:
    """The estimated Jaccard index of two signatures: the share of equal values."""
    left, right = array("I", one), array("I", other)
    return sum(a == b for a, b in zip(left, right, strict=True)) / len(left)


def twins(connection: Connection, vault: Vault, principal: Principal, document: DocumentId) -> list[Twin]:
    """Live documents that say nearly the same as the newest version of this one, the nearest first.

    Only what the principal may read; call `documents.get` first to check the right to see this one.
    """
    own = connection.execute(
        text("""
            SELECT s.collection, s.signature, s.bands FROM document_signatures s
            JOIN documents d ON d.tenant = s.tenant AND d.id = s.document AND d.latest_version = s.version
            WHERE s.tenant = :t AND s.document = :d
        """),
        {"t": document.tenant, "d": document.id},
    ).one_or_none()
    if own is None:
        return []
    acls = [int(a) for a in visibility.readable_acls(connection, principal)]
    found = _twins(connection, document, own.collection, own.signature, own.bands, acls, accepted=())
    return sorted((_named(vault, one) for one in found), key=lambda twin: (-twin.similarity, twin.name))


def pairs(
    connection: Connection, vault: Vault, principal: Principal, collection: CollectionId, *, after: str, limit: int
) -> tuple[list[Pair], str | None]:
    """Near-duplicates among the next `limit` live documents by id after `after`, each pair once.

    Returns also the id to go on after, None at the end; a page may hold no pair.
    """
    acls = [int(a) for a in visibility.readable_acls(connection, principal)]
    rows = connection.execute(
        text("""
            SELECT d.id, d.name_sealed, k.key_wrapped, s.signature, s.bands FROM documents d
            JOIN document_keys k ON k.tenant = d.tenant AND k.document = d.id
            JOIN document_signatures s ON s.tenant = d.tenant AND s.document = d.id AND s.version = d.live_version
            WHERE d.tenant = :t AND d.collection = :c AND d.deleted_at IS NULL AND d.acl = ANY(:acls) AND d.id > :after
            ORDER BY d.id LIMIT :limit
        """),
        {"t": collection.tenant, "c": collection.id, "acls": acls, "after": after, "limit": limit},
    ).all()
    found: list[Pair] = []
    for row in rows:
        document = DocumentId(collection.tenant, row.id)
        near = _twins(connection, document, collection.id, row.signature, row.bands, acls, accepted=())
        later = [_named(vault, twin) for twin in near if twin.document.id > document.id]
        if later:
            name = keys.open_name(keys.opened(vault, document, row), document, row.name_sealed)
            found += [Pair(document, name, twin) for twin in later]
    return found, rows[-1].id if len(rows) == limit else None


def refused(connection: Connection, pending: Sequence[PendingVersion]) -> set[DocumentId]:
    """New documents that their collection does not want, for it keeps one of near-duplicates.

    Only documents that have no live version yet, compared with those for exactly the same readers: what others
    cannot read is no substitute. Of two that arrive together, the first is kept.
    """
    choosy = _keeping_one(connection, pending)
    accepted: list[tuple[str, int]] = []
    unwanted: set[DocumentId] = set()
    for one in pending:
        if one.collection not in choosy:
            continue
        row = connection.execute(
            text("""
                SELECT d.acl, d.live_version, s.signature, s.bands FROM documents d
                JOIN document_signatures s ON s.tenant = d.tenant AND s.document = d.id AND s.version = :v
                WHERE d.tenant = :t AND d.id = :d
            """),
            {"t": one.document.tenant, "d": one.document.id, "v": one.version},
        ).one_or_none()
        if row is None:
            continue
        if row.live_version is None:
            acls = [int(AclId(row.acl))]
            near = _twins(
                connection, one.document, one.collection.id, row.signature, row.bands, acls, accepted=accepted
            )
            if near:
                unwanted.add(one.document)
                continue
        accepted.append((one.document.id, one.version))
    return unwanted


def _keeping_one(connection: Connection, pending: Sequence[PendingVersion]) -> set[CollectionId]:
    asked = {one.collection for one in pending}
    rows = connection.execute(
        text("""
            SELECT c.tenant, c.id FROM unnest(CAST(:tenants AS text[]), CAST(:ids AS text[])) AS a(tenant, id)
            JOIN collections c ON c.tenant = a.tenant AND c.id = a.id WHERE c.settings->>'near_duplicates' = :choice
        """),
        {"tenants": [c.tenant for c in asked], "ids": [c.id for c in asked], "choice": NearDuplicates.KEEP_ONE},
    )
    return {CollectionId(row.tenant, row.id) for row in rows}


def _twins(
    connection: Connection,
    document: DocumentId,
    collection: str,
    signature: bytes,
    bands: Sequence[int],
    acls: Sequence[int],
    *,
    accepted: Sequence[tuple[str, int]],
) -> list[_SealedTwin]:
    """Similar documents among those that are live, or `accepted` to go live, as (id, version)."""
    rows = connection.execute(
        text(f"""
            {_TWINS} AND (d.live_version = s.version OR (s.document, s.version) IN (
                SELECT * FROM unnest(CAST(:accepted AS text[]), CAST(:versions AS int[]))))
            LIMIT :limit
        """),
        {
            "t": document.tenant,
            "c": collection,
            "d": document.id,
            "bands": list(bands),
            "acls": list(acls),
            "accepted": [identity for identity, _ in accepted],
            "versions": [version for _, version in accepted],
            "limit": _CANDIDATES,
        },
    )
    near = [
        _SealedTwin(DocumentId(document.tenant, row.id), row, similarity(bytes(signature), bytes(row.signature)))
        for row in rows
    ]
    return [twin for twin in near if twin.similarity >= SIMILAR]
