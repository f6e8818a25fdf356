"""Synchronous work from async code, with a bound on how much of it runs at once."""

from collections.abc import Callable
from typing import TypeVar

import anyio
import anyio.to_thread

Result = TypeVar("Result")


class Workers:
    """Up to `size` threads for one kind of work; further callers wait their turn."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._limiter: anyio.CapacityLimiter | None = None

    async def run(self, work: Callable[[], Result], *, abandon: bool = False) -> Result:
        """Run `work` in a thread. With `abandon`, a cancelled caller leaves at once and the thread finishes alone."""
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(self._size)
        return await anyio.to_thread.run_sync(work, limiter=self._limiter, abandon_on_cancel=abandon)
