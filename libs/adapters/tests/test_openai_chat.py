"""The chat adapter against a server in memory that behaves well, badly, and not at all."""

import json
from collections.abc import AsyncIterator, Callable

import httpx
import pytest
from assay_adapters.openai_chat import OpenAIChat
from assay_core.answers import ChatDelta, TokenUsage, Turn
from assay_core.errors import AssayError, Broken, Exhausted, Invalid, Unavailable

Handler = Callable[[httpx.Request], httpx.Response]


def chunk(**fields: object) -> bytes:
    return f"data: {json.dumps(fields)}\n\n".encode()


def text(piece: str, finish: str | None = None) -> bytes:
    return chunk(choices=[{"delta": {"content": piece}, "finish_reason": finish}])


GOOD = [
    chunk(choices=[{"delta": {"role": "assistant", "content": ""}}]),
    text("14 "),
    text("characters.", "stop"),
    chunk(choices=[], usage={"prompt_tokens": 7, "completion_tokens": 3}),
    b"data: [DONE]\n\n",
]


class Pieces(httpx.AsyncByteStream):
    def __init__(self, pieces: list[bytes], *, breaks: bool = False) -> None:
        self.pieces, self.breaks, self.closed = pieces, breaks, False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            yield piece
        if self.breaks:
            raise httpx.ReadError("connection reset")

    async def aclose(self) -> None:
        self.closed = True


def chat(handler: Handler) -> OpenAIChat:
    return OpenAIChat(base_url="http://llm/v1", model="m", api_key="k", transport=httpx.MockTransport(handler))


async def reply(model: OpenAIChat) -> list[ChatDelta]:
    turns = [Turn("user", "hello")]
    stream = model.stream(turns, system="be brief", max_tokens=5, temperature=0, stop=["\n"], timeout_s=1)
    return [delta async for delta in stream]


async def test_a_reply_is_streamed_and_ends_with_reason_and_usage():
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, stream=Pieces(GOOD))

    deltas = await reply(chat(answer))
    assert "".join(d.text for d in deltas) == "14 characters."
    assert deltas[-1] == ChatDelta("", "stop", TokenUsage(7, 3))
    body = json.loads(seen[0].content)
    assert (body["messages"][0], body["stop"]) == ({"role": "system", "content": "be brief"}, ["\n"])
    assert seen[0].headers["authorization"] == "Bearer k"


async def test_events_may_be_split_anywhere():
    whole = b"".join(GOOD)
    for cut in range(1, len(whole)):
        pieces = Pieces([whole[:cut], whole[cut:]])
        deltas = await reply(chat(lambda _, pieces=pieces: httpx.Response(200, stream=pieces)))
        assert "".join(d.text for d in deltas) == "14 characters."


@pytest.mark.parametrize(
    ("pieces", "breaks"),
    [([], False), (GOOD[:2], False), (GOOD[:2], True), (GOOD[:3], False), ([b"data: {not json\n\n"], False)],
)
async def test_a_stream_that_does_not_end_well_is_broken(pieces: list[bytes], breaks: bool):
    with pytest.raises(Broken):
        await reply(chat(lambda _: httpx.Response(200, stream=Pieces(pieces, breaks=breaks))))


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, Invalid), (401, Broken), (404, Unavailable), (429, Unavailable), (500, Unavailable), (503, Unavailable)],
)
async def test_refusals_say_what_the_caller_can_do(status: int, kind: type[AssayError]):
    with pytest.raises(kind):
        await reply(chat(lambda _: httpx.Response(status, json={"error": {"message": "no"}})))


@pytest.mark.parametrize(("error", "kind"), [(httpx.ConnectError, Unavailable), (httpx.ReadTimeout, Exhausted)])
async def test_a_server_that_does_not_answer(error: type[httpx.TransportError], kind: type[AssayError]):
    def fail(request: httpx.Request) -> httpx.Response:
        raise error("no", request=request)

    with pytest.raises(kind):
        await reply(chat(fail))


async def test_closing_the_stream_closes_the_connection():
    pieces = Pieces(GOOD)
    model = chat(lambda _: httpx.Response(200, stream=pieces))
    stream = model.stream([], system="", max_tokens=5, temperature=0, stop=[], timeout_s=1)
    assert (await anext(stream)).text == "14 "
    await stream.aclose()
    assert pieces.closed


async def test_tokens_are_estimated_where_the_server_cannot_count():
    assert await chat(lambda _: httpx.Response(404)).count_tokens("twelve chars") == 4
    assert await chat(lambda _: httpx.Response(200, json={"count": 3})).count_tokens("twelve chars") == 3
    assert await chat(lambda _: httpx.Response(500)).count_tokens("") == 0
