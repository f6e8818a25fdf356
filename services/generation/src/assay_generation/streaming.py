"""An answer as server-sent events. An error before the first one is still an HTTP status; no stream just stops."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

import structlog
from assay_core.answers import AnswerEvent, Done, Failed
from assay_wire import internal, sse
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

log = structlog.get_logger()
HEARTBEAT_S = 10.0
_SEND_S = 30.0
_INSIST_S = 0.2
_WAITING_EVENTS = 16
_BROKE_OFF = Failed("generation_broke_off", "The answer broke off in the middle; ask again.", 503, 5)
_INTERNAL = Failed("internal", "Something broke on our side; ask again, or report it with the time.", 500)


class AnswerStream(Response):
    """Sends events as they come, and heartbeats in between. All work is cancelled at once when the client goes."""

    media_type = sse.MEDIA_TYPE

    def __init__(self, events: AsyncGenerator[AnswerEvent], *, heartbeat_s: float = HEARTBEAT_S) -> None:
        super().__init__(headers={"Cache-Control": "no-store"})
        del self.headers["content-length"]
        self._events = events
        self._heartbeat_s = heartbeat_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope
        queue: asyncio.Queue[AnswerEvent | None] = asyncio.Queue(_WAITING_EVENTS)
        first: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        producer = asyncio.create_task(self._produce(queue, first))
        sender = asyncio.create_task(self._send(queue, first, send))
        gone = asyncio.create_task(_until_gone(receive))
        try:
            await asyncio.wait((sender, gone), return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _stop(producer, sender, gone)
        if not sender.cancelled() and (error := sender.exception()) is not None:
            raise error

    async def _produce(self, queue: asyncio.Queue[AnswerEvent | None], first: asyncio.Future[None]) -> None:
        # One task runs the generator from start to end, so that what it holds is let go where it was taken.
        try:
            async with aclosing(self._events) as events:
                async for event in _with_an_end(events):
                    if not first.done():
                        first.set_result(None)
                    await queue.put(event)
            await queue.put(None)
        except Exception as error:
            if not first.done():
                first.set_exception(error)
                return
            log.exception("answer.broken", error=type(error).__name__)
            await queue.put(_INTERNAL)
            await queue.put(None)

    async def _send(self, queue: asyncio.Queue[AnswerEvent | None], first: asyncio.Future[None], send: Send) -> None:
        await first
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        number = 0
        while True:
            try:
                # Not wait_for, which on Python 3.11 loses a cancellation that comes together with an event.
                async with asyncio.timeout(self._heartbeat_s):
                    event = await queue.get()
            except TimeoutError:
                await _sent(send, sse.HEARTBEAT)
                continue
            if event is None:
                break
            number += 1
            await _sent(send, sse.encode(internal.event_to_wire(event, number)))
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _with_an_end(events: AsyncIterator[AnswerEvent]) -> AsyncIterator[AnswerEvent]:
    event = None
    async for event in events:
        yield event
    if not isinstance(event, Done | Failed):
        yield _BROKE_OFF


async def _sent(send: Send, body: bytes) -> None:
    # A reader that takes nothing for so long holds a place for nothing.
    async with asyncio.timeout(_SEND_S):
        await send({"type": "http.response.body", "body": body, "more_body": True})


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _stop(*tasks: asyncio.Task[Any]) -> None:  # Any: results are not looked at
    pending = {task for task in tasks if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        # Once more if something below has swallowed the cancellation.
        _, pending = await asyncio.wait(pending, timeout=_INSIST_S)
