"""Things that take time to build: a model, a connection. Built once, on first use or ahead of it."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from assay_core.errors import AssayError, Unavailable

Thing = TypeVar("Thing")


class Loading(Generic[Thing]):
    """Calling it gives the thing, or raises `Unavailable` while it is still being loaded."""

    def __init__(self, build: Callable[[], Thing], *, what: str) -> None:
        self._build = build
        self._what = what
        self._lock = threading.Lock()
        self._thing: Thing | None = None
        self._failure: AssayError | None = None

    def load(self) -> None:
        """Build it now; a failure is kept and raised to callers, and the next `load` tries again."""
        with self._lock:
            if self._thing is not None:
                return
            try:
                self._thing = self._build()
                self._failure = None
            except AssayError as error:
                self._failure = error

    def __call__(self) -> Thing:
        if self._thing is not None:
            return self._thing
        if self._failure is not None:
            raise Unavailable(self._failure.message, code=self._failure.code)
        raise Unavailable(f"The {self._what} is still loading; try again.", code="loading", retry_after_s=3)

    def check(self) -> None:
        """For readiness: raises `Unavailable` while it is not there."""
        self()
