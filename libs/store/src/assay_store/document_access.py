"""Who may read a document, and how a change of that reaches the rows of the indexes.

Readers join hits with SQL, so whoever loses access sees nothing of the document from the commit on. Rows of the
indexes carry the ACL too, to find only what may be read: `acl_moved` says that they carry an earlier one, until the
indexer has written them again (with the vectors that are stored). Until then, who gained access may not find it.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from assay_core.documents import AclId, CollectionId, DocumentId, TenantId
from assay_core.errors import Invalid, NotFound
from assay_core.principals import EVERYONE, Principal
from sqlalchemy import Connection, text

from assay_store import access, collections, pipeline, visibility
from assay_store.database import notify
from assay_store.documents import INDEX_CHANNEL
from assay_store.pipeline import StoredChunk


@dataclass(frozen=True, slots=True)
class AccessRules:
    """Principals, groups or "everyone"; whoever is denied may not read, whatever else allows it."""

    allow: tuple[str, ...]
    deny: tuple[str, ...] = ()


def rules_of(connection: Connection, tenant: TenantId, acl: AclId) -> AccessRules:
    """The rules behind an ACL, sorted."""
    rows = connection.execute(
        text("SELECT principal, effect FROM acl_rules WHERE tenant = :t AND acl = :acl ORDER BY principal"),
        {"t": tenant, "acl": acl},
    ).all()
    chosen = {effect: tuple(r.principal for r in rows if r.effect == effect) for effect in ("allow", "deny")}
    return AccessRules(chosen["allow"], chosen["deny"])


def change_access(connection: Connection, principal: Principal, document: DocumentId, rules: AccessRules) -> None:
    """Give a document, and the files of it if it is an archive, other rules, for readers from this commit on.

    Raises:
        NotFound: there is no such document that the principal may read.
        Invalid: a rule names nobody (`extra["unknown"]` has the names), or the principal itself could not read the
            document any more.
    """
    visibility.require_readable(connection, principal, document)
    require_known(connection, principal.tenant, {*rules.allow, *rules.deny})
    acl = access.acl_for(connection, principal.tenant, allow=rules.allow, deny=rules.deny)
    if acl not in visibility.readable_acls(connection, principal):
        raise Invalid(
            f"With these rules {principal.id!r} could not read the document any more, and so not take them back;"
            " allow yourself, or a group that you are in.",
            code="locks_you_out",
        )
    give(connection, document, acl)


def give(connection: Connection, document: DocumentId, acl: AclId) -> None:
    """Give a document another ACL, for readers from this commit on. Raises `NotFound` if it was deleted."""
    rows = connection.execute(
        text("""
            UPDATE documents SET acl = :acl, acl_moved = acl_moved OR acl <> :acl, updated_at = now()
            WHERE tenant = :t AND (id = :d OR archive = :d) AND deleted_at IS NULL RETURNING collection
        """),
        {"t": document.tenant, "d": document.id, "acl": acl},
    ).all()
    if not rows:
        raise NotFound(f"There is no document {document.id!r}.", code="document_not_found")
    collections.advance_epoch(connection, CollectionId(document.tenant, rows[0].collection))
    notify(connection, INDEX_CHANNEL)


@dataclass(frozen=True, slots=True)
class MovedDocument:
    """A live document whose rows carry an earlier ACL than `acl`."""

    document: DocumentId
    collection: CollectionId
    acl: AclId


def moved_documents(connection: Connection, *, limit: int) -> list[MovedDocument]:
    """Live documents whose rows must be written again; others wait until they are live."""
    rows = connection.execute(
        text("""
            SELECT tenant, id, collection, acl FROM documents
            WHERE acl_moved AND live_version IS NOT NULL AND deleted_at IS NULL ORDER BY tenant, id LIMIT :limit
        """),
        {"limit": limit},
    )
    return [
        MovedDocument(DocumentId(tenant, row.id), CollectionId(tenant, row.collection), AclId(row.acl))
        for row in rows
        for tenant in (TenantId(row.tenant),)
    ]


def live_chunks_of(connection: Connection, moved: MovedDocument, *, after: str, limit: int) -> list[StoredChunk]:
    """Chunks of the live version by id after `after`, with the document's present ACL."""
    return pipeline.live_rows(connection, moved.collection, after=after, limit=limit, document=moved.document)


def rows_written(connection: Connection, moved: MovedDocument) -> int:
    """Note that the rows carry this ACL now; a document whose rules changed again meanwhile stays moved.

    Returns the collection's new sequence: who gained access finds the document from now on.
    """
    at = {"t": moved.document.tenant, "d": moved.document.id, "acl": moved.acl}
    connection.execute(text("UPDATE documents SET acl_moved = false WHERE tenant = :t AND id = :d AND acl = :acl"), at)
    return collections.advance_sequence(connection, moved.collection)


def require_known(connection: Connection, tenant: TenantId, names: Iterable[str]) -> None:
    """Raise `Invalid` with the names in `extra["unknown"]` if a rule names nobody."""
    asked = sorted(set(names) - {EVERYONE})
    known = set(
        connection.execute(
            text("SELECT id FROM principals WHERE tenant = :t AND id = ANY(:ids)"), {"t": tenant, "ids": asked}
        ).scalars()
    )
    if unknown := [name for name in asked if name not in known]:
        raise Invalid(
            f"There is no user or group {unknown[0]!r}; name those that exist, or {EVERYONE!r}.",
            code="unknown_principal",
            extra={"unknown": unknown},
        )
