"""Which protections a parsing process has on this machine: tried, not guessed.

    python -m assay_adapters.parsers.protections

prints a JSON object of names and whether each holds.
"""

import json
import os
import resource
import socket
import sys

from assay_adapters.parsers.confinement import confine, leave_network

_NETWORK = "/proc/self/ns/net"


def main() -> None:
    """A confined process can write to what is open alone, and to no file: it tells this one by a pipe."""
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.write(writer, json.dumps(_held()).encode())
        os._exit(0)
    os.close(writer)
    os.wait()
    sys.stdout.write(os.read(reader, 4096).decode() + "\n")


def _held() -> dict[str, bool]:
    before = _namespace()
    leave_network()
    apart = _namespace() not in ("", before)
    landlock = confine(memory_bytes=2**30, cpu_s=10.0)
    limits = (resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC, resource.RLIMIT_FSIZE)
    return {
        "limits": all(resource.getrlimit(limit) == (0, 0) for limit in limits) and not _can_open(),
        "network namespace": apart,
        "landlock": landlock,
        "unprivileged user": os.geteuid() != 0,
    }


def _namespace() -> str:
    return os.readlink(_NETWORK) if os.path.lexists(_NETWORK) else ""


def _can_open() -> bool:
    try:
        socket.socket().close()
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main()
