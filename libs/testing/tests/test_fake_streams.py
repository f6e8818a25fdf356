from collections.abc import AsyncGenerator

import pytest
from assay_core.answers import AnswerRequest, Token, Turn
from assay_core.errors import Broken, Unavailable
from assay_core.principals import Principal
from assay_testing.fake_chat import FakeChatModel
from assay_testing.fake_generator import FakeGenerator
from assay_testing.ids import new_collection, new_tenant


def ask(chat: FakeChatModel) -> AsyncGenerator[object]:
    stream = chat.stream(
        [Turn("user", "Why?")], system="Be brief.", max_tokens=9, temperature=0.0, stop=(), timeout_s=1.0
    )
    assert isinstance(stream, AsyncGenerator)
    return stream


async def test_chat_plays_its_script_and_repeats_the_last_reply() -> None:
    chat = FakeChatModel([Unavailable("loading"), ["a", Broken("cut")], "b"])
    with pytest.raises(Unavailable):
        [_ async for _ in ask(chat)]
    with pytest.raises(Broken):
        [_ async for _ in ask(chat)]
    assert len([_ async for _ in ask(chat)]) == len([_ async for _ in ask(chat)]) == 2
    assert [prompt.messages[0].content for prompt in chat.prompts] == ["Why?"] * 4
    assert chat.cancelled == 0


async def test_chat_counts_streams_closed_before_their_end() -> None:
    chat = FakeChatModel(["one two three"])
    stream = ask(chat)
    await anext(stream)
    await stream.aclose()
    assert chat.cancelled == 1


async def test_generator_streams_its_events_and_counts_closed_streams() -> None:
    generator = FakeGenerator([Token("a"), Token("b"), Broken("cut")])
    principal = Principal(new_tenant(), "u", "User", frozenset({"reader"}))
    request = AnswerRequest(new_collection(), "Why?")
    stream = generator.answer(principal, request)
    assert isinstance(stream, AsyncGenerator)
    assert await anext(stream) == Token("a")
    await stream.aclose()
    assert (generator.cancelled, generator.requests) == (1, [(principal, request)])
    with pytest.raises(Broken):
        [_ async for _ in generator.answer(principal, request)]
    assert generator.cancelled == 1
