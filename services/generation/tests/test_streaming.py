"""The stream over ASGI: statuses before it, events in it, an end always, and no work for a client that has gone."""

import asyncio
from collections.abc import AsyncGenerator, MutableMapping
from typing import Any

import pytest
from assay_core.answers import AnswerEvent, Done, Failed, Retrieved, Token
from assay_core.errors import NotFound
from assay_generation.streaming import AnswerStream
from assay_generation.testing import House
from assay_testing.answers import answer
from assay_wire import internal, sse

Message = MutableMapping[str, Any]
HTTP: dict[str, Any] = {"type": "http", "method": "POST", "path": "/internal/answer", "headers": []}


class Browser:
    """An ASGI server's side: collects what is sent, and leaves when told."""

    def __init__(self) -> None:
        self.sent = list[Message]()
        self.gone = asyncio.Event()
        self.first = asyncio.Event()

    async def receive(self) -> Message:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self.sent.append(message)
        if message.get("body"):
            self.first.set()

    @property
    def body(self) -> bytes:
        return b"".join(m.get("body", b"") for m in self.sent)

    @property
    def events(self) -> list[AnswerEvent]:
        return [internal.event_from_wire(event) for event in sse.decode_sync([self.body])]


class Source:
    """Events with pauses and errors; knows whether it was closed."""

    def __init__(self, *steps: AnswerEvent | Exception | float) -> None:
        self._steps = steps
        self.closed = False

    async def __call__(self) -> AsyncGenerator[AnswerEvent]:
        try:
            for step in self._steps:
                if isinstance(step, Exception):
                    raise step
                if isinstance(step, float | int):
                    await asyncio.sleep(step)
                else:
                    yield step
        finally:
            self.closed = True


DONE = Done(answer("So it is."))


async def test_events_are_sent_as_they_are() -> None:
    browser, source = Browser(), Source(Retrieved(()), Token("So"), DONE)
    await AnswerStream(source())(HTTP, browser.receive, browser.send)
    assert browser.events == [Retrieved(()), Token("So"), DONE]
    assert browser.sent[0]["status"] == 200
    assert browser.sent[-1]["more_body"] is False


async def test_error_before_the_first_event_is_left_to_the_shell() -> None:
    browser, source = Browser(), Source(0.01, NotFound("There is no collection."))
    with pytest.raises(NotFound):
        await AnswerStream(source())(HTTP, browser.receive, browser.send)
    assert browser.sent == []


async def test_fault_of_ours_in_the_middle_is_a_typed_end() -> None:
    browser, source = Browser(), Source(Token("So"), ZeroDivisionError())
    await AnswerStream(source())(HTTP, browser.receive, browser.send)
    assert isinstance(browser.events[-1], Failed)
    assert (browser.events[-1].code, browser.events[-1].status) == ("internal", 500)


async def test_stream_that_just_stops_is_a_typed_end() -> None:
    browser, source = Browser(), Source(Token("So"))
    await AnswerStream(source())(HTTP, browser.receive, browser.send)
    assert isinstance(browser.events[-1], Failed)
    assert browser.events[-1].code == "generation_broke_off"


async def test_heartbeats_fill_the_silence() -> None:
    browser, source = Browser(), Source(Token("So"), 0.12, DONE)
    await AnswerStream(source(), heartbeat_s=0.03)(HTTP, browser.receive, browser.send)
    assert browser.body.count(sse.HEARTBEAT) >= 2
    assert browser.events == [Token("So"), DONE]


@pytest.mark.parametrize("steps", [(60.0, DONE), (Token("So"), 60.0, DONE)], ids=["before", "in the middle"])
async def test_work_ends_when_the_client_goes(steps: tuple[AnswerEvent | float, ...]) -> None:
    browser, source = Browser(), Source(*steps)
    serving = asyncio.create_task(AnswerStream(source())(HTTP, browser.receive, browser.send))
    await asyncio.sleep(0.02)
    browser.gone.set()
    async with asyncio.timeout(1):
        await serving
    assert source.closed


async def test_chat_stream_is_closed_when_the_client_goes_while_the_model_is_silent() -> None:
    house, browser = House("Bicycles cost 3 pounds.", delay_s=60.0), Browser()
    serving = asyncio.create_task(AnswerStream(house.ask())(HTTP, browser.receive, browser.send))
    await browser.first.wait()
    await asyncio.sleep(0.05)
    browser.gone.set()
    async with asyncio.timeout(1):
        await serving
    assert house.chat.cancelled == 1
    assert len(asyncio.all_tasks()) == 1
