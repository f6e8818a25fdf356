import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import asdict
from typing import NoReturn

from assay_core.documents import ParsedDocument
from assay_core.errors import Invalid, Unavailable

from assay_adapters.parsers.limits import ParseLimits
from assay_adapters.parsers.results import Malformed, read_result

# The server kills at the limit; a little later the caller gives up on the server itself.
_GRACE_S = 5.0
_MAX_NAME_CHARS = 500
_BYTES_PER_CHAR = 8


class SandboxedParser:
    """Parses each file in a process of its own, forked from a server that has imported the parsers.

    The server starts with the first file (about half a second) and ends with this process, however that ends.
    """

    def __init__(
        self,
        *,
        max_bytes: int = 100 * 2**20,
        max_pages: int = 2000,
        max_chars: int = 20_000_000,
        timeout_s: float = 60.0,
        memory_bytes: int = 2**30,
    ) -> None:
        self._limits = ParseLimits(max_bytes, max_pages, max_chars, timeout_s, memory_bytes)
        self._lock = threading.Lock()
        self._server: _ForkServer | None = None

    def start(self) -> None:
        """Start the server now rather than with the first file."""
        self._running_server()

    def close(self) -> None:
        with self._lock:
            if self._server is not None:
                self._server.close()
                self._server = None

    def parse(self, path: str, *, name: str) -> ParsedDocument:
        name = name[:_MAX_NAME_CHARS]
        with open(path, "rb") as file:
            size_bytes = os.fstat(file.fileno()).st_size
            if size_bytes == 0:
                raise Invalid(f"{name!r} is empty: it has no bytes", code="empty")
            self._limits.check_bytes(name, size_bytes)
            try:
                return self._parse(file.fileno(), name)
            except _ServerLost:
                # Its death says nothing of this file: another one may have starved the machine.
                os.lseek(file.fileno(), 0, os.SEEK_SET)
            try:
                return self._parse(file.fileno(), name)
            except _ServerLost as e:
                raise Unavailable("the parser's fork server died twice", retry_after_s=5.0) from e

    def _parse(self, file_fd: int, name: str) -> ParsedDocument:
        result, report = self._running_server().run(file_fd, name, self._limits)
        if result is None:
            raise Invalid(
                f"{name!r} holds more than {self._limits.max_chars:,} characters of text: split the file",
                code="too_large",
            )
        if report.get("exit") != 0:
            _raise_death(name, report, self._limits)
        try:
            return read_result(result, limits=self._limits)
        except Malformed as e:
            raise Invalid(f"{name!r} made the parser give nonsense: {e}", code="crashed") from e

    def _running_server(self) -> "_ForkServer":
        with self._lock:
            if self._server is None or not self._server.is_mine_and_alive():
                self._server = _ForkServer()
            return self._server


class _ServerLost(Exception):
    pass


class _ForkServer:
    """The caller's end of `fork_server`."""

    def __init__(self) -> None:
        # One message is one request: threads need no lock to send.
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, "-I", "-m", "assay_adapters.parsers.fork_server", str(theirs.fileno())]
        self._owner = os.getpid()
        self._lost = False
        with theirs:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()], env=_environment()
            )

    def is_mine_and_alive(self) -> bool:
        return not self._lost and self._owner == os.getpid() and self._process.poll() is None

    def close(self) -> None:
        self._socket.close()
        if self._owner == os.getpid():
            self._process.kill()
            self._process.wait()

    def run(self, file_fd: int, name: str, limits: ParseLimits) -> tuple[bytes | None, dict[str, int | bool]]:
        """Parse in a new process. Returns what it wrote, None if that was too much, and how it ended."""
        result_read, result_write = os.pipe()
        status_read, status_write = os.pipe()
        try:
            request = json.dumps({"name": name, "limits": asdict(limits)}).encode()
            try:
                socket.send_fds(self._socket, [request], [file_fd, result_write, status_write])
            except OSError as e:
                self._lost = True
                raise _ServerLost from e
            finally:
                os.close(result_write)
                os.close(status_write)
            deadline = time.monotonic() + limits.timeout_s + _GRACE_S
            result = _read_until_end(result_read, deadline, max_bytes=_BYTES_PER_CHAR * limits.max_chars + 2**20)
            if result is None:
                return None, {}
            status = _read_until_end(status_read, deadline, max_bytes=4096)
        finally:
            os.close(result_read)
            os.close(status_read)
        if not status:
            self._lost = True
            self._process.kill()
            raise _ServerLost
        return result, json.loads(status)


def _read_until_end(fd: int, deadline: float, *, max_bytes: int) -> bytes | None:
    """All that comes before the end or the deadline; None as soon as it is more than `max_bytes`."""
    poller = select.poll()
    poller.register(fd, select.POLLIN)
    pieces: list[bytes] = []
    size_bytes = 0
    while (left_s := deadline - time.monotonic()) > 0:
        if not poller.poll(1000 * left_s):
            break
        piece = os.read(fd, 1 << 18)
        if not piece:
            break
        pieces.append(piece)
        size_bytes += len(piece)
        if size_bytes > max_bytes:
            return None
    return b"".join(pieces)


def _raise_death(name: str, report: dict[str, int | bool], limits: ParseLimits) -> NoReturn:
    if report.get("timed_out") or report.get("exit") == -signal.SIGXCPU:
        raise Invalid(f"{name!r} was not read within {limits.timeout_s:g} s: split the file", code="timeout")
    if report.get("exit") == -signal.SIGKILL:
        limit_mib = limits.memory_bytes >> 20
        raise Invalid(
            f"{name!r} needs more memory to read than there is (limit {limit_mib} MiB): split the file",
            code="out_of_memory",
        )
    raise Invalid(
        f"{name!r} made the parser crash ({report.get('exit')}): the file is damaged or hostile", code="crashed"
    )


def _environment() -> dict[str, str]:
    """Nothing of ours: settings and secrets stay out of a process that reads hostile bytes."""
    # A library that starts threads when it is imported would leave its locks held in the processes forked from it.
    one_thread = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1", **one_thread}
