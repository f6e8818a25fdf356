"""Changes of a document that is there: its metadata, or its bytes by id rather than by name."""

import json
from collections.abc import Mapping

from assay_core.documents import AclId, CollectionId, DocumentId
from assay_core.errors import Invalid, NotFound
from assay_core.metadata import MetadataValue
from assay_core.principals import Principal
from sqlalchemy import Connection, text

from assay_store import visibility
from assay_store.documents import UploadTarget
from assay_store.encryption import Vault

MAX_ENTRIES = 32


def version_target(connection: Connection, vault: Vault, principal: Principal, document: DocumentId) -> UploadTarget:
    """Where the next version of a document goes. Raises `NotFound` unless the principal may read it."""
    visibility.require_readable(connection, principal, document)
    row = connection.execute(
        text("SELECT collection, name, acl, key_wrapped FROM documents WHERE tenant = :t AND id = :d"),
        {"t": document.tenant, "d": document.id},
    ).one()
    wrapped = bytes(row.key_wrapped)
    return UploadTarget(
        document=document,
        collection=CollectionId(document.tenant, row.collection),
        name=row.name,
        acl=AclId(row.acl),
        key=vault.document_key(document, wrapped),
        key_wrapped=wrapped,
    )


def change_metadata(
    connection: Connection, principal: Principal, document: DocumentId, changes: Mapping[str, MetadataValue | None]
) -> dict[str, MetadataValue]:
    """Set values, or take names out whose value is None (RFC 7396). Returns all that it has then.

    Raises:
        NotFound: there is no such document that the principal may read.
        Invalid: the document would have too much metadata.
    """
    visibility.require_readable(connection, principal, document)
    before = connection.execute(
        text("SELECT metadata FROM documents WHERE tenant = :t AND id = :d AND deleted_at IS NULL FOR UPDATE"),
        {"t": document.tenant, "d": document.id},
    ).scalar_one_or_none()
    if before is None:
        raise NotFound(f"There is no document {document.id!r}.", code="document_not_found")
    after = {name: value for name, value in {**before, **changes}.items() if value is not None}
    if len(after) > MAX_ENTRIES:
        raise Invalid(
            f"With this the document would have {len(after)} metadata entries; up to {MAX_ENTRIES} are kept. Take"
            " some out by setting them to null.",
            code="bad_metadata",
        )
    connection.execute(
        text("""
            UPDATE documents SET metadata = CAST(:m AS jsonb), updated_at = now() WHERE tenant = :t AND id = :d
        """),
        {"m": json.dumps(after), "t": document.tenant, "d": document.id},
    )
    return after
