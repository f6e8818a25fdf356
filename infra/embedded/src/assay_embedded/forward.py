"""Runs a server that listens on all interfaces where nobody can reach it, and lets in one loopback port.

The listening socket is made in the host's network and stays there; then this process moves into a network
namespace of its own, starts the server inside, and passes connections on. One process, one hop.
"""

import argparse
import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from assay_embedded import launch, namespaces
from assay_embedded.launch import Place

_GATE_POLL_S = 0.1
_FIXED_PLACES = (Path("/run/milvus"), Path("/tmp/milvus"))


def forwarding(*, listen_port: int, inner_port: int, gate: Path, scratch: Path, argv: Sequence[str]) -> list[str]:
    options = ["--listen", str(listen_port), "--inner", str(inner_port), "--gate", str(gate)]
    options += ["--scratch", str(scratch), "--", *argv]
    return namespaces.bare_python("from assay_embedded import forward; forward.main()", *options)


class _Side(asyncio.Protocol):
    """One side of a connection: what arrives here leaves by the other."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.other: _Side | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self.other and self.other.transport:
            self.other.transport.write(data)

    def eof_received(self) -> bool:
        if self.other and self.other.transport and self.other.transport.can_write_eof():
            self.other.transport.write_eof()
        return True

    def pause_writing(self) -> None:
        if self.other and self.other.transport:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other and self.other.transport:
            self.other.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self.transport = None
        if self.other and self.other.transport:
            self.other.transport.close()


class Front(_Side):
    """The client's side: opens the way to the server, and keeps what arrives before it is open.

    Pausing the transport instead would lose it: Python 3.11.2's asyncio reads on when `connection_made` has paused.
    """

    def __init__(self, inner_port: int, tasks: set[asyncio.Task[None]]) -> None:
        super().__init__()
        self._inner_port = inner_port
        self._tasks = tasks
        self._early: list[bytes] = []
        self._ended_early = False

    def data_received(self, data: bytes) -> None:
        if self.other is None:
            self._early.append(data)
        else:
            super().data_received(data)

    def eof_received(self) -> bool:
        self._ended_early = self.other is None
        return super().eof_received()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        task = asyncio.get_running_loop().create_task(self._connect())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self) -> None:
        back = _Side()
        back.other = self
        try:
            await asyncio.get_running_loop().create_connection(lambda: back, "127.0.0.1", self._inner_port)
        except OSError:
            if self.transport:
                self.transport.abort()
            return
        self.other = back
        assert back.transport is not None
        back.transport.writelines(self._early)
        self._early.clear()
        if self._ended_early:
            back.transport.write_eof()
        if self.transport is None:
            back.transport.close()


async def _serve(listener: socket.socket, inner_port: int, gate: Path, child: "subprocess.Popen[bytes]") -> int:
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    pidfd = os.pidfd_open(child.pid)
    loop.add_reader(pidfd, ended.set)
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signal_number, child.send_signal, signal_number)
    serving = loop.create_task(_open(listener, inner_port, gate))
    await ended.wait()
    serving.cancel()
    return child.wait()


async def _open(listener: socket.socket, inner_port: int, gate: Path) -> None:
    # Polled: the file is made by another process, once in the life of a data folder.
    while not gate.exists():  # noqa: ASYNC110, ASYNC240
        await asyncio.sleep(_GATE_POLL_S)
    tasks: set[asyncio.Task[None]] = set()
    server = await asyncio.get_running_loop().create_server(
        lambda: Front(inner_port, tasks), sock=listener, backlog=256
    )
    await server.serve_forever()


def _listener(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    # At once, so that a port that is taken shows now; connections wait in the queue until the gate opens.
    listener.listen(256)
    return listener


def _own_scratch(scratch: Path) -> None:
    """Milvus keeps pid files in fixed places, which two of them, or two users, would fight over."""
    for place in _FIXED_PLACES:
        with contextlib.suppress(OSError):
            place.mkdir(exist_ok=True)
        if place.is_dir():
            namespaces.cover(place, scratch)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--listen", type=int, required=True)
    parser.add_argument("--inner", type=int, required=True)
    parser.add_argument("--gate", type=Path, required=True, help="connections wait until this file exists")
    parser.add_argument("--scratch", type=Path, required=True, help="stands in for the places that all Milvus share")
    parser.add_argument("argv", nargs="+")
    options = parser.parse_args()
    listener = _listener(options.listen)
    namespaces.leave_network()
    _own_scratch(options.scratch)
    # Leaving the network may have changed the user namespace, which clears the wish of the launcher.
    namespaces.die_with_parent(signal.SIGTERM)
    place = Place(parent_pid=os.getpid(), death_signal=signal.SIGKILL)
    child = subprocess.Popen(launch.launching(place, options.argv))
    code = asyncio.run(_serve(listener, options.inner, options.gate, child))
    sys.exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    main()
