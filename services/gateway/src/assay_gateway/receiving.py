"""Receiving an upload: form in, sealed blob out, every limit kept while it streams."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

from assay_core.documents import Collection, DocumentId
from assay_core.errors import Conflict, Invalid
from assay_core.jobs import Priority
from assay_core.names import clean_name
from assay_core.ports import BlobStore
from assay_core.principals import Principal
from assay_runtime.threads import Workers
from assay_store import document_changes, documents, visibility
from assay_store.documents import UploadTarget
from assay_store.encryption import Vault
from assay_store.intake import Sealed
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Connection

from assay_gateway.blob_writing import BlobWriter
from assay_gateway.multipart import Event, Field, FileData, FileEnd, FileStart, MultipartReader
from assay_gateway.transactions import Transactions

# What a form may add to the file: boundaries, headers and fields.
_FORM_BYTES = 1 << 20
_SLOWEST_BYTES_PER_S = 1024
_PATIENCE_S = 30.0
_BATCH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_Metadata = TypeAdapter(dict[str, object])


@dataclass(slots=True)
class Received:
    """An upload that lies sealed, not yet recorded."""

    sealed: Sealed
    metadata: dict[str, object] | None
    priority: Priority = Priority.INTERACTIVE
    batch: str | None = None


@dataclass(slots=True)
class _Form:
    name: str | None = None
    metadata: dict[str, object] | None = None
    priority: Priority = Priority.INTERACTIVE
    batch: str | None = None
    writer: BlobWriter | None = None
    sealed: Sealed | None = None


class Receiver:
    """Receives uploads of one gateway process."""

    def __init__(
        self,
        *,
        transactions: Transactions,
        vault: Vault,
        blobs: BlobStore,
        max_bytes: int,
        idle_s: float,
        workers: Workers,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._transactions = transactions
        self._vault = vault
        self._blobs = blobs
        self._max_bytes = max_bytes
        self._idle_s = idle_s
        self._workers = workers
        self._clock = clock

    async def receive(
        self, content_type: str, pieces: AsyncIterator[bytes], *, find: Callable[[str], Awaitable[UploadTarget]]
    ) -> Received:
        """Read a form with a file. `find` says by its name where it goes. Leaves no blob behind if it raises.

        Raises:
            Invalid: the form, its name or its type cannot be used, or it is too large, empty or too slow.
        """
        reader, form = MultipartReader(content_type), _Form()
        async with AsyncExitStack() as stack:
            async for piece in self._bounded(pieces):
                for event in reader.feed(piece):
                    await self._take(form, event, stack, find)
            reader.finish()
            assert form.sealed is not None
            return Received(form.sealed, form.metadata, form.priority, form.batch)

    async def target(self, who: Principal, collection: Collection, name: str) -> UploadTarget:
        """The document that an upload of this name belongs to."""

        def find(connection: Connection) -> UploadTarget:
            target = documents.upload_target(connection, self._vault, collection.id, name, acl=collection.default_acl)
            if target.acl not in visibility.readable_acls(connection, who):
                raise Conflict(f"The name {name!r} is taken in {collection.name!r}; choose another.", code="name_taken")
            return target

        return await self._transactions(find)

    async def version_target(self, who: Principal, document: DocumentId) -> UploadTarget:
        """The document of this id. Raises `NotFound`."""
        return await self._transactions(lambda c: document_changes.version_target(c, self._vault, who, document))

    async def discard(self, blob_key: str) -> None:
        """Remove a blob that was not recorded; nothing happens if it has been renamed."""
        await self._workers.run(lambda: self._blobs.delete(blob_key))

    async def _bounded(self, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        size, start = 0, self._clock()
        while True:
            try:
                async with asyncio.timeout(self._idle_s):
                    piece = await anext(pieces)
            except StopAsyncIteration:
                return
            except TimeoutError:
                raise self._too_slow(f"nothing came for {self._idle_s:.0f} s (uploads.idle_s)") from None
            size += len(piece)
            if size > self._max_bytes + _FORM_BYTES:
                raise self.too_large()
            patience_s = self._clock() - start - _PATIENCE_S
            if patience_s > 0 and size < patience_s * _SLOWEST_BYTES_PER_S:
                raise self._too_slow(f"it came at less than {_SLOWEST_BYTES_PER_S} bytes a second")
            yield piece

    async def _take(
        self, form: _Form, event: Event, stack: AsyncExitStack, find: Callable[[str], Awaitable[UploadTarget]]
    ) -> None:
        match event:
            case Field("name", value):
                form.name = value.decode("utf-8", "replace")
            case Field("metadata", value):
                form.metadata = _metadata(value)
            case Field("priority", value):
                form.priority = priority_named(value.decode("utf-8", "replace"))
            case Field("batch", value):
                form.batch = batch_named(value.decode("utf-8", "replace"))
            case Field(name, _):
                raise Invalid(
                    f"The form has an unknown field {name[:40]!r}; send 'name', 'metadata', 'priority',"
                    " 'batch' and 'file'.",
                    code="validation",
                )
            case FileStart(filename):
                target = await find(clean_name(form.name or filename))
                writer = BlobWriter(
                    blobs=self._blobs,
                    target=target,
                    max_bytes=self._max_bytes,
                    too_large=self.too_large,
                    workers=self._workers,
                )
                form.writer = await stack.enter_async_context(writer)
            case FileData(data):
                assert form.writer is not None
                await form.writer.send(data)
            case FileEnd():
                assert form.writer is not None
                form.sealed = await form.writer.finish()

    def too_large(self, name: str = "The upload") -> Invalid:
        """The error for a file over the limit."""
        what = name if name == "The upload" else repr(name)
        return Invalid(
            f"{what} is larger than {self._max_bytes:,} bytes (uploads.max_bytes); split the file, or raise the limit"
            " with ASSAY_UPLOADS__MAX_BYTES.",
            code="too_large",
        )

    def _too_slow(self, why: str) -> Invalid:
        return Invalid(f"The upload was given up: {why}. Send it again.", code="too_slow")


def priority_named(raw: str) -> Priority:
    """A priority by its name. Raises `Invalid`."""
    try:
        return Priority[raw.upper()]
    except KeyError as error:
        raise Invalid(f"The priority {raw[:40]!r} is neither 'interactive' nor 'bulk'.", code="bad_priority") from error


def batch_named(raw: str) -> str:
    """A batch id that a client made. Raises `Invalid`."""
    if not _BATCH.fullmatch(raw):
        raise Invalid(
            f"{raw[:80]!r} cannot be a batch id; use 1 to 64 of A-Z, a-z, 0-9, '.', '_', '-', such as a random one.",
            code="bad_batch",
        )
    return raw


def _metadata(raw: bytes) -> dict[str, object]:
    """A JSON object; whether its values fit is for the collection to say."""
    try:
        return _Metadata.validate_json(raw, strict=True)
    except ValidationError as error:
        raise Invalid(
            'The field \'metadata\' must be a JSON object, such as {"author": "Ada"}.', code="bad_metadata"
        ) from error
