"""Milvus as the supervisor runs it: closed in, with its own password, and back after hard kills."""

import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from assay_embedded import forward, namespaces
from assay_embedded.home import Home
from assay_embedded.parts.milvus import INNER_PORTS
from assay_embedded.testing import Platform, running
from pymilvus import MilvusClient, MilvusException

pytestmark = [pytest.mark.integration, pytest.mark.slow]

_closed_in = pytest.mark.skipif(
    not namespaces.allowed("leave_network"), reason="this kernel allows no network namespaces here"
)
_ROWS = 2_000


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Generator[Platform]:
    with running(tmp_path_factory.mktemp("milvus-alone"), parts={"milvus"}) as started:
        client = _client(started)
        client.create_collection("kept", dimension=8, consistency_level="Strong")
        rows = [{"id": n, "vector": [float(n % 7)] * 8} for n in range(_ROWS)]
        client.insert("kept", rows)
        client.close()
        yield started


# The library types its methods as coroutines of its asynchronous twin.
def _client(platform: Platform, token: str | None = None) -> Any:
    secret = Path(platform.env["ASSAY_MILVUS__TOKEN_FILE"]).read_text().strip()
    return MilvusClient(uri=platform.env["ASSAY_MILVUS__URI"], token=token or secret, timeout=5)


def _count(platform: Platform) -> int:
    client = _client(platform)
    try:
        return client.query("kept", output_fields=["count(*)"], consistency_level="Strong", timeout=20)[0]["count(*)"]
    finally:
        client.close()


def _server_pid(platform: Platform) -> int:
    """The server itself, behind its forwarder."""
    children = Path(f"/proc/{platform.pid('milvus')}/task/{platform.pid('milvus')}/children").read_text().split()
    return int(children[0])


def _await_another(platform: Platform, before: int) -> None:
    deadline = time.monotonic() + 150
    while time.monotonic() < deadline:
        status = next(s for s in platform.supervisor.statuses() if s.name == "milvus")
        if status.state == "ready" and status.pid not in (None, before):
            return
        time.sleep(0.1)
    pytest.fail(f"Milvus did not come back: {platform.supervisor.statuses()}")


@_closed_in
def test_every_row_is_there_when_it_is_called_ready_after_a_kill(platform: Platform) -> None:
    forwarder = platform.pid("milvus")
    os.kill(_server_pid(platform), signal.SIGKILL)
    _await_another(platform, forwarder)
    assert _count(platform) == _ROWS


@_closed_in
def test_after_a_restart_only_nodes_that_are_there_read_its_log(platform: Platform) -> None:
    # What a reader of a node that is gone has not read would be kept for ever, with all that is deleted.
    forwarder = platform.pid("milvus")
    os.kill(_server_pid(platform), signal.SIGKILL)
    _await_another(platform, forwarder)
    code = (
        "import sys, urllib.request; from assay_embedded import namespaces; namespaces.join(int(sys.argv[1]));"
        "print(urllib.request.urlopen('http://127.0.0.1:9091/metrics', timeout=10).read().decode())"
    )
    argv = [sys.executable, "-c", code, str(_server_pid(platform))]
    metrics = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=30).stdout
    opened = re.search(r'milvus_msgstream_op_count\{message_op_type="create_consumer",status="total"\} (\d+)', metrics)
    assert opened is not None
    assert opened[1] == "2"


def test_a_killed_forwarder_takes_the_server_along_and_both_come_back(platform: Platform) -> None:
    before = platform.pid("milvus")
    server = _server_pid(platform)
    os.kill(before, signal.SIGKILL)
    _await_another(platform, before)
    assert not Path(f"/proc/{server}").exists()
    assert _count(platform) == _ROWS


def test_the_default_password_is_refused(platform: Platform) -> None:
    with pytest.raises(MilvusException, match=r"auth|illegal connection"):
        _client(platform, "root:Milvus").list_collections()
    with pytest.raises(MilvusException, match=r"auth|illegal connection"):
        _client(platform, "root:").list_collections()


@_closed_in
def test_only_one_port_on_loopback_is_open(platform: Platform) -> None:
    inner = {port for name, port in INNER_PORTS.items() if name != "etcd_port"}
    for port in inner:
        with socket.socket() as probe:
            probe.settimeout(1)
            answered = probe.connect_ex(("127.0.0.1", port)) == 0
        assert not answered or port == platform.ports["milvus"], f"port {port} answers"
    listening = subprocess.run(["ss", "-ltnpH"], capture_output=True, text=True, check=False).stdout
    assert not [line for line in listening.splitlines() if '"milvus"' in line]


@_closed_in
def test_two_can_run_beside_each_other(platform: Platform, tmp_path: Path) -> None:
    with running(tmp_path, parts={"milvus"}) as second:
        assert second.ports["milvus"] != platform.ports["milvus"]
        assert _client(second).list_collections() == []
    assert _count(platform) == _ROWS


def test_without_namespaces_it_still_works_on_ports_of_its_own(tmp_path: Path) -> None:
    with running(tmp_path, parts={"milvus"}, environ={"ASSAY_EMBEDDED__NAMESPACES": "false"}) as opened:
        assert len(set(opened.ports.values())) == len(INNER_PORTS)
        assert _client(opened).list_collections() == []
        with pytest.raises(MilvusException, match=r"auth|illegal connection"):
            _client(opened, "root:Milvus").list_collections()


def test_its_password_is_set_before_the_door_opens(platform: Platform) -> None:
    assert (Home(platform.supervisor.home.path).path / "milvus" / "secured").exists()


_ECHO = """
import socket, sys
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    connection, _ = server.accept()
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while data := connection.recv(65536):
        connection.sendall(data)
"""


def _round_trips_ms(port: int, count: int = 400, size_bytes: int = 2_000) -> list[float]:
    deadline = time.monotonic() + 20
    while True:
        try:
            connection = socket.create_connection(("127.0.0.1", port), timeout=5)
            connection.sendall(b"?")
            if connection.recv(1):
                break
        except OSError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.05)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    took: list[float] = []
    payload = b"x" * size_bytes
    with connection:
        for _ in range(count):
            started = time.perf_counter()
            connection.sendall(payload)
            left = size_bytes
            while left:
                left -= len(connection.recv(65536))
            took.append((time.perf_counter() - started) * 1000)
    return took


@_closed_in
def test_the_forwarder_adds_less_than_a_millisecond(tmp_path: Path) -> None:
    gate = tmp_path / "open"
    gate.touch()
    (tmp_path / "scratch").mkdir()
    echo = [sys.executable, "-S", "-c", _ECHO]
    argv = forward.forwarding(
        listen_port=28_651, inner_port=28_652, gate=gate, scratch=tmp_path / "scratch", argv=[*echo, "28652"]
    )
    with subprocess.Popen(argv) as through, subprocess.Popen([*echo, "28653"]) as direct:
        try:
            with_hop, without = _round_trips_ms(28_651), _round_trips_ms(28_653)
        finally:
            through.terminate()
            direct.terminate()
    added_ms = statistics.median(with_hop) - statistics.median(without)
    print(f"forwarder adds {added_ms:.3f} ms (median of {len(with_hop)})")
    assert added_ms < 1.0


def test_milvus_says_its_version(platform: Platform) -> None:
    status = next(s for s in platform.supervisor.statuses() if s.name == "milvus")
    assert re.fullmatch(r"2\.3\.\d+", status.version)
