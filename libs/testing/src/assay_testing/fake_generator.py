import asyncio
from collections.abc import AsyncIterator, Sequence

from assay_core.answers import AnswerEvent, AnswerRequest
from assay_core.principals import Principal


class FakeGenerator:
    """Streams the same events for every question; an exception among them is raised there.

    `requests` records what was asked, `cancelled` counts streams that were closed before their end.
    """

    def __init__(self, events: Sequence[AnswerEvent | Exception], *, delay_s: float = 0.0) -> None:
        self.requests: list[tuple[Principal, AnswerRequest]] = []
        self.cancelled = 0
        self._events = tuple(events)
        self._delay_s = delay_s

    async def answer(self, principal: Principal, request: AnswerRequest) -> AsyncIterator[AnswerEvent]:
        self.requests.append((principal, request))
        left = len(self._events)
        try:
            for event in self._events:
                await asyncio.sleep(self._delay_s)
                left -= 1
                if isinstance(event, Exception):
                    left = 0
                    raise event
                yield event
        finally:
            self.cancelled += left > 0
