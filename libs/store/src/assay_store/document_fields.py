"""Values of declared metadata fields, to choose documents by.

Texts and tags are kept as keyed digests, so that nothing here can be read; the metadata itself lies sealed with its
document. The rows leave with the DELETE of a document.
"""

import hashlib
import hmac
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assay_core.collection_settings import FieldType
from assay_core.documents import AclId, ChunkId, CollectionId, DocumentId, TenantId
from assay_core.metadata import MetadataValue
from assay_core.metadata_filter import Condition, Group, Join, Operator, Part
from sqlalchemy import Connection, text

from assay_store.encryption import Vault

_JOINED = {Join.AND: "({})", Join.OR: "({})", Join.NOT: "NOT ({})"}
_WORD = {Join.AND: "AND", Join.OR: "OR", Join.NOT: "OR"}
_COMPARED = {Operator.GT: ">", Operator.GTE: ">=", Operator.LT: "<", Operator.LTE: "<="}


@dataclass(frozen=True, slots=True)
class Selection:
    """Chunks of readable documents that fit a filter: how many of all, and which, if they were few enough to name."""

    fitting: int
    all: int
    chunks: frozenset[ChunkId] | None


def replace(
    connection: Connection,
    vault: Vault,
    document: DocumentId,
    fields: Mapping[str, FieldType],
    metadata: Mapping[str, MetadataValue],
) -> None:
    """Write the values of a document's declared fields in place of those that it has; `metadata` must be valid.

    If it can be found, the collection counts that as a filing, for a filter may choose otherwise now.
    """
    removed = remove(connection, [document])
    rows = [
        {"t": document.tenant, "d": document.id, "f": name, "n": n, "digest": None, "number": None, "day": None} | value
        for name, kind in fields.items()
        if name in metadata
        for n, value in enumerate(_columns(vault, document.tenant, name, kind, metadata[name]))
    ]
    if rows:
        connection.execute(
            text("""
                INSERT INTO document_fields (tenant, document, field, item, digest, number, day)
                VALUES (:t, :d, :f, :n, :digest, :number, CAST(:day AS date))
            """),
            rows,
        )
    if rows or removed:
        connection.execute(
            text("""
                UPDATE collections c SET filings = c.filings + 1 FROM documents d
                WHERE d.tenant = :t AND d.id = :d AND c.tenant = d.tenant AND c.id = d.collection
                  AND d.live_version IS NOT NULL
            """),
            {"t": document.tenant, "d": document.id},
        )


def remove(connection: Connection, documents: Sequence[DocumentId]) -> int:
    """Forget the values of documents. Returns how many it were."""
    return connection.execute(
        text("""
            DELETE FROM document_fields f
            USING unnest(CAST(:tenants AS text[]), CAST(:documents AS text[])) AS a(tenant, document)
            WHERE f.tenant = a.tenant AND f.document = a.document
        """),
        {"tenants": [d.tenant for d in documents], "documents": [d.id for d in documents]},
    ).rowcount


def select(
    connection: Connection,
    vault: Vault,
    collection: CollectionId,
    acls: frozenset[AclId],
    wanted: Sequence[Part],
    *,
    most: int,
) -> Selection:
    """What a filter leaves of a collection; its chunks by id if there are up to `most`."""
    sql, values = _where(vault, collection.tenant, wanted)
    at = {"t": collection.tenant, "c": collection.id, "acls": [int(acl) for acl in acls], **values}
    counted = connection.execute(
        text(f"""
            SELECT coalesce(sum(v.chunks) FILTER (WHERE {sql}), 0) AS fitting, coalesce(sum(v.chunks), 0) AS total
            FROM documents d JOIN versions v ON v.tenant = d.tenant AND v.document = d.id AND v.version = d.live_version
            WHERE d.tenant = :t AND d.collection = :c AND d.deleted_at IS NULL AND d.acl = ANY(:acls)
        """),
        at,
    ).one()
    if counted.fitting > most:
        return Selection(int(counted.fitting), int(counted.total), None)
    rows = connection.execute(
        text(f"""
            SELECT DISTINCT vc.chunk FROM documents d
            JOIN version_chunks vc ON vc.tenant = d.tenant AND vc.document = d.id AND vc.version = d.live_version
            WHERE d.tenant = :t AND d.collection = :c AND d.deleted_at IS NULL AND d.acl = ANY(:acls) AND {sql}
        """),
        at,
    )
    chunks = frozenset(ChunkId(collection.tenant, row.chunk) for row in rows)
    return Selection(int(counted.fitting), int(counted.total), chunks)


def fitting(
    connection: Connection,
    vault: Vault,
    tenant: TenantId,
    documents: Collection[DocumentId],
    wanted: Sequence[Part],
) -> set[DocumentId]:
    """Those of `documents` that fit a filter."""
    sql, values = _where(vault, tenant, wanted)
    rows = connection.execute(
        text(f"SELECT d.id FROM documents d WHERE d.tenant = :t AND d.id = ANY(:ids) AND {sql}"),
        {"t": tenant, "ids": [d.id for d in documents if d.tenant == tenant], **values},
    )
    return {DocumentId(tenant, row.id) for row in rows}


def _where(vault: Vault, tenant: TenantId, wanted: Sequence[Part]) -> tuple[str, dict[str, Any]]:
    """A filter as SQL of constant words and numbered parameters: nothing that a person wrote is part of it."""
    values: dict[str, Any] = {}

    def parameter(value: object) -> str:
        name = f"p{len(values)}"
        values[name] = value
        return f":{name}"

    def sql(part: Part) -> str:
        if isinstance(part, Group):
            return _JOINED[part.join].format(f" {_WORD[part.join]} ".join(map(sql, part.parts)))
        field = parameter(part.field)
        tests = [test.format(parameter(value)) for test, value in _tests(vault, tenant, part)]
        return " AND ".join(
            "EXISTS (SELECT 1 FROM document_fields f WHERE f.tenant = d.tenant AND f.document = d.id"
            f" AND f.field = {field} AND {test})"
            for test in tests
        )

    return " AND ".join(map(sql, wanted)) or "true", values


def _tests(vault: Vault, tenant: TenantId, condition: Condition) -> Iterator[tuple[str, Any]]:
    """Comparisons that must all hold, each with its one parameter."""
    digests = [_digest(vault, tenant, condition.field, str(value)) for value in condition.values]
    match condition.kind, condition.operator:
        case ((FieldType.STRING | FieldType.TAGS), Operator.ALL):
            yield from (("f.digest = {}", digest) for digest in digests)
        case ((FieldType.STRING | FieldType.TAGS), _):
            yield "f.digest = ANY({})", digests
        case FieldType.NUMBER, Operator.IN:
            yield "f.number = ANY({})", [float(value) for value in condition.values]
        case FieldType.NUMBER, operator:
            yield f"f.number {_COMPARED[operator]} {{}}", float(condition.values[0])
        case FieldType.DATE, Operator.IN:
            yield "f.day = ANY(CAST({} AS date[]))", list(condition.values)
        case FieldType.DATE, operator:
            yield f"f.day {_COMPARED[operator]} CAST({{}} AS date)", condition.values[0]


def _columns(
    vault: Vault, tenant: TenantId, name: str, kind: FieldType, value: MetadataValue
) -> Iterator[dict[str, object]]:
    match kind:
        case FieldType.NUMBER:
            yield {"number": value}
        case FieldType.DATE:
            yield {"day": value}
        case FieldType.STRING | FieldType.TAGS:
            for one in value if isinstance(value, list) else [value]:
                yield {"digest": _digest(vault, tenant, name, str(one))}


def _digest(vault: Vault, tenant: TenantId, field: str, value: str) -> bytes:
    key = vault.mac_key(f"metadata:{tenant}")
    return hmac.new(key, f"{field}\0{value}".encode(), hashlib.sha256).digest()[:16]
