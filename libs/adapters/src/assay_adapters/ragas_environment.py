"""The virtual environment of ragas: 600 MB with versions that the platform cannot share."""

import hashlib
import os
import shutil
import subprocess
import sys
from importlib import resources
from pathlib import Path

from assay_core.errors import Unavailable

_STAMP = "requirements.sha256"
_INSTALL_S = 1200.0


def ragas_python(env_path: Path) -> Path:
    """The interpreter of the environment at `env_path`, which is made if it is missing or of other versions.

    Takes a minute or two; other processes wait for the one that makes it.

    Raises:
        Unavailable: the packages cannot be installed.
    """
    from filelock import FileLock

    requirements = resources.files("assay_adapters").joinpath("ragas_runner", "requirements.txt").read_bytes()
    digest = hashlib.sha256(requirements).hexdigest()
    python = env_path / "bin" / "python"
    env_path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{env_path}.lock"):
        if not _is_current(env_path, digest):
            fresh = env_path.with_name(f"{env_path.name}.new-{os.getpid()}")
            _install(fresh, requirements)
            (fresh / _STAMP).write_text(digest)
            if env_path.exists():
                shutil.rmtree(env_path)
            fresh.rename(env_path)
    return python


def _is_current(env_path: Path, digest: str) -> bool:
    try:
        return (env_path / _STAMP).read_text() == digest
    except FileNotFoundError:
        return False


def _install(target: Path, requirements: bytes) -> None:
    from uv import find_uv_bin

    uv = find_uv_bin()
    _run([uv, "venv", "--quiet", "--clear", "--relocatable", "--python", sys.executable, str(target)], b"")
    _run([uv, "pip", "install", "--quiet", "--python", str(target / "bin" / "python"), "-r", "-"], requirements)


def _run(command: list[str], given: bytes) -> None:
    try:
        done = subprocess.run(command, input=given, capture_output=True, timeout=_INSTALL_S, check=False)
    except subprocess.TimeoutExpired as e:
        raise Unavailable(f"ragas was not installed within {_INSTALL_S:g} s", code="ragas_unavailable") from e
    if done.returncode != 0:
        reason = done.stderr.decode(errors="replace").strip()[-500:]
        raise Unavailable(f"ragas cannot be installed: {reason}", code="ragas_unavailable")
