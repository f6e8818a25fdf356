"""Processes beside a platform: what they are told, and that none of them stays. Small stand-ins take their place."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from assay_core.errors import Unavailable
from assay_embedded import secrets, settings, side_door
from assay_embedded.home import Home
from assay_embedded.loopback import http_request
from assay_embedded.ports import DEFAULTS
from assay_embedded.wiring import Wiring

_SERVICE = """
import json, os, signal
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

class Ready(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

{more}
told = dict(os.environ, pid=str(os.getpid()))
Path(os.environ["SEEN"], "{name}.json").write_text(json.dumps(told))
HTTPServer(("127.0.0.1", int(os.environ["ASSAY_HTTP__PORT"])), Ready).serve_forever()
"""
_READER = """
import json, os, sys
from pathlib import Path
print(json.dumps({"id": "redteam-reader", "key": "assay_k"}), flush=True)
sys.stdin.read()
Path(os.environ["SEEN"], "dismissed").write_text("")
"""
_DRIVER = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from test_side_door import beside
from assay_embedded import side_door
side_door.running = lambda home: beside(Path({folder!r}))
side_door.main()
"""


def beside(folder: Path) -> Wiring:
    """How a platform would be wired, with the stand-ins of this folder for its processes."""
    home = folder / "home"
    (home / "logs").mkdir(parents=True, exist_ok=True)
    read = settings.read(home=home, environ={})
    told = {**read.base_environment, "PYTHONPATH": str(folder), "SEEN": str(folder)}
    return Wiring(
        settings=replace(read, base_environment=told),
        home=Home(home),
        secrets=secrets.ensure(home),
        ports=DEFAULTS,
        milvus_closed_in=True,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for service in ("generation", "gateway"):
        _write(tmp_path, f"assay_{service}/__init__.py", "")
        _write(tmp_path, f"assay_{service}/main.py", _SERVICE.format(name=service, more=""))
    _write(tmp_path, "assay_gateway/passing_reader.py", _READER)
    return tmp_path


def _write(folder: Path, name: str, text: str) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(text)


def _told(folder: Path, service: str) -> Mapping[str, str]:
    return json.loads((folder / f"{service}.json").read_text())


def _lives(told: Mapping[str, str]) -> bool:
    try:
        os.kill(int(told["pid"]), 0)
    except ProcessLookupError:
        return False
    return True


def test_a_gateway_stands_before_a_generation_service_with_the_changes(folder: Path) -> None:
    with side_door.serving(beside(folder), {"ASSAY_ANSWERS__PROMPT": "cite.v1"}) as opened:
        port = int(opened["url"].rpartition(":")[2])
        assert http_request(port, "/readyz").status == 200
        generation, gateway = _told(folder, "generation"), _told(folder, "gateway")
    assert gateway["ASSAY_HTTP__PORT"] == str(port)
    assert gateway["ASSAY_PEERS__GENERATION_URL"] == f"http://127.0.0.1:{generation['ASSAY_HTTP__PORT']}"
    assert generation["ASSAY_ANSWERS__PROMPT"] == "cite.v1"
    assert "ASSAY_ANSWERS__PROMPT" not in gateway
    assert {told["ASSAY_HTTP__HOST"] for told in (generation, gateway)} == {"127.0.0.1"}
    assert generation["ASSAY_PEERS__RETRIEVAL_URL"] == f"http://127.0.0.1:{DEFAULTS['retrieval']}"
    assert not _lives(generation)
    assert not _lives(gateway)


def test_what_had_started_ends_if_the_next_does_not_start(folder: Path) -> None:
    _write(folder, "assay_gateway/main.py", "raise SystemExit('no')")
    refused = pytest.raises(Unavailable, match="gateway service beside the platform did not start")
    with refused, side_door.serving(beside(folder), {}):
        pass
    assert not _lives(_told(folder, "generation"))
    assert "no" in (folder / "home/logs/side-door.log").read_text()


def test_a_process_that_does_not_listen_is_killed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deaf = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    _write(folder, "assay_generation/main.py", _SERVICE.format(name="generation", more=deaf))
    monkeypatch.setattr(side_door, "_END_S", 0.2)
    with side_door.serving(beside(folder), {}):
        told = _told(folder, "generation")
    assert not _lives(told)


def test_the_reader_is_dismissed_at_the_end_also_after_an_error(folder: Path) -> None:
    with suppress(KeyboardInterrupt), side_door.reader(beside(folder)) as admitted:
        assert admitted == {"id": "redteam-reader", "key": "assay_k"}
        assert not (folder / "dismissed").exists()
        raise KeyboardInterrupt
    assert (folder / "dismissed").exists()


def test_a_reader_that_says_nothing_is_none(folder: Path) -> None:
    _write(folder, "assay_gateway/passing_reader.py", "raise SystemExit('no database')")
    with pytest.raises(Unavailable, match="No reader could be admitted"), side_door.reader(beside(folder)):
        pass


def _door(folder: Path, *asked: str) -> subprocess.Popen[str]:
    code = _DRIVER.format(tests=str(Path(__file__).parent), folder=str(folder))
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", code, *asked], stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def test_a_door_that_nobody_waits_for_any_more_closes_in_silence(folder: Path) -> None:
    door = _door(folder, "serve")
    assert door.stdout is not None
    assert door.stderr is not None
    door.stdout.close()
    assert door.wait(60) == 1
    assert door.stderr.read() == ""
    _await_gone(_told(folder, "generation"), _told(folder, "gateway"))


@pytest.mark.parametrize("how", ["end of input", "SIGTERM", "SIGKILL"])
def test_all_ends_with_the_door_however_it_ends(folder: Path, how: str) -> None:
    asked = ["--chat-url", "http://127.0.0.1:1/v1", "--chat-model", "obedient", "--prompt", "cite.v1"]
    door = _door(folder, "serve", *asked, "--undefended", "c1")
    assert door.stdin is not None
    assert door.stdout is not None
    assert json.loads(door.stdout.readline())["url"].startswith("http://127.0.0.1:")
    generation = _told(folder, "generation")
    assert {name: generation.get(f"ASSAY_{name}") for name in _CHANGED} == _CHANGED
    match how:
        case "end of input":
            door.stdin.close()
        case "SIGTERM":
            door.terminate()
        case _:
            door.send_signal(signal.SIGKILL)
    door.wait(30)
    _await_gone(generation, _told(folder, "gateway"))


_CHANGED = {
    "CHAT__BASE_URL": "http://127.0.0.1:1/v1",
    "CHAT__MODEL": "obedient",
    "CHAT__API_KEY_FILE": None,
    "ANSWERS__PROMPT": "cite.v1",
    "ANSWERS__UNDEFENDED_COLLECTION": "c1",
}


def _await_gone(*told: Mapping[str, str]) -> None:
    until = time.monotonic() + 30
    while any(map(_lives, told)):
        assert time.monotonic() < until, "processes were left behind"
        time.sleep(0.05)


def test_where_no_platform_runs_the_door_says_so(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "assay_embedded.side_door", "reader", "--home", str(tmp_path)]
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "assay up" in json.loads(done.stdout)["error"]
