from collections.abc import AsyncGenerator

import pytest
from assay_core.answers import ChatDelta, Turn
from assay_core.ports import ChatModel


async def reply_of(chat: ChatModel, *, max_tokens: int = 32) -> list[ChatDelta]:
    stream = chat.stream(
        [Turn("user", "Say something long.")],
        system="You are brief.",
        max_tokens=max_tokens,
        temperature=0.0,
        stop=(),
        timeout_s=60.0,
    )
    return [delta async for delta in stream]


class ChatModelContract:
    """Override `chat`: a model that answers a request with at least three deltas."""

    @pytest.fixture
    def chat(self) -> ChatModel:
        raise NotImplementedError

    async def test_the_last_delta_tells_why_it_ended_and_what_it_cost(self, chat: ChatModel) -> None:
        deltas = await reply_of(chat)
        assert "".join(delta.text for delta in deltas)
        assert [delta.finish_reason for delta in deltas[:-1]] == [None] * (len(deltas) - 1)
        assert deltas[-1].finish_reason in {"stop", "length"}
        assert deltas[-1].usage is not None
        assert deltas[-1].usage.prompt > 0
        assert deltas[-1].usage.completion > 0

    async def test_the_token_limit_ends_the_reply(self, chat: ChatModel) -> None:
        deltas = await reply_of(chat, max_tokens=2)
        assert deltas[-1].finish_reason == "length"

    async def test_a_stream_can_be_closed_early_and_the_model_used_again(self, chat: ChatModel) -> None:
        stream = chat.stream(
            [Turn("user", "Count.")], system="", max_tokens=64, temperature=0.0, stop=(), timeout_s=60.0
        )
        async for delta in stream:
            if delta.text:
                break
        assert isinstance(stream, AsyncGenerator)
        await stream.aclose()
        assert await reply_of(chat)

    async def test_tokens_are_counted(self, chat: ChatModel) -> None:
        assert await chat.count_tokens("") == 0
        assert 2 <= await chat.count_tokens("two words") <= 9
