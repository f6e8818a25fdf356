"""A blob that is sealed and written while its bytes arrive: plain text never touches the disk."""

import asyncio
import hashlib
from collections.abc import Iterator
from types import TracebackType
from typing import Self

import anyio
import anyio.from_thread
from assay_core.ports import BlobStore
from assay_runtime.threads import Workers
from assay_store.encryption import Key

from assay_gateway.disconnect import stop

_PIECES_IN_FLIGHT = 8


class BlobWriter:
    """Writes to `blob_key` in a thread of `workers`. Leaving the block before `finish` leaves nothing behind.

    `sha256` and `size_bytes` are those of the plain bytes written so far, complete after `finish`; `sent_bytes` counts
    what was handed over.
    """

    def __init__(self, *, blobs: BlobStore, key: Key, blob_key: str, workers: Workers) -> None:
        self._blobs = blobs
        self._key = key
        self._blob_key = blob_key
        self._workers = workers
        self._hash = hashlib.sha256()
        self._inbox, self._outbox = anyio.create_memory_object_stream[bytes](_PIECES_IN_FLIGHT)
        self.size_bytes = 0
        self.sent_bytes = 0

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._write())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._inbox.close()
        with anyio.CancelScope(shield=True):
            await asyncio.wait((self._task,))
        await stop(self._task)

    async def send(self, piece: bytes) -> None:
        """Add bytes; waits while the disk is slower than the client. Raises what broke the writing."""
        if piece:
            self.sent_bytes += len(piece)
            await self._put(piece)

    async def finish(self) -> None:
        """Write the end; the blob is durable when this returns."""
        await self._put(b"")
        await self._task

    async def _put(self, piece: bytes) -> None:
        try:
            await self._inbox.send(piece)
        except anyio.BrokenResourceError:
            await self._task
            raise

    async def _write(self) -> None:
        with self._outbox:
            await self._workers.run(lambda: self._blobs.put(self._blob_key, self._key.seal_stream(self._pieces())))

    def _pieces(self) -> Iterator[bytes]:
        # An empty piece is the end; a closed stream is a client that went away, and raises.
        while piece := anyio.from_thread.run(self._outbox.receive):
            self._hash.update(piece)
            self.size_bytes += len(piece)
            yield piece
