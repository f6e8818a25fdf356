import asyncio
from collections.abc import AsyncIterator, MutableMapping
from typing import Any

import pytest
from assay_gateway.disconnect import ClientGone, unless_gone
from assay_gateway.streaming import EventStream
from starlette.requests import Request

Message = MutableMapping[str, Any]
HTTP: dict[str, Any] = {"type": "http", "method": "GET", "path": "/", "headers": []}


class Browser:
    """An ASGI server's side: collects what is sent, and leaves when told."""

    def __init__(self) -> None:
        self.sent = list[Message]()
        self.gone = asyncio.Event()

    async def receive(self) -> Message:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    @property
    def body(self) -> bytes:
        return b"".join(m.get("body", b"") for m in self.sent)


class Source:
    """Pieces with pauses; knows whether it was closed."""

    def __init__(self, *pieces: bytes | float) -> None:
        self._pieces = pieces
        self.closed = False

    async def __call__(self) -> AsyncIterator[bytes]:
        try:
            for piece in self._pieces:
                if isinstance(piece, bytes):
                    yield piece
                else:
                    await asyncio.sleep(piece)
        finally:
            self.closed = True


async def test_pieces_are_sent_and_the_stream_ends() -> None:
    browser, source, ended = Browser(), Source(b"data: 1\n\n", b"data: 2\n\n"), list[bool]()
    await EventStream(source(), on_end=lambda: ended.append(True))(HTTP, browser.receive, browser.send)
    assert browser.body == b"data: 1\n\ndata: 2\n\n"
    headers = dict(browser.sent[0]["headers"])
    assert headers[b"content-type"].startswith(b"text/event-stream")
    assert b"content-length" not in headers
    assert browser.sent[-1]["more_body"] is False
    assert (source.closed, ended) == (True, [True])


async def test_silence_is_filled_with_heartbeats() -> None:
    browser, source = Browser(), Source(b"a", 0.25, b"b")
    await EventStream(source(), heartbeat_s=0.1)(HTTP, browser.receive, browser.send)
    assert browser.body == b"a: keep-alive\n\n: keep-alive\n\nb"


async def test_a_client_that_leaves_closes_the_source() -> None:
    browser, source, ended = Browser(), Source(b"a", 30.0), list[bool]()
    stream = EventStream(source(), on_end=lambda: ended.append(True))
    running = asyncio.create_task(stream(HTTP, browser.receive, browser.send))
    await asyncio.sleep(0.05)
    browser.gone.set()
    await asyncio.wait_for(running, 1)
    assert (source.closed, ended) == (True, [True])


async def test_a_slow_reader_holds_the_source_back() -> None:
    made = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal made
        while True:
            made += 1
            yield b"x"

    browser = Browser()

    async def stuck(message: Message) -> None:
        await browser.send(message)
        if message["type"] == "http.response.body":
            await browser.gone.wait()

    running = asyncio.create_task(EventStream(endless())(HTTP, browser.receive, stuck))
    await asyncio.sleep(0.1)
    browser.gone.set()
    await asyncio.wait_for(running, 1)
    assert made < 50


async def test_work_ends_when_nobody_waits() -> None:
    browser, cancelled = Browser(), asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.sleep(30)
        finally:
            cancelled.set()

    asyncio.get_running_loop().call_later(0.05, browser.gone.set)
    with pytest.raises(ClientGone):
        await asyncio.wait_for(unless_gone(Request(HTTP, browser.receive), work()), 1)
    assert cancelled.is_set()


async def test_work_that_is_done_is_given_back() -> None:
    async def work() -> int:
        return 7

    assert await unless_gone(Request(HTTP, Browser().receive), work()) == 7


async def test_an_error_of_the_work_is_raised() -> None:
    async def work() -> int:
        raise KeyError("x")

    with pytest.raises(KeyError):
        await unless_gone(Request(HTTP, Browser().receive), work())
