"""Changes of a document that is there: its metadata, or its bytes by id rather than by name."""

from collections.abc import Mapping

from assay_core.documents import AclId, CollectionId, DocumentId
from assay_core.errors import Invalid, NotFound
from assay_core.metadata import MetadataValue
from assay_core.principals import Principal
from sqlalchemy import Connection, text

from assay_store import keys, visibility
from assay_store.documents import UploadTarget
from assay_store.encryption import Vault

MAX_ENTRIES = 32


def version_target(connection: Connection, vault: Vault, principal: Principal, document: DocumentId) -> UploadTarget:
    """Where the next version of a document goes. Raises `NotFound` unless the principal may read it."""
    visibility.require_readable(connection, principal, document)
    row = connection.execute(
        text("""
            SELECT d.collection, d.name_sealed, d.acl, k.key_wrapped, k.name_digest FROM documents d
            JOIN document_keys k ON k.tenant = d.tenant AND k.document = d.id
            WHERE d.tenant = :t AND d.id = :d
        """),
        {"t": document.tenant, "d": document.id},
    ).one()
    wrapped = bytes(row.key_wrapped)
    key = vault.document_key(document, wrapped)
    return UploadTarget(
        document=document,
        collection=CollectionId(document.tenant, row.collection),
        name=keys.open_name(key, document, row.name_sealed),
        acl=AclId(row.acl),
        key=key,
        key_wrapped=wrapped,
        name_digest=bytes(row.name_digest),
    )


def change_metadata(
    connection: Connection,
    vault: Vault,
    principal: Principal,
    document: DocumentId,
    changes: Mapping[str, MetadataValue | None],
) -> dict[str, MetadataValue]:
    """Set values, or take names out whose value is None (RFC 7396). Returns all that it has then.

    Raises:
        NotFound: there is no such document that the principal may read.
        Invalid: the document would have too much metadata.
    """
    visibility.require_readable(connection, principal, document)
    row = connection.execute(
        text("""
            SELECT d.metadata_sealed, k.key_wrapped FROM documents d
            JOIN document_keys k ON k.tenant = d.tenant AND k.document = d.id
            WHERE d.tenant = :t AND d.id = :d AND d.deleted_at IS NULL FOR UPDATE OF d
        """),
        {"t": document.tenant, "d": document.id},
    ).one_or_none()
    if row is None:
        raise NotFound(f"There is no document {document.id!r}.", code="document_not_found")
    key = keys.opened(vault, document, row)
    before = keys.open_metadata(key, document, row.metadata_sealed)
    after = {name: value for name, value in {**before, **changes}.items() if value is not None}
    if len(after) > MAX_ENTRIES:
        raise Invalid(
            f"With this the document would have {len(after)} metadata entries; up to {MAX_ENTRIES} are kept. Take"
            " some out by setting them to null.",
            code="bad_metadata",
        )
    connection.execute(
        text("""
            UPDATE documents SET metadata_sealed = :m, updated_at = now() WHERE tenant = :t AND id = :d
        """),
        {"m": keys.seal_metadata(key, document, after), "t": document.tenant, "d": document.id},
    )
    return after
