"""The whole platform, real parts and all, on a data folder and ports of its own."""

import os
import shutil
import subprocess
import sys
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import pytest
from assay_wire.clients import AssayClient
from assay_wire.discovery import find_gateway

CLONE = Path(__file__).parents[2]
HOME = CLONE / ".cache" / "e2e-home"
_KEPT = ("envs", "models")  # costly to make, and the same for every run
_START_S = 1500


@dataclass(frozen=True)
class RunningPlatform:
    """A platform that is ready to search; vLLM may still be loading."""

    home: Path
    url: str
    api_key: str
    environment: dict[str, str]

    def assay(self, *arguments: str, timeout_s: float = 600) -> subprocess.CompletedProcess[str]:
        """Run the command line against this platform."""
        command = [str(Path(sys.executable).parent / "assay"), *arguments]
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=timeout_s, check=False
        )

    def wait_for_model(self) -> None:
        done = self.assay("up", "--detach", "--reuse", "--wait-for", "generating", timeout_s=_START_S)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="session")
def platform() -> Generator[RunningPlatform]:
    for path in HOME.iterdir() if HOME.exists() else ():
        if path.name not in _KEPT:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    environment = {k: v for k, v in os.environ.items() if not k.startswith("ASSAY_")} | {"ASSAY_HOME": str(HOME)}
    made = CLONE / ".assay" / "envs" / "vllm"
    if made.exists() and not (HOME / "envs" / "vllm").exists():
        environment["ASSAY_VLLM__ENV_PATH"] = str(made)
    starting = RunningPlatform(HOME, "", "", environment)
    try:
        done = starting.assay("up", "--detach", "--wait-for", "searchable", timeout_s=_START_S)
        assert done.returncode == 0, done.stdout + done.stderr
        gateway = find_gateway(home=HOME, environ={})
        yield RunningPlatform(HOME, gateway.url, gateway.api_key, environment)
    finally:
        starting.assay("down")


@pytest.fixture(scope="session")
def generating(platform: RunningPlatform) -> RunningPlatform:
    """The platform once its language model answers."""
    platform.wait_for_model()
    return platform


@pytest.fixture(scope="session")
def platform_url(generating: RunningPlatform) -> str:
    return generating.url


@pytest.fixture(scope="session")
def api_key(generating: RunningPlatform) -> str:
    return generating.api_key


@pytest.fixture
def client(platform: RunningPlatform) -> Generator[AssayClient]:
    with AssayClient(base_url=platform.url, api_key=platform.api_key) as opened:
        yield opened
