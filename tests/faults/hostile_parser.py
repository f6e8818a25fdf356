"""The parsing server with a parser that does what the file tells it, to see what it is kept from. Run, not imported."""

import ctypes
import os
import signal
import socket
import stat
import sys
from collections.abc import Callable
from functools import partial

from assay_adapters.parsers import fork_server
from assay_adapters.parsers.limits import ParseLimits
from assay_core.documents import Element, ElementKind, ParsedDocument

_PTRACE_ATTACH = 16
_LIBC = ctypes.CDLL(None, use_errno=True)


def attempt(act: Callable[[], object]) -> str:
    """Whether an act was denied."""
    try:
        act()
    except OSError:
        return "denied"
    return "done"


def fork_many() -> str:
    made = 0
    for _ in range(10_000):
        try:
            if os.fork() == 0:
                os._exit(0)
        except OSError:
            continue
        made += 1
    return "denied" if made == 0 else f"{made} made"


def write_much() -> str:
    """To a new file, and into the file to be read."""
    outcomes = {attempt(lambda: os.open("/tmp/assay-u9", os.O_CREAT | os.O_WRONLY))}
    outcomes |= {attempt(partial(os.pwrite, fd, b"x", 0)) for fd in readable_files()}
    return "denied" if outcomes == {"denied"} else "done"


def readable_files() -> list[int]:
    """Open descriptors of regular files: the one to be read."""
    found: list[int] = []
    for fd in range(64):
        try:
            found += [fd] if stat.S_ISREG(os.fstat(fd).st_mode) else []
        except OSError:
            continue
    return found


def spin() -> str:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        pass


def print_much() -> str:
    """Straight into every open descriptor."""
    piece = bytes(2**20)
    for _ in range(1024):
        for fd in range(1, 64):
            attempt(partial(os.write, fd, piece))
    return "done"


def trace() -> str:
    return "denied" if _LIBC.ptrace(_PTRACE_ATTACH, os.getppid(), 0, 0) != 0 else "done"


def act(what: str, secret: str) -> str:
    match what:
        case "network":
            return attempt(socket.socket)
        case "passwd":
            return attempt(lambda: os.open("/etc/passwd", os.O_RDONLY))
        case "secret":
            return attempt(lambda: os.open(secret, os.O_RDONLY))
        case "fork":
            return fork_many()
        case "write":
            return write_much()
        case "ignore":
            return spin()
        case "print":
            return print_much()
        case "ptrace":
            return trace()
        case "kill":
            return attempt(lambda: os.kill(os.getppid(), signal.SIGKILL))
        case "execute":
            return attempt(lambda: os.execv("/bin/true", ["true"]))
        case _:
            return "harmless"


def parse(data: bytes, *, name: str, limits: ParseLimits) -> ParsedDocument:
    assert limits.timeout_s
    said = act(data.decode(), name)
    return ParsedDocument(said, (Element(ElementKind.PARAGRAPH, 0, len(said)),), "", "text/plain", "hostile/1")


if __name__ == "__main__":
    for name, instead in (("parse_bytes", parse), ("warm_up", lambda: None)):
        setattr(fork_server, name, instead)
    assert len(sys.argv) == 2
    fork_server.main()
