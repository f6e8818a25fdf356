"""A collection to put documents into without a gateway, on a real database. Needs `assay-store`."""

import hashlib

from assay_core.collection_settings import CollectionSettings
from assay_core.documents import AclId, CollectionId, DocumentId, TenantId, Version, VersionState
from assay_core.jobs import Priority
from assay_core.ports import BlobStore
from assay_core.principals import Principal
from assay_store import access, collections, documents
from assay_store.database import Database
from assay_store.documents import StoredBlob, Upload
from assay_store.encryption import Vault

MASTER_KEY = bytes(range(32))


class Library:
    """A tenant with one member and one collection. `librarian` may do everything in it."""

    def __init__(
        self,
        database: Database,
        blobs: BlobStore,
        *,
        tenant: str = "acme",
        name: str = "handbook",
        settings: CollectionSettings | None = None,
    ) -> None:
        self.database = database
        self.blobs = blobs
        self.name = name
        self.vault = Vault(MASTER_KEY)
        self.librarian = Principal(TenantId(tenant), "ann", "Ann", frozenset({"administrator"}))
        with database.transaction() as connection:
            access.ensure_tenant(connection, self.librarian.tenant, tenant)
            access.ensure_principal(connection, self.librarian)
            self.acl: AclId = access.acl_for(connection, self.librarian.tenant)
            made = collections.create(connection, self.librarian.tenant, name, acl=self.acl, settings=settings)
        self.collection: CollectionId = made.id

    def upload(
        self, name: str, content: str | bytes, *, priority: Priority = Priority.INTERACTIVE, batch: str | None = None
    ) -> Upload:
        """Store and record a document as the gateway does."""
        plain = content.encode() if isinstance(content, str) else content
        sha256 = hashlib.sha256(plain).hexdigest()
        with self.database.transaction() as connection:
            target = documents.upload_target(connection, self.vault, self.collection, name, acl=self.acl)
            self.blobs.put(target.blob_key(sha256), target.key.seal_stream([plain]))
            blob = StoredBlob(sha256, len(plain), "text/markdown")
            return documents.record_upload(connection, target, blob, priority=priority, batch=batch)

    def delete(self, document: DocumentId) -> None:
        with self.database.transaction() as connection:
            documents.delete(connection, document)

    def version(self, upload: Upload) -> Version:
        """How far an uploaded version is."""
        return next(v for v in self.versions(upload.document) if v.version == upload.version)

    def versions(self, document: DocumentId) -> list[Version]:
        """All versions, newest first."""
        with self.database.transaction() as connection:
            return documents.versions_of(connection, self.vault, document)

    def states(self) -> dict[VersionState, int]:
        """How many documents have their newest version in each state."""
        with self.database.transaction() as connection:
            counts = documents.counts_by_state(connection, self.librarian, self.collection)
        return {VersionState(state): count for state, count in counts.items()}

    def live_version(self, document: DocumentId) -> int | None:
        with self.database.transaction() as connection:
            return documents.get(connection, self.vault, self.librarian, document).live_version

    def epoch(self) -> int:
        with self.database.transaction() as connection:
            return collections.get(connection, self.librarian, self.name).epoch
