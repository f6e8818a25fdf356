"""Run `assay` in a test, against a gateway in memory."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import httpx
from typer.testing import CliRunner

from assay_cli.main import app
from assay_cli.session import Session


@dataclass(frozen=True)
class Outcome:
    """What a call left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Run(Protocol):
    """Runs `assay` with these arguments."""

    def __call__(self, *args: object, key: str = "", stdin: str = "") -> Outcome: ...


def run_assay(
    args: Sequence[object], *, handler: Callable[[httpx.Request], httpx.Response], key: str, stdin: str = ""
) -> Outcome:
    """Run `assay`, with `handler` as the gateway."""
    session = Session(
        environ={"ASSAY_URL": "http://gateway.test", "ASSAY_API_KEY": key},
        transport=httpx.MockTransport(handler),
        sleep=lambda _seconds: None,
    )
    result = CliRunner().invoke(app, [str(arg) for arg in args], obj=session, input=stdin)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Outcome(result.exit_code, result.stdout, result.stderr)
