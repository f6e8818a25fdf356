"""A blob that is sealed and written while its bytes arrive: plain text never touches the disk."""

import asyncio
from collections.abc import Iterator
from types import TracebackType
from typing import Self

import anyio
import anyio.from_thread
from assay_core.ports import BlobStore
from assay_runtime.threads import Workers
from assay_store.documents import UploadTarget
from assay_store.intake import Sealed, TooLarge, seal

from assay_gateway.disconnect import stop

_PIECES_IN_FLIGHT = 8


class BlobWriter:
    """Seals for `target` in a thread of `workers`. Leaving the block before `finish` leaves nothing behind."""

    def __init__(
        self, *, blobs: BlobStore, target: UploadTarget, max_bytes: int, too_large: TooLarge, workers: Workers
    ) -> None:
        self._blobs = blobs
        self._target = target
        self._max_bytes = max_bytes
        self._too_large = too_large
        self._workers = workers
        self._inbox, self._outbox = anyio.create_memory_object_stream[bytes](_PIECES_IN_FLIGHT)

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
            await self._put(piece)

    async def finish(self) -> Sealed:
        """Write the end; the blob is durable when this returns. Raises as `assay_store.intake.seal`."""
        await self._put(b"")
        return await self._task

    async def _put(self, piece: bytes) -> None:
        try:
            await self._inbox.send(piece)
        except anyio.BrokenResourceError:
            await self._task
            raise

    async def _write(self) -> Sealed:
        with self._outbox:
            return await self._workers.run(
                lambda: seal(
                    self._blobs, self._target, self._pieces(), max_bytes=self._max_bytes, too_large=self._too_large
                )
            )

    def _pieces(self) -> Iterator[bytes]:
        # An empty piece is the end; a closed stream is a client that went away, and raises.
        while piece := anyio.from_thread.run(self._outbox.receive):
            yield piece
