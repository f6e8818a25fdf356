"""What a principal may search, read from SQL at the start of each request."""

from dataclasses import dataclass, replace

from assay_core.documents import AclId, Collection, CollectionId
from assay_core.index_profiles import IndexProfile
from assay_core.principals import Principal
from assay_core.search import IndexScope
from assay_store import collections, visibility
from assay_store.database import Database


@dataclass(frozen=True, slots=True)
class SearchScope:
    """A collection as one principal sees it, at one epoch."""

    principal: Principal
    collection: Collection
    index: IndexScope
    permissions: str


def load_scope(database: Database, principal: Principal, collection: CollectionId) -> SearchScope:
    """Raises `NotFound` if there is no such collection for this principal, `Unavailable` if SQL does not answer."""
    with database.reading() as connection:
        found = collections.by_id(connection, principal, collection)
        acls = visibility.readable_acls(connection, principal)
    return SearchScope(principal, found, _index_scope(found, acls), visibility.permissions_digest(acls))


def asked_as(scope: SearchScope, index_kind: str) -> SearchScope:
    """The same scope in another generation of the collection's indexes."""
    collection = replace(scope.collection, index_kind=index_kind)
    return replace(scope, collection=collection, index=_index_scope(collection, scope.index.acls))


def _index_scope(collection: Collection, acls: frozenset[AclId]) -> IndexScope:
    return IndexScope(collection.id, acls, language=IndexProfile.parse(collection.index_kind).language)
