"""Assay's own processes: one module each, told by its environment where everything is."""

import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

from assay_embedded.errors import CannotRun, NotReady
from assay_embedded.loopback import Answer, http_request
from assay_embedded.part import Context, Part
from assay_embedded.process import Command
from assay_embedded.roster import Service

# Where a server can be asked that listens everywhere.
_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}


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
    def __init__(self, service: Service, *, host: str, port: int, folder: Path, env: Mapping[str, str]) -> None:
        super().__init__(service.name, port)
        self._host = _ANY.get(host, host)
        self.needs = service.needs
        self._module = service.module
        self._nice = service.nice
        self._folder = folder
        self._env = env

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
            nice=self._nice,
            dies_with_supervisor=False,
            # A worker finishes or hands back what it is at; the next start repeats what it did not.
            stop_timeout_s=15.0,
        )

    def check(self) -> None:
        answer = http_request(self.port, "/readyz", host=self._host)
        if answer.status != 200:
            raise NotReady(_missing(answer))


def _missing(answer: Answer) -> str:
    """What a 503 from /readyz names as not ready."""
    try:
        checks = answer.json()["checks"]
        bad = [f"{name}: {check['detail']}" for name, check in checks.items() if not check["ok"]]
    except (ValueError, KeyError, TypeError, AttributeError):
        bad = []
    return "; ".join(bad) or f"/readyz answers {answer.status}"
