"""Assay's own processes: one module each, told by its environment where everything is."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

import httpx

from assay_embedded.errors import CannotRun, NotReady
from assay_embedded.part import Context, Part
from assay_embedded.process import Command


@dataclass(frozen=True)
class Service:
    """A process of ours that stays, and answers /livez and /readyz."""

    name: str
    module: str
    needs: tuple[str, ...]


# Milvus, the cache and the generator are not waited for: our processes start beside them, and say in /readyz
# what they miss.
SERVICES = (
    Service("gateway", "assay_gateway.main", ("first-run",)),
    Service("retrieval", "assay_retrieval.main", ("migrate",)),
    Service("generation", "assay_generation.main", ("migrate",)),
    Service("evaluation", "assay_evaluation.main", ("migrate",)),
    Service("evaluation-worker", "assay_evaluation.worker", ("migrate", "broker")),
    Service("worker", "assay_ingestion.worker", ("migrate", "broker")),
    Service("indexer", "assay_ingestion.indexer", ("migrate",)),
    Service("relay", "assay_ingestion.relay", ("migrate", "broker")),
    Service("beat", "assay_evaluation.beat", ("migrate", "broker")),
)
ONE_SHOTS = (
    Service("migrate", "assay_store.migrate", ("postgres",)),
    Service("first-run", "assay_gateway.first_run", ("migrate",)),
)


def _require(module: str) -> None:
    package = module.partition(".")[0]
    try:
        found = find_spec(module)
    except ModuleNotFoundError:
        found = None
    if found is None:
        distribution = package.replace("_", "-")
        raise CannotRun(f"{module!r} is not installed. Install it with `pip install {distribution}`.")


def _version(module: str) -> str:
    try:
        return version(module.partition(".")[0].replace("_", "-"))
    except PackageNotFoundError:
        return ""


class OneShot(Part):
    """Work before the services start; running it again changes nothing."""

    once: ClassVar[bool] = True

    def __init__(self, service: Service, *, folder: Path, env: Mapping[str, str]) -> None:
        super().__init__(service.name, None)
        self.needs = service.needs
        self._module = service.module
        self._folder = folder
        self._env = env

    def version(self) -> str:
        return _version(self._module)

    def prepare(self, ctx: Context) -> None:
        del ctx
        _require(self._module)

    def command(self) -> Command:
        return Command(argv=[sys.executable, "-m", self._module], env=self._env, cwd=self._folder)


class OwnProcess(Part):
    def __init__(self, service: Service, *, port: int, folder: Path, env: Mapping[str, str]) -> None:
        super().__init__(service.name, port)
        self.needs = service.needs
        self._module = service.module
        self._folder = folder
        self._env = env
        self._client: httpx.Client | None = None

    def version(self) -> str:
        return _version(self._module)

    def prepare(self, ctx: Context) -> None:
        del ctx
        _require(self._module)

    def command(self) -> Command:
        return Command(
            argv=[sys.executable, "-m", self._module],
            env=self._env,
            cwd=self._folder,
            # A worker finishes or hands back what it is at; the next start repeats what it did not.
            stop_timeout_s=15.0,
        )

    def check(self) -> None:
        if self._client is None:
            self._client = httpx.Client(timeout=3.0, trust_env=False)
        try:
            answer = self._client.get(f"http://127.0.0.1:{self.port}/readyz")
        except httpx.TransportError as e:
            raise NotReady("does not answer yet") from e
        if answer.status_code != 200:
            raise NotReady(_missing(answer))


def _missing(answer: httpx.Response) -> str:
    """What a 503 from /readyz names as not ready."""
    try:
        checks = answer.json()["checks"]
        bad = [f"{name}: {check['detail']}" for name, check in checks.items() if not check["ok"]]
    except (ValueError, KeyError, TypeError, AttributeError):
        bad = []
    return "; ".join(bad) or f"/readyz answers {answer.status_code}"
