"""Documents by filter: what SQL knows is asked there, names and metadata where they are read."""

from dataclasses import dataclass

from assay_core.document_filter import DocumentFilter
from assay_core.documents import CollectionId, DocumentId
from assay_core.principals import Principal
from sqlalchemy import Connection, text

from assay_store import keys, visibility
from assay_store.encryption import Vault

_PAGE = 2000


@dataclass(frozen=True, slots=True)
class Selected:
    """Documents that fit, in the order of their ids: how many, and the first of them with their names."""

    count: int
    first: tuple[tuple[DocumentId, str], ...]


def select(
    connection: Connection,
    vault: Vault,
    principal: Principal,
    collection: CollectionId,
    wanted: DocumentFilter,
    *,
    limit: int,
) -> Selected:
    """The readable documents of a collection that fit a filter, up to `limit` by name; none fits an empty one."""
    if wanted.is_empty:
        return Selected(0, ())
    acls = [int(a) for a in visibility.readable_acls(connection, principal)]
    count, after = 0, ""
    first: list[tuple[DocumentId, str]] = []
    while True:
        rows = connection.execute(
            text("""
                SELECT d.id, d.name_sealed, d.metadata_sealed, k.key_wrapped FROM documents d
                JOIN document_keys k ON k.tenant = d.tenant AND k.document = d.id
                JOIN versions v
                  ON v.tenant = d.tenant AND v.document = d.id AND v.version = d.latest_version
                WHERE d.tenant = :t AND d.collection = :c AND d.deleted_at IS NULL AND d.acl = ANY(:acls)
                  AND d.id > :after
                  AND (CAST(:ids AS text[]) IS NULL OR d.id = ANY(:ids))
                  AND (CAST(:states AS text[]) IS NULL OR v.state = ANY(:states))
                  AND (CAST(:before AS timestamptz) IS NULL OR v.created_at < :before)
                  AND (CAST(:since AS timestamptz) IS NULL OR v.created_at > :since)
                ORDER BY d.id LIMIT :page
            """),
            {
                "t": collection.tenant,
                "c": collection.id,
                "acls": acls,
                "after": after,
                "ids": list(wanted.ids) or None,
                "states": list(wanted.states) or None,
                "before": wanted.uploaded_before,
                "since": wanted.uploaded_after,
                "page": _PAGE,
            },
        ).all()
        for row in rows:
            document = DocumentId(collection.tenant, row.id)
            key = keys.opened(vault, document, row)
            name = keys.open_name(key, document, row.name_sealed)
            if wanted.fits(name, keys.open_metadata(key, document, row.metadata_sealed)):
                count += 1
                if len(first) < limit:
                    first.append((document, name))
        if len(rows) < _PAGE:
            return Selected(count, tuple(first))
        after = rows[-1].id
