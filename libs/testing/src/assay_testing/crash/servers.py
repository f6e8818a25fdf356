"""The servers under test, which may be one platform or several."""

import os
import signal
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress

from assay_embedded.testing import Platform


class Servers:
    """PostgreSQL, broker, cache and Milvus. Killed ones are started again by their supervisor."""

    def __init__(self, platforms: Sequence[Platform]) -> None:
        self._platforms = platforms
        self.env = {key: value for platform in platforms for key, value in platform.env.items()}

    def kill(self, part: str) -> None:
        """kill -9 a server, and wait until another one is in its place."""
        platform = self._of(part)
        pid = platform.pid(part)
        os.kill(pid, signal.SIGKILL)
        while _running(platform, part) in (pid, None):
            time.sleep(0.02)

    def await_ready(self, *parts: str, timeout_s: float = 180) -> None:
        for part in parts:
            self._of(part).await_ready(part, timeout_s=timeout_s)

    @contextmanager
    def frozen(self, part: str) -> Generator[None]:
        """The server is there and answers nothing."""
        pid = self._of(part).pid(part)
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def home(self, part: str) -> str:
        """The data folder of a server."""
        return str(self._of(part).supervisor.home.path / part)

    def _of(self, part: str) -> Platform:
        for platform in self._platforms:
            if part in platform.ports:
                return platform
        raise LookupError(f"{part!r} is not among the servers of this test")


def _running(platform: Platform, part: str) -> int | None:
    return next((s.pid for s in platform.supervisor.statuses() if s.name == part), None)
