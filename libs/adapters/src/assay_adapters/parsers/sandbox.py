import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from typing import NoReturn

from assay_core.documents import ParsedDocument
from assay_core.errors import Invalid, Unavailable
from assay_core.ports import Unpacked, UnpackedFile

from assay_adapters.parsers.limits import ParseLimits
from assay_adapters.parsers.results import Malformed, read_result
from assay_adapters.parsers.unpacked_files import Frames

# The server kills at the limit; a little later the caller gives up on the server itself.
_GRACE_S = 5.0
_MAX_NAME_CHARS = 500
_BYTES_PER_CHAR = 8
SERVER = (sys.executable, "-I", "-m", "assay_adapters.parsers.fork_server")
_UNPACK_TIMES = 5
# A second on an idle machine.
_START_S = 60.0


class SandboxedParser:
    """Parses each file in a process of its own, forked from a server that has imported the parsers.

    The server starts with the first file (about half a second) and ends with this process, however that ends.
    `on_end` hears how each process ended: its exit code, whether it ran out of time, and the memory it took.
    """

    def __init__(
        self,
        *,
        max_bytes: int = 100 * 2**20,
        max_pages: int = 2000,
        max_chars: int = 20_000_000,
        timeout_s: float = 60.0,
        memory_bytes: int = 2**30,
        server: Sequence[str] = SERVER,
        on_end: Callable[[dict[str, int | bool]], None] = lambda _: None,
    ) -> None:
        self._limits = ParseLimits(max_bytes, max_pages, max_chars, timeout_s, memory_bytes)
        self._lock = threading.Lock()
        self._command = server
        self._on_end = on_end
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

    def unpack(self, path: str, *, name: str) -> Unpacked:
        return _SandboxedArchive(self._running_server, path, name[:_MAX_NAME_CHARS], self._limits)

    def _parse(self, file_fd: int, name: str) -> ParsedDocument:
        result, report = self._running_server().run(file_fd, name, self._limits)
        if report:
            self._on_end(report)
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
                self._server = _ForkServer(self._command)
            return self._server


class _ServerLost(Exception):
    pass


class _SandboxedArchive:
    """Files of an archive, taken out in a process of its own while they are asked for."""

    def __init__(self, server: "Callable[[], _ForkServer]", path: str, name: str, limits: ParseLimits) -> None:
        self.left_out: Sequence[str] = ()
        self._server = server
        self._path = path
        self._name = name
        # The process waits while the files are stored: its clock is longer, its share of the processor is not.
        self._limits = replace(limits, timeout_s=_UNPACK_TIMES * limits.timeout_s)

    def __iter__(self) -> Iterator[UnpackedFile]:
        try:
            with open(self._path, "rb") as file:
                yield from self._files(file.fileno())
        except _ServerLost as e:
            raise Unavailable("the parser's fork server died", retry_after_s=5.0) from e

    def _files(self, file_fd: int) -> Iterator[UnpackedFile]:
        with self._server().start(file_fd, self._name, self._limits, unpack=True) as running:
            frames = Frames(running.read, self._limits.max_bytes)
            malformed: Malformed | None = None
            try:
                yield from frames.files()
            except Malformed as e:
                malformed = e
            # A process that died in the middle of a file says why by how it ended.
            if malformed is not None or not frames.complete:
                report = running.report()
                if report.get("exit") != 0:
                    _raise_death(self._name, report, self._limits)
                raise Invalid(f"{self._name!r} made the unpacking give nonsense", code="crashed") from malformed
            self.left_out = frames.left_out


class _ForkServer:
    """The caller's end of `fork_server`."""

    def __init__(self, command: Sequence[str]) -> None:
        # One message is one request: threads need no lock to send.
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._owner = os.getpid()
        self._lost = False
        with theirs:
            self._process = subprocess.Popen(
                [*command, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env=_environment(),
            )
        self._await_ready()

    def _await_ready(self) -> None:
        """The clock of a file must not run while the server imports; one that dies meanwhile is met with the file."""
        self._socket.settimeout(_START_S)
        with suppress(OSError):
            self._socket.recv(16)
        self._socket.settimeout(None)

    def is_mine_and_alive(self) -> bool:
        return not self._lost and self._owner == os.getpid() and self._process.poll() is None

    def close(self) -> None:
        self._socket.close()
        if self._owner == os.getpid():
            self._process.kill()
            self._process.wait()

    def run(self, file_fd: int, name: str, limits: ParseLimits) -> tuple[bytes | None, dict[str, int | bool]]:
        """Parse in a new process. Returns what it wrote, None if that was too much, and how it ended."""
        with self.start(file_fd, name, limits, unpack=False) as running:
            result = running.read_all(_BYTES_PER_CHAR * limits.max_chars + 2**20)
            return (None, {}) if result is None else (result, running.report())

    def start(self, file_fd: int, name: str, limits: ParseLimits, *, unpack: bool) -> "_Running":
        """Begin work in a new process."""
        result_read, result_write = os.pipe()
        status_read, status_write = os.pipe()
        running = _Running(self, result_read, status_read, time.monotonic() + limits.timeout_s + _GRACE_S)
        request = json.dumps({"name": name, "limits": asdict(limits), "unpack": unpack}).encode()
        try:
            socket.send_fds(self._socket, [request], [file_fd, result_write, status_write])
        except OSError as e:
            self._lost = True
            running.close()
            raise _ServerLost from e
        finally:
            os.close(result_write)
            os.close(status_write)
        return running

    def give_up(self) -> None:
        """Kill the server, which does not answer."""
        self._lost = True
        self._process.kill()


class _Running:
    """The work of one process: what it writes, and how it ended. Closing it ends the process, which cannot write on."""

    def __init__(self, server: _ForkServer, result_fd: int, status_fd: int, deadline: float) -> None:
        self._server = server
        self._result_fd = result_fd
        self._status_fd = status_fd
        self._deadline = deadline

    def __enter__(self) -> "_Running":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        os.close(self._result_fd)
        os.close(self._status_fd)

    def read(self, max_bytes: int) -> bytes:
        """Up to so many bytes as soon as there are some; none at the end or the deadline."""
        return self._read(self._result_fd, max_bytes)

    def read_all(self, max_bytes: int) -> bytes | None:
        """All that comes before the end or the deadline; None as soon as it is more than `max_bytes`."""
        pieces: list[bytes] = []
        size_bytes = 0
        while piece := self.read(1 << 18):
            pieces.append(piece)
            size_bytes += len(piece)
            if size_bytes > max_bytes:
                return None
        return b"".join(pieces)

    def report(self) -> dict[str, int | bool]:
        """How the process ended."""
        status = self._read(self._status_fd, 4096)
        if not status:
            self._server.give_up()
            raise _ServerLost
        return json.loads(status)

    def _read(self, fd: int, max_bytes: int) -> bytes:
        poller = select.poll()
        poller.register(fd, select.POLLIN)
        left_s = self._deadline - time.monotonic()
        return os.read(fd, max_bytes) if left_s > 0 and poller.poll(1000 * left_s) else b""


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
