"""How many answers are made at once. Whoever finds no room is told so at once, instead of queueing."""

from collections.abc import Generator
from contextlib import contextmanager

from assay_core.errors import Exhausted

RETRY_AFTER_S = 3.0


class Gate:
    """Room for `size` answers in one process."""

    def __init__(self, size: int) -> None:
        self._size = size
        self.inside = 0

    @contextmanager
    def entered(self) -> Generator[None]:
        """Hold a place. Raises `Exhausted` if all are taken."""
        if self.inside >= self._size:
            raise Exhausted(
                f"{self._size} answers are being written already (chat.max_in_flight); try again in a few seconds.",
                code="busy",
                retry_after_s=RETRY_AFTER_S,
            )
        self.inside += 1
        try:
            yield
        finally:
            self.inside -= 1
