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

    def work(self) -> None:
        """Sweep if it is time and no trial runs. Raises `Unavailable`."""
        if time.monotonic() < self._due_s or not self._lock.try_acquire():
            return
        try:
            removed = self._remove()
        finally:
            self._lock.release()
        self._due_s = time.monotonic() + self._every_s
        if removed:
            log.info("scratch.removed", collections=removed)
