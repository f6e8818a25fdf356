"""How received bytes become a version, for everyone who receives some: sealed blob first, then one transaction.

Bytes are sealed with the key of the document they are for and lie under `uploads/` until `record` renames them. A
crash before its transaction commits leaves at most a sealed blob that nothing names, under `uploads/` or, if it was
renamed, under the document's folder; the relay removes it when it is an hour old.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from assay_core import file_types
from assay_core.crash_points import reach
from assay_core.documents import VersionState
from assay_core.errors import Invalid
from assay_core.jobs import Priority
from assay_core.metadata import MetadataValue
from assay_core.ports import BlobStore
from sqlalchemy import Connection

from assay_store import documents
from assay_store.documents import StoredBlob, Upload, UploadTarget
from assay_store.ids import new_id

UPLOADS_PREFIX = "uploads"


def new_blob_key() -> str:
    """Where the next upload lies until it is recorded."""
    return f"{UPLOADS_PREFIX}/{new_id()}"


@dataclass(frozen=True, slots=True)
class Sealed:
    """Bytes for `target` that lie sealed under `blob_key`, not yet recorded."""

    target: UploadTarget
    blob_key: str
    blob: StoredBlob


class TooLarge(Protocol):
    def __call__(self, name: str) -> Invalid: ...


class Measured:
    """Plain bytes on their way into a blob: hashed, counted, and refused where they cannot be a document.

    Raises while it is read:
        Invalid: the bytes are empty, too many, or those of something that cannot be read.
    """

    def __init__(self, pieces: Iterable[bytes], *, name: str, max_bytes: int, too_large: TooLarge) -> None:
        self._pieces = pieces
        self._name = name
        self._max_bytes = max_bytes
        self._too_large = too_large
        self._size_bytes = 0
        self._head = bytearray()
        self._hash = hashlib.sha256()

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            if len(self._head) < file_types.HEAD_BYTES:
                self._head += piece[: file_types.HEAD_BYTES]
                file_types.refuse_binary(bytes(self._head), self._name)
            self._size_bytes += len(piece)
            if self._size_bytes > self._max_bytes:
                raise self._too_large(self._name)
            self._hash.update(piece)
            yield piece
        if not self._size_bytes:
            raise Invalid(f"{self._name!r} is empty; upload a file with text.", code="empty")

    def blob(self) -> StoredBlob:
        """What was read, once all of it was."""
        media_type = file_types.media_type(bytes(self._head), self._name)
        return StoredBlob(self._hash.hexdigest(), self._size_bytes, media_type)


def seal(
    blobs: BlobStore, target: UploadTarget, pieces: Iterable[bytes], *, max_bytes: int, too_large: TooLarge
) -> Sealed:
    """Seal a stream of plain bytes for `target`. Leaves no blob behind if it raises. Raises as `Measured`."""
    measured, blob_key = Measured(pieces, name=target.name, max_bytes=max_bytes, too_large=too_large), new_blob_key()
    blobs.put(blob_key, target.key.seal_stream(measured))
    return Sealed(target, blob_key, measured.blob())


def seal_again(blobs: BlobStore, sealed: Sealed, target: UploadTarget) -> Sealed:
    """The same bytes for another document, since the first one was made or deleted by someone else meanwhile."""
    blob_key = new_blob_key()
    with blobs.open(sealed.blob_key) as stored:
        blobs.put(blob_key, target.key.seal_stream(sealed.target.key.open_stream(stored)))
    blobs.delete(sealed.blob_key)
    return Sealed(target, blob_key, sealed.blob)


@dataclass(frozen=True, slots=True)
class Recorded:
    """An upload with the state of the version that it is, or already was."""

    upload: Upload
    state: VersionState


def record(
    connection: Connection,
    blobs: BlobStore,
    sealed: Sealed,
    *,
    metadata: Mapping[str, MetadataValue] | None = None,
    priority: Priority = Priority.INTERACTIVE,
    batch: str | None = None,
) -> Recorded:
    """Write document, version, job and outbox row in this transaction, and give the blob its place.

    An unchanged upload leaves its blob under `uploads/`; the caller removes it. Raises as `documents.record_upload`.
    """
    upload = documents.record_upload(
        connection, sealed.target, sealed.blob, metadata=metadata, priority=priority, batch=batch
    )
    if upload.unchanged:
        return Recorded(upload, upload.state)
    reach("upload.before_move")
    blobs.rename(sealed.blob_key, sealed.target.blob_key(sealed.blob.sha256))
    return Recorded(upload, upload.state)
