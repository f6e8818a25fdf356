"""A parser that was taken over is kept from everything but its own file (row U9 of the reliability targets)."""

import os
import sys
import time
from collections.abc import Generator
from pathlib import Path

import pytest
from assay_adapters.parsers.sandbox import SandboxedParser
from assay_core.errors import Invalid

pytestmark = pytest.mark.integration

HOSTILE = Path(__file__).with_name("hostile_parser.py")
LIMIT_S = 2.0


@pytest.fixture(scope="module")
def sandbox() -> Generator[SandboxedParser]:
    server = (sys.executable, "-I", str(HOSTILE))
    parser = SandboxedParser(timeout_s=LIMIT_S, max_chars=1_000_000, server=server)
    yield parser
    parser.close()


def told(parser: SandboxedParser, folder: Path, what: str, *, secret: str = "") -> str:
    file = folder / "upload"
    file.write_text(what)
    return parser.parse(str(file), name=secret or what).text


def still_works(parser: SandboxedParser, folder: Path) -> bool:
    return told(parser, folder, "harmless") == "harmless"


@pytest.mark.parametrize("what", ["network", "passwd", "fork", "write", "ptrace", "kill", "execute"])
def test_what_a_parser_has_no_business_with_is_denied(sandbox: SandboxedParser, tmp_path: Path, what: str) -> None:
    assert told(sandbox, tmp_path, what) == "denied"
    assert still_works(sandbox, tmp_path)


def test_a_secret_cannot_be_read_even_by_those_who_know_its_place(sandbox: SandboxedParser, tmp_path: Path) -> None:
    secret = tmp_path / "api_key"
    secret.write_text("assay_secret")
    os.chmod(secret, 0o644)
    os.chmod(tmp_path, 0o755)
    assert told(sandbox, tmp_path, "secret", secret=str(secret)) == "denied"


def test_one_that_ignores_signals_is_killed_at_its_limit(sandbox: SandboxedParser, tmp_path: Path) -> None:
    assert still_works(sandbox, tmp_path)
    before = time.monotonic()
    with pytest.raises(Invalid) as raised:
        told(sandbox, tmp_path, "ignore")
    assert raised.value.code == "timeout"
    # The limit and a second, and what a busy machine takes to say so.
    assert time.monotonic() - before < LIMIT_S + 1 + 8
    assert still_works(sandbox, tmp_path)


def test_one_that_prints_without_end_is_cut_off(
    sandbox: SandboxedParser, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Invalid) as raised:
        told(sandbox, tmp_path, "print")
    assert raised.value.code in ("too_large", "timeout", "crashed")
    assert capfd.readouterr() == ("", "")
    assert still_works(sandbox, tmp_path)
