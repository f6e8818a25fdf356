"""Processes beside a platform on this machine, as long as they are needed: see `assay_embedded.side_door`."""

import json
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from assay_core.errors import NotFound, Unavailable

_MODULE = "assay_embedded.side_door"
_END_S = 40.0


def is_installed() -> bool:
    """Whether what runs platforms is installed here."""
    return find_spec("assay_embedded") is not None


@contextmanager
def open_beside(home: Path | None, *arguments: str) -> Generator[Mapping[str, str]]:
    """Start it, and yield what it says when it is ready.

    Raises:
        NotFound: no platform can run here.
        Unavailable: none runs, or the processes did not start.
    """
    if not is_installed():
        raise NotFound(
            "This needs a platform on this machine; what runs one is not installed."
            " Install it with `pip install assay-embedded`.",
            code="not_installed",
        )
    argv = [sys.executable, "-P", "-m", _MODULE, *arguments, *(["--home", str(home)] if home else [])]
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield _said(process.stdout.readline())
    finally:
        process.stdin.close()
        try:
            process.wait(_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _said(line: str) -> Mapping[str, str]:
    said: Mapping[str, str] = json.loads(line) if line else {"error": f"{_MODULE} ended without a word."}
    if "error" in said:
        raise Unavailable(said["error"], code="no_side_door")
    return said
