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
