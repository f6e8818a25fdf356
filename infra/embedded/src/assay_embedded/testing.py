"""Real servers for tests: a few parts, in the calling process, gone at the end of the block."""

import contextlib
import os
from collections.abc import Collection, Generator, Mapping
from dataclasses import dataclass
from pathlib import Path

from assay_embedded import settings as settings_module
from assay_embedded.supervisor import Supervisor

_KEPT = ("ASSAY_VLLM__ENV_PATH",)


@dataclass(frozen=True)
class Platform:
    supervisor: Supervisor
    env: dict[str, str]
    """Assay's settings for reaching the parts (ASSAY_DATABASE__URL and so on)."""

    @property
    def ports(self) -> dict[str, int]:
        return dict(self.supervisor.wiring.ports)

    def pid(self, part: str) -> int:
        """The main process of a part, for tests that kill it."""
        status = next(s for s in self.supervisor.statuses() if s.name == part)
        if status.pid is None:
            raise LookupError(f"{part!r} is {status.state}, it has no process")
        return status.pid

    def await_ready(self, *parts: str, timeout_s: float = 180) -> None:
        self.supervisor.await_ready(parts, timeout_s=timeout_s)


@contextlib.contextmanager
def running(
    home: Path, *, parts: Collection[str], timeout_s: float = 180, environ: Mapping[str, str] | None = None
) -> Generator[Platform]:
    """Start these parts on a data folder of their own, wait until they answer, and stop them at the end.

    `environ` adds to the environment; ASSAY_* variables of the calling process are left out, but for vLLM's
    environment, which takes minutes to make.

    Raises:
        Unavailable: one of them did not start; the message carries the reason from its log.
        HomeInUse: the folder has an owner already.
    """
    kept = {key: value for key, value in os.environ.items() if key in _KEPT or not key.startswith("ASSAY_")}
    settings = settings_module.read(home=home, environ={**kept, **(environ or {})})
    with Supervisor(settings, names=parts) as supervisor:
        supervisor.await_ready(parts, timeout_s=timeout_s)
        yield Platform(supervisor, env=dict(supervisor.wiring.connections))
