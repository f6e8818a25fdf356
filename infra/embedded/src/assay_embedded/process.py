"""Starting one process the way every part needs it, and ending it with all that it started."""

import os
import select
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from assay_embedded import launch, proctable
from assay_embedded.launch import Place
from assay_embedded.proctable import MARK, Footprint


@dataclass(frozen=True)
class Command:
    """What to run. The environment is complete: nothing is inherited from the supervisor's."""

    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: Path
    stop_signal: int = signal.SIGTERM
    stop_timeout_s: float = 10.0
    nice: int = 0
    hide_root: bool = False
    join_pid: int | None = None
    uid: int | None = None
    gid: int | None = None
    dies_with_supervisor: bool = True
    """The kernel stops it when the supervisor dies, even if the watchdog died too. False for programs whose
    children may hide in sessions of their own: the watchdog must find those while their parent lives."""
    rewrites_environment: bool = False
    """The program writes titles over its environment, so that its children are known by program and folder."""


class Child:
    """A running process in a session of its own, its output appended to a log file."""

    def __init__(self, command: Command, *, log: Path, mark: str) -> None:
        place = Place(
            parent_pid=os.getpid(),
            death_signal=command.stop_signal if command.dies_with_supervisor else None,
            hide_root=command.hide_root,
            join_pid=command.join_pid,
            uid=command.uid,
            gid=command.gid,
            nice=command.nice,
        )
        with log.open("ab") as output:
            self._popen = subprocess.Popen(
                launch.launching(place, command.argv),
                env={**command.env, MARK: mark},
                cwd=command.cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self.command = command
        self.started_monotonic_s = time.monotonic()
        self.pidfd = os.pidfd_open(self._popen.pid)
        self.footprint = Footprint(
            pid=self._popen.pid,
            started_ticks=_started_ticks(self._popen.pid),
            mark=mark,
            cwd=str(command.cwd),
            program=os.path.realpath(command.argv[0]) if command.rewrites_environment else "",
            stop_signal=command.stop_signal,
        )

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def ran_s(self) -> float:
        return time.monotonic() - self.started_monotonic_s

    def exit_code(self) -> int | None:
        return self._popen.poll()

    def wait(self, timeout_s: float) -> bool:
        """Whether it ended within the time."""
        poll = select.poll()
        poll.register(self.pidfd, select.POLLIN)
        poll.poll(timeout_s * 1000)
        return self._popen.poll() is not None

    def stop(self) -> None:
        """Ask it to stop, give it its time, then end whatever is left of it."""
        known = proctable.members(self.footprint)
        if self._popen.poll() is None:
            self._popen.send_signal(self.command.stop_signal)
            if not self.wait(self.command.stop_timeout_s):
                known |= proctable.members(self.footprint)
                self._popen.kill()
        self._bury(known)

    def kill(self) -> int:
        """End it and what it started, at once. Its exit code, also if it had ended before."""
        known = proctable.members(self.footprint)
        self._popen.kill()
        return self._bury(known)

    def _bury(self, known: set[int]) -> int:
        """After its main process: end the rest and free what the kernel keeps of it."""
        proctable.send(known, signal.SIGKILL)
        proctable.kill_all([self.footprint])
        os.close(self.pidfd)
        self.pidfd = -1
        return self._popen.wait()


def _started_ticks(pid: int) -> int:
    process = proctable.read(pid)
    return process.started_ticks if process else 0


def exit_reason(code: int) -> str:
    if code >= 0:
        return f"ended with code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"
