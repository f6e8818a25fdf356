import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from assay_core.answers import ChatDelta, TokenUsage, Turn

from assay_testing.words import words

Reply = str | Exception | Sequence[str | Exception]


@dataclass(frozen=True, slots=True)
class FakePrompt:
    """What a stream was asked for."""

    messages: tuple[Turn, ...]
    system: str
    max_tokens: int
    temperature: float
    stop: tuple[str, ...]
    timeout_s: float


class FakeChatModel:
    """Streams scripted replies, the last one for ever.

    A reply is a text (streamed word by word), a sequence of deltas, or an exception to raise; an exception inside
    a sequence breaks the stream there. `prompts` records what was asked, `cancelled` counts streams that were
    closed before their end.
    """

    def __init__(
        self, replies: Sequence[Reply] = ("ok",), *, delay_s: float = 0.0, model_id: str = "fake-chat"
    ) -> None:
        self.model_id = model_id
        self.prompts: list[FakePrompt] = []
        self.cancelled = 0
        self._replies = list(replies)
        self._delay_s = delay_s

    async def stream(
        self,
        messages: Sequence[Turn],
        *,
        system: str,
        max_tokens: int,
        temperature: float,
        stop: Sequence[str],
        timeout_s: float,
    ) -> AsyncIterator[ChatDelta]:
        self.prompts.append(FakePrompt(tuple(messages), system, max_tokens, temperature, tuple(stop), timeout_s))
        reply = self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]
        finished = False
        sent = 0
        try:
            for piece in _pieces(reply):
                await asyncio.sleep(self._delay_s)
                if isinstance(piece, Exception):
                    finished = True
                    raise piece
                if sent == max_tokens:
                    break
                sent += 1
                yield ChatDelta(piece)
            asked = sum(len(words(turn.content)) for turn in messages) + len(words(system))
            reason = "length" if sent == max_tokens else "stop"
            finished = True
            yield ChatDelta("", finish_reason=reason, usage=TokenUsage(prompt=asked, completion=sent))
        finally:
            self.cancelled += not finished

    async def count_tokens(self, text: str) -> int:
        return len(words(text))


def _pieces(reply: Reply) -> Sequence[str | Exception]:
    match reply:
        case Exception():
            return [reply]
        case str():
            first, *others = reply.split(" ")
            return [first, *(" " + word for word in others)]
        case _:
            return reply
