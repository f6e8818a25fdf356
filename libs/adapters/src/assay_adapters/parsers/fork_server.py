"""The parent of all parsing processes: it has imported the parsers already, so that a new one costs a fork.

    python -m assay_adapters.parsers.fork_server SOCKET_FD

It reads requests from the socket until the other end closes. A request is a JSON object with three descriptors
(file, result, status). It answers on the status descriptor when the process is gone.
"""

import contextlib
import gc
import json
import os
import select
import signal
import socket
import sys
import time
from dataclasses import dataclass
from importlib.machinery import BuiltinImporter, FrozenImporter
from typing import NoReturn

from assay_core.errors import Invalid

from assay_adapters.parsers.confinement import confine, leave_network
from assay_adapters.parsers.limits import ParseLimits
from assay_adapters.parsers.parse import parse_bytes
from assay_adapters.parsers.results import write_document, write_error
from assay_adapters.parsers.unpacked_files import error_frame, frame, last_frame
from assay_adapters.parsers.unpacking import Unpacking
from assay_adapters.parsers.warm_up import warm_up

MAX_REQUEST_BYTES = 16 * 1024
READY = b"ready"
_ORPHAN_CHECK_S = 5.0


@dataclass(slots=True)
class _Child:
    status_fd: int
    deadline: float
    timed_out: bool = False


def main() -> None:
    control = socket.socket(fileno=int(sys.argv[1]))
    os.setpgid(0, 0)
    warm_up()
    leave_network()
    gc.collect()
    gc.freeze()
    control.send(READY)
    _Server(control).run()


class _Server:
    """Forks, watches the clock, and reports how each process ended. One thread, no locks."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._children: dict[int, _Child] = {}
        self._parent = os.getppid()

    def run(self) -> None:
        wake_read, wake_write = os.pipe()
        os.set_blocking(wake_write, False)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        poller = select.poll()
        poller.register(self._control, select.POLLIN)
        poller.register(wake_read, select.POLLIN)
        while os.getppid() == self._parent:
            ready = {fd for fd, _ in poller.poll(self._wait_ms())}
            if wake_read in ready:
                os.read(wake_read, 4096)
            self._reap()
            self._kill_late()
            if self._control.fileno() in ready and not self._accept():
                break
        for pid in self._children:
            os.kill(pid, signal.SIGKILL)

    def _wait_ms(self) -> float:
        running = [child.deadline for child in self._children.values() if not child.timed_out]
        until = min(running, default=time.monotonic() + _ORPHAN_CHECK_S) - time.monotonic()
        return 1 + 1000 * min(_ORPHAN_CHECK_S, max(0.0, until))

    def _accept(self) -> bool:
        message, fds, _, _ = socket.recv_fds(self._control, MAX_REQUEST_BYTES, 3)
        if not message:
            return False
        file_fd, result_fd, status_fd = fds
        request = json.loads(message)
        limits = ParseLimits(**request["limits"])
        pid = os.fork()
        if pid == 0:
            _work_and_exit(file_fd, result_fd, request["name"], limits, unpack=request["unpack"])
        os.close(file_fd)
        os.close(result_fd)
        self._children[pid] = _Child(status_fd, time.monotonic() + limits.timeout_s)
        return True

    def _reap(self) -> None:
        while self._children:
            pid, status, usage = os.wait4(-1, os.WNOHANG)
            if pid == 0:
                return
            child = self._children.pop(pid)
            report = {
                "exit": os.waitstatus_to_exitcode(status),
                "timed_out": child.timed_out,
                "max_rss_bytes": usage.ru_maxrss * 1024,
            }
            with contextlib.suppress(BrokenPipeError):  # the caller gave up meanwhile
                os.write(child.status_fd, json.dumps(report).encode())
            os.close(child.status_fd)

    def _kill_late(self) -> None:
        now = time.monotonic()
        for pid, child in self._children.items():
            if now >= child.deadline and not child.timed_out:
                child.timed_out = True
                os.kill(pid, signal.SIGKILL)


def _work_and_exit(file_fd: int, result_fd: int, name: str, limits: ParseLimits, *, unpack: bool) -> NoReturn:
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    _close_all_but(file_fd, result_fd)
    confine(memory_bytes=limits.memory_bytes, cpu_s=limits.timeout_s)
    # No module can be opened any more: a name that a file made up, such as an encoding, must be unknown, not an error.
    sys.meta_path[:] = [BuiltinImporter, FrozenImporter]
    code = 1
    try:
        if unpack:
            _unpack(file_fd, result_fd, name, limits)
        else:
            _write_all(result_fd, _result(file_fd, name, limits))
        code = 0
    finally:
        os._exit(code)


def _close_all_but(*kept: int) -> None:
    """The server's end of other requests is none of this process's business, nor is the output of ours."""
    for fd in (1, 2):
        os.dup2(0, fd)  # which is nowhere: the caller starts the server so
    low = 3
    for fd in sorted(kept):
        os.closerange(low, fd)
        low = fd + 1
    os.closerange(low, 65536)


def _result(file_fd: int, name: str, limits: ParseLimits) -> bytes:
    try:
        data = _read_all(file_fd, limits.max_bytes)
        return write_document(parse_bytes(data, name=name, limits=limits))
    except Exception as e:  # noqa: BLE001 (the edge of the process: a parser's bug must name the file)
        return write_error(_told(e, name, limits))


def _unpack(file_fd: int, result_fd: int, name: str, limits: ParseLimits) -> None:
    unpacking = Unpacking(name, limits)
    try:
        for path, content in unpacking.files(_read_all(file_fd, limits.max_bytes)):
            _write_all(result_fd, frame(path, content))
        _write_all(result_fd, last_frame(unpacking.left_out))
    except Exception as e:  # noqa: BLE001 (as above)
        _write_all(result_fd, error_frame(_told(e, name, limits)))


def _told(error: Exception, name: str, limits: ParseLimits) -> Invalid:
    """An error as the owner of the file is told it."""
    if isinstance(error, Invalid):
        return error
    if isinstance(error, MemoryError):
        limit_mib = limits.memory_bytes >> 20
        message = f"{name!r} needs more than {limit_mib} MiB of memory to read: split the file"
        return Invalid(message, code="out_of_memory")
    return Invalid(f"{name!r} made the parser fail: {type(error).__name__}", code="crashed")


def _read_all(fd: int, max_bytes: int) -> bytes:
    pieces: list[bytes] = []
    left = max_bytes + 1
    while left > 0 and (piece := os.read(fd, min(left, 1 << 20))):
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


if __name__ == "__main__":
    main()
