from pathlib import Path
from types import MappingProxyType

import pytest
from assay_embedded.parts.vllm import Vllm, served_name
from assay_embedded.settings import Device, VllmSettings
from assay_embedded.vllm_env import VllmEnvironment


def _command(tmp_path: Path, device: Device) -> tuple[list[str], dict[str, str]]:
    part = Vllm(
        port=8714,
        settings=VllmSettings(device=device),
        environment=VllmEnvironment(tmp_path, given=True),
        models=tmp_path,
        folder=tmp_path,
        api_key="secret",
        env=MappingProxyType({"PATH": "/bin"}),
        installer_env={},
    )
    command = part.command()
    return list(command.argv), dict(command.env)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_the_key_is_in_the_environment_not_among_the_arguments(tmp_path: Path, device: Device) -> None:
    argv, env = _command(tmp_path, device)
    assert "secret" not in " ".join(argv)
    assert env["VLLM_API_KEY"] == "secret"


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_it_listens_on_loopback_and_reports_to_nobody(tmp_path: Path, device: Device) -> None:
    argv, env = _command(tmp_path, device)
    assert argv[argv.index("--host") + 1] == "127.0.0.1"
    assert env["VLLM_NO_USAGE_STATS"] == env["DO_NOT_TRACK"] == "1"


def test_graphs_are_compiled_on_a_gpu_only(tmp_path: Path) -> None:
    assert "--enforce-eager" in _command(tmp_path, "cpu")[0]
    assert "--enforce-eager" not in _command(tmp_path, "cuda")[0]
    assert "--gpu-memory-utilization" in _command(tmp_path, "cuda")[0]


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("packaged:smollm2-135m-instruct", "smollm2-135m-instruct"),
        ("Qwen/Qwen3-4B", "Qwen3-4B"),
        ("/models/mine/", "mine"),
    ],
)
def test_a_model_is_served_under_its_last_name(model: str, name: str) -> None:
    assert served_name(VllmSettings(model=model)) == name
