"""The three processes as the supervisor starts them: ready, at work without a ring, and gone when told."""

import base64
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path

import httpx
import pytest
from assay_core.evaluation import EvaluationRun, RunState
from assay_embedded.testing import Platform
from assay_store import evaluations

from .conftest import ANN, MASTER_KEY, World

pytestmark = [pytest.mark.integration, pytest.mark.slow]

Start = Callable[[str], tuple[subprocess.Popen[bytes], str]]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def start(servers: Platform, database_url: str, tmp_path: Path) -> Generator[Start]:
    running: list[subprocess.Popen[bytes]] = []
    secrets = servers.supervisor.wiring.secrets
    master_key = tmp_path / "master_key"
    master_key.write_text(base64.b64encode(MASTER_KEY).decode())

    def started(module: str) -> tuple[subprocess.Popen[bytes], str]:
        port = free_port()
        env = {key: value for key, value in os.environ.items() if not key.startswith("ASSAY_")} | servers.env
        env |= {
            "ASSAY_DATABASE__URL": database_url,
            "ASSAY_HOME": str(tmp_path),
            "ASSAY_HTTP__PORT": str(port),
            "ASSAY_SECRETS__MASTER_KEY_FILE": str(master_key),
            "ASSAY_SECRETS__TOKEN_PRIVATE_KEY_FILE": str(secrets.token_private_key),
            "ASSAY_EVALUATION__POLL_S": "0.2",
        }
        process = subprocess.Popen([sys.executable, "-m", module], env=env, cwd=tmp_path)
        running.append(process)
        return process, f"http://127.0.0.1:{port}"

    yield started
    for process in running:
        process.kill()
        process.wait()


def await_ready(url: str, *, timeout_s: float = 60) -> None:
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        try:
            if httpx.get(f"{url}/readyz", trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    pytest.fail(f"{url} is not ready after {timeout_s} s")


@pytest.mark.parametrize("module", ["assay_evaluation.main", "assay_evaluation.worker", "assay_evaluation.beat"])
def test_each_process_becomes_ready_and_leaves_when_told(start: Start, module: str) -> None:
    process, url = start(module)
    await_ready(url)
    assert b"assay_" in httpx.get(f"{url}/metrics", trust_env=False).content or module.endswith("beat")
    process.send_signal(signal.SIGTERM)
    assert process.wait(15) in (0, -signal.SIGTERM)  # uvicorn passes the signal on after it has tidied up


def test_a_worker_killed_in_the_middle_is_replaced_by_the_next(start: Start, world: World) -> None:
    world.golden("q1")
    with world.database.transaction() as connection:
        created = evaluations.create(connection, evaluations.NewRun(world.collection, "golden", "nobody", ANN.id))
        assert created is not None
        held = evaluations.lease(connection, owner="killed", lease_s=1)
        assert held is not None
    _, url = start("assay_evaluation.worker")
    await_ready(url)
    end = time.monotonic() + 60
    found: EvaluationRun = created
    while found.state in (RunState.WAITING, RunState.RUNNING) and time.monotonic() < end:
        time.sleep(0.2)
        with world.database.transaction() as connection:
            found = evaluations.get(connection, ANN, created.id)
    assert found.state is RunState.FAILED
    assert "bad_judge" in (found.error or "")
