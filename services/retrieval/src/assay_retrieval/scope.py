"""What a principal may search, read from SQL at the start of each request."""

from dataclasses import dataclass

from assay_core.documents import Collection, CollectionId
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
    return SearchScope(principal, found, IndexScope(found.id, acls), visibility.permissions_digest(acls))
