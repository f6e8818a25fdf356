from collections.abc import Iterable
from dataclasses import replace
from uuid import uuid4

from assay_core.documents import AclId, ChunkId, CollectionId, DocumentId, TenantId
from assay_core.search import IndexRow, IndexScope


def new_tenant() -> TenantId:
    return TenantId(uuid4().hex)


def new_collection(tenant: TenantId | None = None) -> CollectionId:
    return CollectionId(tenant or new_tenant(), uuid4().hex)


def new_document(tenant: TenantId | None = None) -> DocumentId:
    return DocumentId(tenant or new_tenant(), uuid4().hex)


def new_row(collection: CollectionId, *, acl: int = 1) -> IndexRow:
    return IndexRow(ChunkId(collection.tenant, uuid4().hex), collection, AclId(acl))


def scope_of(collection: CollectionId, *acls: int) -> IndexScope:
    return IndexScope(collection, frozenset(AclId(acl) for acl in acls))


def choosing(scope: IndexScope, chunks: Iterable[ChunkId]) -> IndexScope:
    """The scope narrowed to these chunks."""
    return replace(scope, chunks=frozenset(chunks))


def new_chunks(collection: CollectionId, count: int) -> list[ChunkId]:
    return [new_row(collection).chunk for _ in range(count)]


QUOTES = (
    "'",
    '"',
    "a'b",
    'a"b',
    '" or 1 == 1 or "',
    "') or true or ('",
    '"] or chunk in ["',
    "\\",
    '\\"',
    "%",
    "*",
    "",
)
"""Ids that would change what is asked where they were put into it as they are."""
