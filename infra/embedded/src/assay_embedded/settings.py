"""What the person who runs the platform may set, read once from the environment and the command line."""

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from assay_core.errors import Invalid

Device = Literal["auto", "cpu", "cuda"]
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "USER", "LOGNAME", "PYTHONPATH", "SSL_CERT_FILE", "SSL_CERT_DIR")
_NETWORK = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
_INSTALLERS = ("PIP_", "UV_", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "XDG_CACHE_HOME")
_MODELS = ("HF_", "CUDA_", "NVIDIA_")


@dataclass(frozen=True)
class VllmSettings:
    """The generator.

    enabled: false when another one is used; ASSAY_CHAT__BASE_URL, __MODEL and __API_KEY_FILE then say which.
    env_path: a virtual environment that has vLLM already; empty = make one in the data folder.
    device: auto takes the GPU if there is one.
    model: `packaged:smollm2-135m-instruct`, a local folder or a hub name.
    context_tokens: the longest prompt with its answer.
    kv_cache_gib: memory for attention states on CPU.
    gpu_memory_fraction: how much of the GPU's memory vLLM may take.
    max_queued: requests that wait before vLLM answers 503.
    """

    enabled: bool = True
    env_path: Path | None = None
    device: Device = "auto"
    model: str = "packaged:smollm2-135m-instruct"
    context_tokens: int = 4096
    kv_cache_gib: int = 1
    gpu_memory_fraction: float = 0.6
    max_queued: int = 64


@dataclass(frozen=True)
class Settings:
    home: Path
    host: str = "127.0.0.1"
    namespaces: bool = True
    """Whether to use them where the kernel allows: to close Milvus in, and to hide root from PostgreSQL."""
    vllm: VllmSettings = field(default_factory=VllmSettings)
    user_environment: Mapping[str, str] = field(default_factory=dict[str, str])
    """The user's own ASSAY_* variables, for Assay's processes."""
    base_environment: Mapping[str, str] = field(default_factory=dict[str, str])
    """What any program needs: PATH, HOME, a language, a folder for temporary files."""
    installer_environment: Mapping[str, str] = field(default_factory=dict[str, str])
    """What installing needs besides: proxies, certificates, caches."""
    model_environment: Mapping[str, str] = field(default_factory=dict[str, str])
    """What programs that load models need besides: the hub's variables, GPUs, proxies. Offline unless asked."""


def default_home() -> Path:
    return Path(os.environ.get("ASSAY_HOME") or "~/.assay").expanduser().absolute()


def read(*, home: Path | None = None, host: str | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Settings from the environment.

    Raises:
        Invalid: a value has the wrong form; the message names the variable.
    """
    environ = os.environ if environ is None else environ
    return Settings(
        home=(home or Path(environ.get("ASSAY_HOME") or "~/.assay")).expanduser().absolute(),
        host=host or "127.0.0.1",
        namespaces=_flag("ASSAY_EMBEDDED__NAMESPACES", environ.get("ASSAY_EMBEDDED__NAMESPACES"), default=True),
        vllm=_vllm(environ),
        user_environment={key: value for key, value in environ.items() if key.startswith("ASSAY_")},
        base_environment=_base(environ),
        installer_environment={
            key: value for key, value in environ.items() if key in _NETWORK or key.startswith(_INSTALLERS)
        },
        model_environment={
            "HF_HUB_OFFLINE": "1",
            **{key: value for key, value in environ.items() if key in _NETWORK or key.startswith(_MODELS)},
        },
    )


def _base(environ: Mapping[str, str]) -> dict[str, str]:
    kept = {key: environ[key] for key in _PASSED_ON if key in environ}
    kept.setdefault("PATH", "/usr/local/bin:/usr/bin:/bin")
    kept.setdefault("LANG", "C.UTF-8")
    kept["TMPDIR"] = environ.get("TMPDIR") or tempfile.gettempdir()
    return kept


def _vllm(environ: Mapping[str, str]) -> VllmSettings:
    prefix = "ASSAY_VLLM__"
    given = {key.removeprefix(prefix).lower(): value for key, value in environ.items() if key.startswith(prefix)}
    defaults = VllmSettings()
    unknown = given.keys() - vars(defaults).keys()
    if unknown:
        known = ", ".join(prefix + name.upper() for name in vars(defaults))
        raise Invalid(f"{prefix}{min(unknown).upper()!s} is not a setting; there are {known}.")
    env_path = given.get("env_path")
    return VllmSettings(
        enabled=_flag(f"{prefix}ENABLED", given.get("enabled"), default=defaults.enabled),
        env_path=Path(env_path).expanduser().absolute() if env_path else None,
        device=_device(given.get("device")),
        model=given.get("model") or defaults.model,
        context_tokens=_whole(f"{prefix}CONTEXT_TOKENS", given.get("context_tokens"), defaults.context_tokens),
        kv_cache_gib=_whole(f"{prefix}KV_CACHE_GIB", given.get("kv_cache_gib"), defaults.kv_cache_gib),
        gpu_memory_fraction=_fraction(
            f"{prefix}GPU_MEMORY_FRACTION", given.get("gpu_memory_fraction"), defaults.gpu_memory_fraction
        ),
        max_queued=_whole(f"{prefix}MAX_QUEUED", given.get("max_queued"), defaults.max_queued),
    )


def _flag(name: str, value: str | None, *, default: bool) -> bool:
    match (value or "").lower():
        case "":
            return default
        case "1" | "true" | "yes" | "on":
            return True
        case "0" | "false" | "no" | "off":
            return False
        case _:
            raise Invalid(f"{name} is {value!r}; it takes true or false.")


def _device(value: str | None) -> Device:
    match (value or "auto").lower():
        case "auto":
            return "auto"
        case "cpu":
            return "cpu"
        case "cuda":
            return "cuda"
        case _:
            raise Invalid(f"ASSAY_VLLM__DEVICE is {value!r}; it takes auto, cpu or cuda.")


def _whole(name: str, value: str | None, default: int) -> int:
    if not value:
        return default
    if not value.isdigit() or int(value) == 0:
        raise Invalid(f"{name} is {value!r}; it takes a whole number above 0.")
    return int(value)


def _fraction(name: str, value: str | None, default: float) -> float:
    if not value:
        return default
    try:
        fraction = float(value)
    except ValueError:
        fraction = 0.0
    if not 0 < fraction <= 1:
        raise Invalid(f"{name} is {value!r}; it takes a number above 0 and not above 1.")
    return fraction
