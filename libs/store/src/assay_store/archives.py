"""Documents that came out of an archive: they belong to it, share its access, and go with it."""

from dataclasses import dataclass

from assay_core.documents import AclId, DocumentId
from assay_core.jobs import Priority
from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class ArchivePlace:
    """What the files of an archive inherit from it."""

    acl: AclId
    priority: Priority
    batch: str | None


def place_of(connection: Connection, archive: DocumentId, version: int) -> ArchivePlace | None:
    """What files of this version inherit, held until the transaction ends; None if it was deleted or replaced."""
    row = connection.execute(
        text("""
            SELECT d.acl, v.priority, v.batch FROM documents d
            JOIN versions v ON v.tenant = d.tenant AND v.document = d.id AND v.version = d.latest_version
            WHERE d.tenant = :t AND d.id = :d AND d.deleted_at IS NULL AND d.latest_version = :v FOR SHARE OF d
        """),
        {"t": archive.tenant, "d": archive.id, "v": version},
    ).one_or_none()
    return ArchivePlace(AclId(row.acl), Priority(row.priority), row.batch) if row is not None else None


def is_free_for(connection: Connection, archive: DocumentId, document: DocumentId) -> bool:
    """Whether a document is new, or came out of this archive: others are not written over."""
    row = connection.execute(
        text("SELECT archive FROM documents WHERE tenant = :t AND id = :d"), {"t": document.tenant, "d": document.id}
    ).one_or_none()
    return row is None or row.archive == archive.id


def adopt(connection: Connection, archive: DocumentId, document: DocumentId) -> None:
    """Let a document belong to an archive."""
    connection.execute(
        text("UPDATE documents SET archive = :a WHERE tenant = :t AND id = :d"),
        {"a": archive.id, "t": document.tenant, "d": document.id},
    )


def files_of(connection: Connection, archive: DocumentId) -> list[DocumentId]:
    """The documents that came out of an archive and are not deleted."""
    rows = connection.execute(
        text("SELECT id FROM documents WHERE tenant = :t AND archive = :a AND deleted_at IS NULL ORDER BY id"),
        {"t": archive.tenant, "a": archive.id},
    )
    return [DocumentId(archive.tenant, row.id) for row in rows]
