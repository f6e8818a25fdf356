"""The supervisor as a process: how it starts, and that nothing is left however it ends.

Assay's own processes are stand-ins here: one module that answers /readyz, under the names of the real ones.
"""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from assay_core.errors import Unavailable
from assay_embedded import control, roster
from assay_embedded.home import Home
from assay_embedded.part import PartStatus

pytestmark = pytest.mark.integration

_SERVICE = """
import http.server, json, os, subprocess, sys

children = [subprocess.Popen(["sleep", "1000"], start_new_session=True, env={}) for _ in range(2)]

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps(dict(os.environ)).encode() if self.path == "/environment" else b'{"ready":true,"checks":{}}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *arguments):
        pass

address = os.environ["ASSAY_HTTP__HOST"], int(os.environ["ASSAY_HTTP__PORT"])
http.server.ThreadingHTTPServer(address, Handler).serve_forever()
"""
_MODULES = {
    "assay_gateway": ("main",),
    "assay_retrieval": ("main",),
    "assay_generation": ("main",),
    "assay_evaluation": ("main", "worker", "beat"),
    "assay_ingestion": ("worker", "indexer", "relay", "syncer"),
}
_ONE_SHOTS = {"assay_store": "migrate", "assay_gateway": "first_run"}
_READY_S = 90.0
# The two slow ones, and enough of the others to be quick.
_LEFT_OUT = [word for name in ("vllm", "milvus", "evaluation", "beat") for word in ("--without", name)]
_SERVICES = 8


@dataclass
class Assay:
    """The command line, on a data folder of its own and with stand-ins for the services."""

    home: Path
    modules: Path
    started: list["subprocess.Popen[str]"] = field(default_factory=list["subprocess.Popen[str]"])

    @property
    def _environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("ASSAY_")}
        return {**kept, "PYTHONPATH": str(self.modules), "ASSAY_HOME": str(self.home)}

    def up(self) -> "subprocess.Popen[str]":
        """In the foreground."""
        process = subprocess.Popen(
            [sys.executable, "-m", "assay_embedded", "up", *_LEFT_OUT],
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.started.append(process)
        return process

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "assay_embedded", *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=_READY_S,
            check=False,
        )

    def parts(self) -> dict[str, PartStatus]:
        try:
            return {part.name: part for part in control.parts(Home(self.home))}
        except (Unavailable, FileNotFoundError):
            return {}

    def await_sleepers(self, count: int) -> list[int]:
        """Until the stand-ins of all services run, also of those that no search needs."""
        deadline = time.monotonic() + _READY_S
        while len(found := _sleepers(self.parts())) < count and time.monotonic() < deadline:
            time.sleep(0.1)
        assert len(found) == count
        return found

    def await_ready(self) -> dict[str, PartStatus]:
        """Until what a search needs is ready."""
        deadline = time.monotonic() + _READY_S
        while time.monotonic() < deadline:
            found = self.parts()
            if found and all(part.state == "ready" for name, part in found.items() if name in roster.SEARCHABLE):
                return found
            time.sleep(0.1)
        pytest.fail(f"not ready: {self.parts()} {(self.home / 'logs/supervisor.log').read_text()[-2000:]}")

    def processes(self) -> dict[int, str]:
        """Whatever has something to do with this data folder, found without the supervisor's own means."""
        found: dict[int, str] = {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            try:
                words = (entry / "cmdline").read_bytes()
                traces = words + (entry / "environ").read_bytes() + os.fsencode((entry / "cwd").readlink())
            except OSError:
                continue
            if os.fsencode(self.home) in traces:
                found[int(entry.name)] = words.replace(b"\0", b" ").decode(errors="replace")[:100]
        return found

    def await_nothing(self, within_s: float) -> None:
        deadline = time.monotonic() + within_s
        while (left := self.processes()) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not left


@pytest.fixture
def assay(tmp_path: Path) -> Generator[Assay]:
    modules = tmp_path / "modules"
    for package, names in _MODULES.items():
        (modules / package).mkdir(parents=True)
        (modules / package / "__init__.py").touch()
        for name in names:
            (modules / package / f"{name}.py").write_text(_SERVICE)
    for package, name in _ONE_SHOTS.items():
        (modules / package).mkdir(exist_ok=True)
        (modules / package / "__init__.py").touch()
        (modules / package / f"{name}.py").write_text("print('done')")
    made = Assay(home=tmp_path / "home", modules=modules)
    yield made
    made.run("down")
    for process in made.started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_however_the_supervisor_ends_nothing_is_left(assay: Assay, number: int) -> None:
    process = assay.up()
    assay.await_ready()
    sleeping = assay.await_sleepers(2 * _SERVICES)
    assert len(assay.processes()) > 2 * _SERVICES
    process.send_signal(number)
    assay.await_nothing(within_s=5 if number == signal.SIGKILL else 15)
    assert not [pid for pid in sleeping if _alive(pid)]
    if number != signal.SIGKILL:
        assert process.wait(timeout=5) == 0


def _sleepers(found: dict[str, PartStatus]) -> list[int]:
    """The grandchildren, which have sessions of their own and no environment."""
    parents = {str(part.pid) for part in found.values() if part.pid}
    return [
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit()
        and (entry / "comm").exists()
        and (entry / "comm").read_text() == "sleep\n"
        and (entry / "stat").read_text().rpartition(")")[2].split()[1] in parents
    ]


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_up_works_at_once_after_a_kill(assay: Assay) -> None:
    first = assay.up()
    ports = {name: part.port for name, part in assay.await_ready().items()}
    first.kill()
    assay.up()
    assert {name: part.port for name, part in assay.await_ready().items()} == ports


def test_up_works_after_supervisor_and_watchdog_were_both_killed(assay: Assay) -> None:
    first = assay.up()
    assay.await_ready()
    for pid, words in assay.processes().items():
        if "watchdog" in words or pid == first.pid:
            os.kill(pid, signal.SIGKILL)
    assay.up()
    assay.await_ready()


def test_a_service_that_is_killed_is_started_again(assay: Assay) -> None:
    assay.up()
    before = {name: part.pid for name, part in assay.await_ready().items()}
    killed = before.pop("retrieval")
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        after = assay.parts()
        retrieval = after.pop("retrieval")
        if retrieval.state == "ready" and retrieval.pid not in (None, killed):
            break
        time.sleep(0.1)
    else:
        pytest.fail("retrieval did not come back")
    assert retrieval.restarts == 1
    assert {name: part.pid for name, part in after.items()} == before


def test_a_missing_module_fails_alone(assay: Assay) -> None:
    (assay.modules / "assay_generation" / "main.py").write_text("raise SystemExit('error: no prompt')")
    (assay.modules / "assay_evaluation" / "worker.py").unlink()
    assay.up()
    found = assay.await_ready()
    assert found["evaluation-worker"].state == "failed"
    assert "assay_evaluation.worker" in found["evaluation-worker"].detail
    deadline = time.monotonic() + 20
    while "no prompt" not in assay.parts()["generation"].detail and time.monotonic() < deadline:
        time.sleep(0.1)
    doctor = assay.run("doctor", "--json")
    assert doctor.returncode == 1
    bad = {finding["check"] for finding in json.loads(doctor.stdout) if finding["verdict"] == "bad"}
    assert bad & found.keys() == {"evaluation-worker", "generation"}


def test_a_second_up_is_refused_within_two_seconds(assay: Assay) -> None:
    first = assay.up()
    assay.await_ready()
    started = time.monotonic()
    second = assay.up()
    output, _ = second.communicate(timeout=30)
    assert second.returncode == 1
    assert str(first.pid) in output
    assert "assay down" in output
    assert time.monotonic() - started < 10  # most of it is Python's own start on a busy machine


def test_detached_returns_when_ready_and_down_leaves_nothing(assay: Assay) -> None:
    up = assay.run("up", "--detach", *_LEFT_OUT)
    assert up.returncode == 0, up.stdout + up.stderr
    assert "Assay is ready at http://127.0.0.1:" in up.stdout
    status = json.loads(assay.run("status", "--json").stdout)
    assert status["searchable"]
    assert {part["name"] for part in status["parts"]} >= {"postgres", "broker", "cache", "gateway"}
    reused = assay.run("up", "--detach", "--reuse")
    assert reused.returncode == 0, reused.stdout + reused.stderr
    down = assay.run("down")
    assert down.returncode == 0
    assert not assay.processes()
    assert assay.run("status").returncode == 1


def test_detached_reports_a_part_that_cannot_start(assay: Assay) -> None:
    (assay.modules / "assay_store" / "migrate.py").write_text("raise SystemExit('error: a schema from the future')")
    up = assay.run("up", "--detach", *_LEFT_OUT)
    assert up.returncode == 1
    assert "migrate does not start" in up.stderr
    assert "a schema from the future" in up.stderr


def test_each_service_is_told_what_it_needs(assay: Assay) -> None:
    assay.up()
    ports = {name: part.port for name, part in assay.await_ready().items()}

    def environment(name: str) -> dict[str, str]:
        with urllib.request.urlopen(f"http://127.0.0.1:{ports[name]}/environment") as answer:
            return json.loads(answer.read())

    worker = environment("worker")
    assert worker["ASSAY_DATABASE__URL"].startswith("postgresql+psycopg://assay:")
    assert worker["ASSAY_BROKER__URL"].startswith("redis://:")
    assert worker["OMP_NUM_THREADS"] == str(os.cpu_count())
    assert "ASSAY_SECRETS__TOKEN_PRIVATE_KEY_FILE" not in worker
    assert "ASSAY_SECRETS__TOKEN_PRIVATE_KEY_FILE" in environment("gateway")


def test_the_supervisor_rests_when_nothing_happens(assay: Assay) -> None:
    process = assay.up()
    assay.await_ready()

    def cpu_s() -> float:
        fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    time.sleep(2)
    before = cpu_s()
    time.sleep(12)
    assert cpu_s() - before < 0.24  # 2 % of a core
