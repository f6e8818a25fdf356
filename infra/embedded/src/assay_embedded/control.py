"""How other processes of the same user ask the supervisor: one JSON line over a unix socket, one line back."""

import contextlib
import json
import os
import socket
import struct
import threading
from collections.abc import Callable, Generator
from dataclasses import asdict, dataclass
from typing import Any

from assay_core.errors import AssayError, Unavailable

from assay_embedded.home import Home
from assay_embedded.part import PartStatus

_NAME = "control.sock"
_LINE_BYTES = 1 << 20


@dataclass(frozen=True)
class StatusReport:
    home: str
    pid: int
    url: str | None
    parts: list[PartStatus]
    memory_bytes: dict[str, int]
    """Of each part with all its processes; what processes share counts once. Also the supervisor's own."""
    cpu_s: dict[str, float]
    """Processor time used so far by what lives now."""

    @staticmethod
    def from_json(fields: dict[str, Any]) -> "StatusReport":
        parts = [PartStatus(**part) for part in fields.pop("parts")]
        return StatusReport(parts=parts, **fields)


@contextlib.contextmanager
def _address(home: Home) -> Generator[str]:
    """A name for the socket that is short enough however deep the data folder lies (the limit is 107 bytes)."""
    folder = os.open(home.run, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{_NAME}"
    finally:
        os.close(folder)


class Server:
    def __init__(
        self,
        home: Home,
        *,
        parts: Callable[[], list[PartStatus]],
        report: Callable[[], StatusReport],
        stop: Callable[[], None],
    ) -> None:
        self._parts = parts
        self._report = report
        self._stop = stop
        (home.run / _NAME).unlink(missing_ok=True)
        self._path = home.run / _NAME
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with _address(home) as address:
            self._socket.bind(address)
        self._path.chmod(0o600)
        self._socket.listen(8)
        self._thread = threading.Thread(target=self._serve, name="control", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError, ValueError):
                connection.settimeout(5)
                if _peer_uid(connection) in (0, os.getuid()):
                    self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        request = json.loads(_read_line(connection))
        match request.get("do"):
            case "status":
                answer: dict[str, object] = asdict(self._report())
            case "parts":
                answer = {"parts": [asdict(part) for part in self._parts()]}
            case "stop":
                self._stop()
                answer = {"stopping": os.getpid()}
            case other:
                answer = {"error": f"unknown request {other!r}"}
        connection.sendall(json.dumps(answer).encode() + b"\n")

    def close(self) -> None:
        self._path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(timeout=10)


def _peer_uid(connection: socket.socket) -> int:
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return struct.unpack("3i", credentials)[1]


def _read_line(connection: socket.socket) -> bytes:
    data = b""
    while not data.endswith(b"\n") and len(data) < _LINE_BYTES:
        block = connection.recv(65536)
        if not block:
            break
        data += block
    return data


def ask(home: Home, what: str) -> dict[str, Any]:
    """Ask the supervisor that owns this folder.

    Raises:
        Unavailable: none answers.
    """
    try:
        with _address(home) as address, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(15)
            connection.connect(address)
            connection.sendall(json.dumps({"do": what}).encode() + b"\n")
            return json.loads(_read_line(connection))
    except (OSError, ValueError) as e:
        raise Unavailable(
            f"no platform runs on {str(home.path)!r}. Start it with `assay up --home {home.path}`."
        ) from e


def parts(home: Home) -> list[PartStatus]:
    """Only how the parts are: cheap enough to ask several times a second."""
    return [PartStatus(**part) for part in ask(home, "parts")["parts"]]


def status(home: Home) -> StatusReport:
    return StatusReport.from_json(ask(home, "status"))


def ingestion(home: Home, report: StatusReport) -> dict[str, Any] | None:
    """What waits, what was given up and what was repaired, as the gateway tells; None if it does not."""
    from assay_wire.clients import AssayClient

    key = home.secrets / "api_key"
    if report.url is None or not key.is_file():
        return None
    try:
        with AssayClient(base_url=report.url, api_key=key.read_text().strip(), timeout_s=3) as client:
            return client.system().parts.ingestion.model_dump()
    except AssayError:
        return None
