"""vLLM as the supervisor runs it. Needs an environment that has it: making one takes minutes, `make run` does."""

import json
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from assay_embedded import proctable, settings
from assay_embedded.home import Home
from assay_embedded.testing import Platform, running
from assay_embedded.wiring import vllm_environment

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.nightly]

_START_S = 600


def _environment() -> Path | None:
    """The one that is named, or the one that the platform of this clone made."""
    found = vllm_environment(settings.read(), Home(settings.read().home))
    return found.path if found.ready("cpu") else None


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Generator[Platform]:
    path = _environment()
    if path is None:
        pytest.skip("no environment with vLLM: run `make run` once, or set ASSAY_VLLM__ENV_PATH")
    home = tmp_path_factory.mktemp("vllm")
    environ = {"ASSAY_VLLM__ENV_PATH": str(path), "ASSAY_VLLM__CONTEXT_TOKENS": "1024"}
    with running(home, parts={"vllm"}, timeout_s=_START_S, environ=environ) as started:
        yield started


def _complete(platform: Platform, key: str | None) -> dict[str, Any]:
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {key}"} if key else {})}
    body = {"model": platform.env["ASSAY_CHAT__MODEL"], "prompt": "The sky is", "max_tokens": 4}
    request = urllib.request.Request(
        platform.env["ASSAY_CHAT__BASE_URL"] + "/completions", json.dumps(body).encode(), headers
    )
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.loads(answer.read())


def _key(platform: Platform) -> str:
    return Path(platform.env["ASSAY_CHAT__API_KEY_FILE"]).read_text().strip()


def test_it_generates_for_those_with_the_key_only(platform: Platform) -> None:
    assert _complete(platform, _key(platform))["usage"]["completion_tokens"] == 4
    with pytest.raises(urllib.error.HTTPError, match="401"):
        _complete(platform, None)


def test_its_processes_listen_on_loopback_only(platform: Platform) -> None:
    listening = [
        line.split()[1]
        for table in ("tcp", "tcp6")
        for pid in _members(platform)
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]
        if line.split()[3] == "0A" and _inode_belongs(line.split()[9], pid)
    ]
    assert listening
    assert all(address.startswith("0100007F:") or address.startswith("0" * 24 + "01000000") for address in listening)


def _members(platform: Platform) -> set[int]:
    return proctable.marked(platform.supervisor.home.mark("vllm"))


def _inode_belongs(inode: str, pid: int) -> bool:
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            if os.readlink(descriptor) == f"socket:[{inode}]":
                return True
        except OSError:
            continue
    return False


def test_a_kill_of_its_server_leaves_no_engine_behind(platform: Platform) -> None:
    before = platform.pid("vllm")
    family = _members(platform)
    assert len(family) >= 3
    os.kill(before, signal.SIGKILL)
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        status = next(s for s in platform.supervisor.statuses() if s.name == "vllm")
        if status.state == "ready" and status.pid not in (None, before):
            break
        time.sleep(0.5)
    else:
        pytest.fail("vLLM did not come back")
    assert not [pid for pid in family if proctable.read(pid)]
    assert _complete(platform, _key(platform))["usage"]["completion_tokens"] == 4
