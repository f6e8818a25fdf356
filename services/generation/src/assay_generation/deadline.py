"""One deadline for a request, counted down through all of its steps."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from assay_core.errors import Exhausted


class Deadline:
    """The moment at which an answer must be there."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._at = asyncio.get_running_loop().time() + limit_s

    @property
    def remaining_s(self) -> float:
        return self._at - asyncio.get_running_loop().time()

    def within(self, at_most_s: float) -> float:
        """The time for a step that should not take longer than `at_most_s`. Raises `Exhausted` if none is left."""
        if self.remaining_s <= 0:
            raise self._over()
        return min(at_most_s, self.remaining_s)

    @asynccontextmanager
    async def enforced(self) -> AsyncGenerator[None]:
        """Cut the block off at the deadline. Raises `Exhausted`. Must not hold a `yield` to a caller of ours."""
        try:
            async with asyncio.timeout_at(self._at):
                yield
        except TimeoutError:
            raise self._over() from None

    def _over(self) -> Exhausted:
        return Exhausted(
            f"The answer was not finished within {self._limit_s:.1f} s; ask again, or for fewer tokens.",
            code="deadline",
            retry_after_s=5,
        )
