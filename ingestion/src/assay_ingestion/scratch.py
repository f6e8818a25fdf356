"""Removing what a trial of indexes left in Milvus when it was killed."""

import time
from collections.abc import Callable

import structlog
from assay_store.locks import NamedLock

log = structlog.get_logger()


class ScratchSweep:
    """Removes scratch collections now and then. A trial holds `lock` while it runs, and its death lets go of it."""

    def __init__(self, *, lock: NamedLock, remove: Callable[[], int], every_s: float = 300.0) -> None:
        self._lock = lock
        self._remove = remove
        self._every_s = every_s
        self._due_s = 0.0
        self._ran = False

    def work(self) -> None:
        """Sweep if it is time and no trial runs. Raises `Unavailable`."""
        if time.monotonic() >= self._due_s and self._sweep() is not None:
            self._due_s = time.monotonic() + self._every_s

    def may_hold_vectors(self) -> bool:
        """Whether a trial runs, or one has left files since this was asked last; what a dead one left is removed."""
        removed, ran = self._sweep(), self._ran
        self._ran = removed is None
        return removed is None or removed > 0 or ran

    def _sweep(self) -> int | None:
        """Remove what is there. Returns how many collections it was, or None if a trial runs."""
        if not self._lock.try_acquire():
            return None
        try:
            removed = self._remove()
        finally:
            self._lock.release()
        if removed:
            log.info("scratch.removed", collections=removed)
        return removed
