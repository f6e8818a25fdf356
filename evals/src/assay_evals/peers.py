"""Other RAG software beside ours: the same passages, the same model, block by block in one run.

Each peer runs in its default local set-up in an environment of its own, which lies over the one that Assay is
installed in, so that both use the same torch and the same weights.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from types import TracebackType
from typing import Literal, Self, get_args

from assay_core.errors import Broken, Unavailable

Peer = Literal["llamaindex", "haystack", "txtai", "langchain"]
PEERS: tuple[Peer, ...] = get_args(Peer)

_INSTALL_S = 900.0
_STAMP = "requirements.sha256"
_OVERLAY = "assay-overlay.pth"


@dataclass(frozen=True, slots=True)
class Passage:
    """A ready passage; `title` may be empty."""

    id: str
    title: str
    text: str


class PeerProcess:
    """A peer that has loaded its model and waits for passages; leaving the block ends it.

    `version` is that of its main package.
    """

    def __init__(self, peer: Peer, *, python: Path, model: Path, folder: Path) -> None:
        self._peer = peer
        self._folder = folder
        script = str(resources.files("assay_evals").joinpath("benchmarks", "run_peer.py"))
        self._log = (folder / "peer.log").open("w+", encoding="utf-8")
        self._child = subprocess.Popen(
            [str(python), script, peer, str(model), str(folder / "index")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env=os.environ | {"HF_HUB_OFFLINE": "1", "HAYSTACK_TELEMETRY_ENABLED": "False", "PYTHONPATH": ""},
        )
        self._blocks = 0
        self.version = ""

    def __enter__(self) -> Self:
        try:
            self.version = str(self._answer()["version"])
        except Broken:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end()

    def ingest(self, passages: Sequence[Passage]) -> float:
        """Take in a block of passages. Returns the seconds that it took.

        Raises:
            Broken: the peer failed; the message ends with the last line that it printed.
        """
        self._blocks += 1
        block = self._folder / f"block-{self._blocks}.jsonl"
        lines = (json.dumps({"id": p.id, "title": p.title, "text": p.text}) for p in passages)
        block.write_text("\n".join(lines), encoding="utf-8")
        assert self._child.stdin is not None
        try:
            self._child.stdin.write(f"{block}\n")
            self._child.stdin.flush()
        except BrokenPipeError:
            raise self._broken() from None
        return float(str(self._answer()["seconds"]))

    def _end(self) -> None:
        self._child.kill()
        self._child.communicate()
        self._log.close()

    def _answer(self) -> dict[str, object]:
        assert self._child.stdout is not None
        line = self._child.stdout.readline()
        if not line:
            raise self._broken()
        return json.loads(line)

    def _broken(self) -> Broken:
        self._log.seek(0)
        lines = self._log.read().strip().splitlines()
        return Broken(f"{self._peer} failed: {lines[-1] if lines else 'no message'}", code="peer_failed")


def peer_python(env_path: Path) -> Path:
    """The interpreter of the environment at `env_path`, which is made if it is missing or of other versions.

    Raises:
        Unavailable: the packages cannot be installed.
    """
    requirements = resources.files("assay_evals").joinpath("benchmarks", "requirements.txt").read_bytes()
    ours = sysconfig.get_paths()["purelib"]
    digest = hashlib.sha256(requirements + ours.encode()).hexdigest()
    stamp = env_path / _STAMP
    if not stamp.exists() or stamp.read_text() != digest:
        shutil.rmtree(env_path, ignore_errors=True)
        _install(env_path, requirements, ours)
        stamp.write_text(digest)
    return env_path / "bin" / "python"


def _install(env_path: Path, requirements: bytes, ours: str) -> None:
    python = env_path / "bin" / "python"
    _run([sys.executable, "-m", "venv", "--without-pip", str(env_path)], b"")
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if uv is None:
        raise Unavailable(
            "Peers are installed by uv, which is not here. Install it with `pip install uv`.", code="not_installed"
        )
    _run([uv, "pip", "install", "--quiet", "--no-deps", "--python", str(python), "-r", "-"], requirements)
    own = sysconfig.get_paths(vars={"base": str(env_path), "platbase": str(env_path)})["purelib"]
    (Path(own) / _OVERLAY).write_text(f"{ours}\n")


def _run(command: list[str], given: bytes) -> None:
    try:
        done = subprocess.run(command, input=given, capture_output=True, timeout=_INSTALL_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"The peers were not installed within {_INSTALL_S:g} s.", code="peers_unavailable") from error
    if done.returncode != 0:
        reason = done.stderr.decode(errors="replace").strip()[-500:]
        raise Unavailable(f"The peers cannot be installed: {reason}", code="peers_unavailable")
