"""Outlives the supervisor by a few seconds, to end what it leaves behind when it is killed with -9.

It reads the footprints of the parts from a pipe that only the supervisor writes to, one JSON object a line:
{"add": {...}} and {"remove": PID}. When the pipe or the supervisor ends, it stops whatever is left: politely
first, by force after `_POLITE_S`. It also holds the lock on the data folder until then, so that no second
supervisor starts its servers on files that the first one's servers still have open.
"""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path

from assay_embedded import proctable
from assay_embedded.proctable import Footprint, Process

_POLITE_S = 1.5


class Watchdog:
    """The supervisor's end: tells the watchdog what to end, and replaces it if it dies."""

    def __init__(self, *, lock_fd: int, log: Path) -> None:
        self._lock_fd = lock_fd
        self._log = log
        self._known: dict[int, Footprint] = {}
        self._turn = threading.RLock()
        self._process = self._start()

    def _start(self) -> "subprocess.Popen[str]":
        with self._log.open("a") as log:
            return subprocess.Popen(
                [sys.executable, "-S", "-P", "-m", "assay_embedded.watchdog", str(os.getpid())],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env={"PYTHONPATH": str(Path(__file__).parents[1])},
                pass_fds=[self._lock_fd],
                start_new_session=True,
                text=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def add(self, footprint: Footprint) -> None:
        with self._turn:
            self._known[footprint.pid] = footprint
            self._tell({"add": asdict(footprint)})

    def remove(self, pid: int) -> None:
        with self._turn:
            self._known.pop(pid, None)
            self._tell({"remove": pid})

    def _tell(self, message: dict[str, object]) -> None:
        try:
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            self.revive()

    def revive(self) -> None:
        """Start it anew if it died. Cheap to call."""
        with self._turn:
            if self._process.poll() is None:
                return
            self._process = self._start()
            for footprint in list(self._known.values()):
                self._tell({"add": asdict(footprint)})

    def close(self) -> None:
        """Let it end what is left, and wait for it."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait(timeout=20)


def _listen(supervisor_pid: int) -> list[Footprint]:
    """Follow the pipe until it or the supervisor ends. Returns what was left to watch."""
    watched: dict[int, Footprint] = {}
    poll = select.poll()
    try:
        supervisor = os.pidfd_open(supervisor_pid)
    except ProcessLookupError:
        supervisor = -1
    else:
        poll.register(supervisor, select.POLLIN)
    poll.register(0, select.POLLIN | select.POLLHUP)
    pending = b""
    while True:
        ready = {fd for fd, _ in poll.poll()}
        if 0 in ready:
            data = os.read(0, 65536)
            *lines, pending = (pending + data).split(b"\n")
            for line in lines:
                _note(json.loads(line), watched)
            if not data:
                break
        elif supervisor in ready:
            break
    return list(watched.values())


def _note(message: dict[str, object], watched: dict[int, Footprint]) -> None:
    match message:
        case {"add": dict() as fields}:
            footprint = Footprint(**fields)
            watched[footprint.pid] = footprint
        case {"remove": int() as pid}:
            watched.pop(pid, None)
        case _:
            raise ValueError(f"the supervisor sent {message!r}")


def _end(footprints: list[Footprint]) -> None:
    # Taken before anything is told to stop: a process whose parent is gone can no longer be found through it.
    table = proctable.everything()
    known = [table[pid] for footprint in footprints for pid in proctable.members(footprint, table)]
    for footprint in footprints:
        if table.get(footprint.pid) in known:
            proctable.send([footprint.pid], footprint.stop_signal)
    deadline = time.monotonic() + _POLITE_S
    while time.monotonic() < deadline and any(_lives(process) for process in known):
        time.sleep(0.05)
    proctable.send((process.pid for process in known if _lives(process)), signal.SIGKILL)
    if not proctable.kill_all(footprints):
        print("some processes could not be killed", file=sys.stderr)


def _lives(process: Process) -> bool:
    now = proctable.read(process.pid)
    return now is not None and now.started_ticks == process.started_ticks


def main() -> None:
    for signal_number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signal_number, signal.SIG_IGN)
    left = _listen(int(sys.argv[1]))
    if left:
        _end(left)


if __name__ == "__main__":
    main()
