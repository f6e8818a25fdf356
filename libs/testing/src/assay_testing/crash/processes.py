"""Assay's processes as children that are killed, and started again at once as the supervisor would."""

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from types import TracebackType
from typing import Self

from assay_core.crash_points import EXIT_CODE

from assay_testing.crash import roles
from assay_testing.crash.roles import ROLES, Role

_LOOK_EVERY_S = 0.05
# Started from a process that has imported all of it, one is there within a tenth of a second.
_PRELOADED = [
    "__main__",
    "assay_testing.crash.roles",
    "pymilvus",
    "tantivy",
    "celery.bin.worker",
    "kombu.transport.redis",
]


class Processes:
    """Keeps the processes of an environment running while it is entered. `deaths` counts (role, exit code)."""

    def __init__(self, env: Mapping[str, str], ports: Mapping[Role, int], folder: Path) -> None:
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(_PRELOADED)
        self._env = dict(env)
        self._ports = ports
        self._folder = folder
        self._running: dict[Role, ForkServerProcess] = {}
        self._armed: dict[Role, str] = {}
        self._held: set[Role] = set()
        self._lock = threading.RLock()
        self._stop = threading.Event()
        self._tender = threading.Thread(target=self._tend, name="tender", daemon=True)
        self.deaths = Counter[tuple[Role, int]]()

    def __enter__(self) -> Self:
        for role in ROLES:
            self._start(role)
        self._tender.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._tender.join()
        for role in ROLES:
            self._kill(role)

    def log(self, role: Role) -> str:
        """What a process has written, of all its lives."""
        return (self._folder / f"{role}.log").read_text(errors="replace")

    def set_env(self, **env: str) -> None:
        """For processes that are started from now on."""
        self._env |= env

    def kill(self, role: Role) -> None:
        """kill -9 a process and all that it started; it is started again."""
        with self._lock:
            self._kill(role)

    def kill_one(self, pid: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    def children(self, role: Role) -> list[int]:
        """What a process has started."""
        pid = self._running[role].pid
        return _descendants(pid) if pid else []

    def hold(self, role: Role) -> None:
        """Kill a process, and leave it so until it is started again."""
        with self._lock:
            self._held.add(role)
            self._kill(role)

    def release(self, role: Role) -> None:
        """Start a process that was held."""
        with self._lock:
            self._held.discard(role)
            self._start(role)

    def start_armed(self, role: Role, point: str, **env: str) -> None:
        """Start a process, in place of the one that runs, that dies at `point`; the next one does not."""
        with self._lock:
            self._held.discard(role)
            self._kill(role)
            self._armed[role] = point
            self._start(role, env)

    def died_at_its_point(self, role: Role) -> bool:
        """Whether the process that was armed last has died of it."""
        with self._lock:
            return role not in self._armed

    def disarm(self, role: Role) -> None:
        with self._lock:
            if self._armed.pop(role, None) is not None:
                self._kill(role)

    def _start(self, role: Role, more: Mapping[str, str] | None = None) -> None:
        env = self._env | {"ASSAY_HTTP__PORT": str(self._ports[role])} | dict(more or {})
        if role in self._armed:
            env["ASSAY_CRASH_POINT"] = self._armed[role]
        process = self._context.Process(
            target=roles.run, args=(role, env, self._folder / f"{role}.log"), name=role, daemon=True
        )
        process.start()
        self._running[role] = process

    def _kill(self, role: Role) -> None:
        process = self._running[role]
        if process.pid is not None:
            for pid in [process.pid, *_descendants(process.pid)]:
                self.kill_one(pid)
        process.join()

    def _tend(self) -> None:
        while not self._stop.wait(_LOOK_EVERY_S):
            with self._lock:
                for role, process in list(self._running.items()):
                    if process.exitcode is not None and role not in self._held:
                        self._note_death(role, process.exitcode)
                        self._start(role)

    def _note_death(self, role: Role, exit_code: int) -> None:
        self.deaths[role, exit_code] += 1
        if exit_code == EXIT_CODE:
            self._armed.pop(role, None)


def _descendants(root: int) -> list[int]:
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with contextlib.suppress(OSError, ValueError):
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    found = [root]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found[1:]


def wait_for(condition: Callable[[], bool], *, timeout_s: float, what: str, every_s: float = 0.05) -> None:
    """Return once it holds. Raises `AssertionError` after `timeout_s`."""
    until_s = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > until_s:
            raise AssertionError(f"{what} did not come about within {timeout_s:.0f} s")
        time.sleep(every_s)
