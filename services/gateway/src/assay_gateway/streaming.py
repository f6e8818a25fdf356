"""Server-sent events as an HTTP answer: heartbeats, an end when the client goes, and no wait for a dead one."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import suppress

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from assay_wire import sse
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from assay_gateway.disconnect import stop, wait_until_gone

HEARTBEAT_S = 15.0
_SEND_TIMEOUT_S = 30.0


class EventStream(Response):
    """Sends pieces as they come. The iterator is closed at once when the client disconnects.

    Args:
        pieces: encoded events; must not raise, since the status has been sent.
        on_end: called once, however the stream ends.
    """

    media_type = sse.MEDIA_TYPE

    def __init__(
        self,
        pieces: AsyncIterator[bytes],
        *,
        heartbeat_s: float = HEARTBEAT_S,
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._pieces = pieces
        self._heartbeat_s = heartbeat_s
        self._on_end = on_end

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope
        inbox, outbox = anyio.create_memory_object_stream[bytes](16)
        producer = asyncio.create_task(self._produce(inbox))
        sender = asyncio.create_task(self._send(outbox, send))
        gone = asyncio.create_task(wait_until_gone(receive))
        try:
            await asyncio.wait((sender, gone), return_when=asyncio.FIRST_COMPLETED)
        finally:
            await stop(producer, sender, gone)
            self._on_end()
        for task in (producer, sender):
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error

    async def _produce(self, inbox: MemoryObjectSendStream[bytes]) -> None:
        # One task runs the iterator from start to end and closes it, so that what it holds is let go where it was
        # taken.
        try:
            with inbox:
                async for piece in self._pieces:
                    await inbox.send(piece)
        finally:
            await close(self._pieces)

    async def _send(self, outbox: MemoryObjectReceiveStream[bytes], send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        with outbox, suppress(anyio.EndOfStream):
            while True:
                piece = sse.HEARTBEAT
                with anyio.move_on_after(self._heartbeat_s):
                    piece = await outbox.receive()
                with anyio.move_on_after(_SEND_TIMEOUT_S) as waiting:
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
                if waiting.cancelled_caught:
                    return
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def close(events: AsyncIterator[object]) -> None:
    """Close an iterator that holds something, also if it has not been started."""
    if isinstance(events, AsyncGenerator):
        await events.aclose()
