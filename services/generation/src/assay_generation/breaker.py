"""A chat model that is down is not asked again and again: each try would hold a place until its time-out."""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing

from assay_core.answers import ChatDelta, Turn
from assay_core.errors import Exhausted, Unavailable
from assay_core.ports import ChatModel

FAILURES_IN_A_ROW = 3
OPEN_S = 5.0


class ChatBreaker:
    """Wraps a `ChatModel`: after three failures before the first token it refuses for five seconds, then tries one."""

    def __init__(self, chat: ChatModel, *, now: Callable[[], float] = time.monotonic) -> None:
        self._chat = chat
        self._now = now
        self._failures = 0
        self._closed_again_at = 0.0

    @property
    def model_id(self) -> str:
        return self._chat.model_id

    async def count_tokens(self, text: str) -> int:
        return await self._chat.count_tokens(text)

    async def stream(
        self,
        messages: Sequence[Turn],
        *,
        system: str,
        max_tokens: int,
        temperature: float,
        stop: Sequence[str],
        timeout_s: float,
    ) -> AsyncGenerator[ChatDelta]:
        self._admit()
        deltas = self._chat.stream(
            messages,
            system=system,
            max_tokens=max_tokens,
            temperature=temperature,
            stop=stop,
            timeout_s=timeout_s,
        )
        async with aclosing(_closable(deltas)):
            try:
                async for delta in deltas:
                    self._failures = 0
                    yield delta
            except (Unavailable, Exhausted):
                self._failed()
                raise

    def _admit(self) -> None:
        if self._failures < FAILURES_IN_A_ROW:
            return
        wait_s = self._closed_again_at - self._now()
        if wait_s > 0:
            raise Unavailable(
                "The language model has just failed several times; it is left alone for a few seconds.",
                code="generator_unavailable",
                retry_after_s=max(1.0, wait_s),
            )
        self._closed_again_at = self._now() + OPEN_S

    def _failed(self) -> None:
        self._failures += 1
        self._closed_again_at = self._now() + OPEN_S


def _closable(deltas: AsyncIterator[ChatDelta]) -> AsyncGenerator[ChatDelta]:
    # The port promises an iterator that can be closed; an async generator is what all adapters give.
    assert isinstance(deltas, AsyncGenerator)
    return deltas
