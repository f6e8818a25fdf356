"""The data folder: where everything lies, and who owns it."""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

from assay_embedded import proctable
from assay_embedded.errors import HomeInUse

_CLEANUP_S = 15.0


@dataclass(frozen=True)
class Home:
    path: Path

    @property
    def run(self) -> Path:
        return self.path / "run"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def secrets(self) -> Path:
        return self.path / "secrets"

    @property
    def models(self) -> Path:
        return self.path / "models"

    @property
    def environments(self) -> Path:
        return self.path / "envs"

    @property
    def lock(self) -> Path:
        return self.run / "lock"

    @property
    def state(self) -> Path:
        return self.run / "state.json"

    def log(self, part: str) -> Path:
        return self.logs / f"{part}.log"

    def mark(self, part: str | None = None) -> str:
        """What every process started for this folder carries in its environment."""
        return f"{self.path}:{part}" if part else str(self.path)

    def create(self) -> None:
        """Make the folder readable to its owner only, and the folders in it. Never touches its parents' modes."""
        self.path.mkdir(parents=True, exist_ok=True)
        for private in (self.run, self.secrets, self.logs):
            private.mkdir(mode=0o700, exist_ok=True)
        for data in (self.models, self.environments, self.path / "blobs", self.path / "bm25"):
            data.mkdir(mode=0o700, exist_ok=True)

    def in_use(self, owner: "Owner | None") -> HomeInUse:
        who = f"process {owner.pid}" if owner else "another process"
        return HomeInUse(
            f"{str(self.path)!r} is already in use by {who}. Stop it with `assay down --home {self.path}`, "
            "or give this platform a folder of its own with --home or ASSAY_HOME."
        )


@dataclass(frozen=True)
class Owner:
    pid: int
    started_ticks: int

    @property
    def alive(self) -> bool:
        process = proctable.read(self.pid)
        return process is not None and process.started_ticks == self.started_ticks


def read_owner(home: Home) -> Owner | None:
    """The supervisor that wrote itself into the lock last, dead or alive."""
    try:
        fields = json.loads(home.lock.read_text())
        return Owner(pid=fields["pid"], started_ticks=fields["started_ticks"])
    except (OSError, ValueError, KeyError):
        return None


@contextlib.contextmanager
def owned(home: Home) -> Generator[int]:
    """Own the folder while inside; gives the descriptor of the lock.

    Raises:
        HomeInUse: at once if another supervisor is alive; a dead one's watchdog gets time to clean up.
    """
    home.create()
    descriptor = os.open(home.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _acquire(home, descriptor)
        process = proctable.read(os.getpid())
        assert process is not None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps({"pid": process.pid, "started_ticks": process.started_ticks}).encode(), 0)
        yield descriptor
    finally:
        os.close(descriptor)


def _acquire(home: Home, descriptor: int) -> None:
    deadline = time.monotonic() + _CLEANUP_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = read_owner(home)
            if (owner and owner.alive) or time.monotonic() > deadline:
                raise home.in_use(owner) from None
            time.sleep(0.1)
        else:
            return
