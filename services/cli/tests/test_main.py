import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
import typer
from assay_cli import plugins
from assay_cli.main import app
from typer.testing import CliRunner


def test_start_loads_nothing_heavy() -> None:
    code = (
        "import sys; from assay_cli.main import app\n"
        "try: app(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'httpx', 'pydantic', 'rich.console', 'assay_embedded', 'assay_mcp', 'assay_evals', 'numpy'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_command_of_another_package_is_mounted(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("greet", "tests:greet", plugins.GROUP)
    monkeypatch.setattr(plugins, "entry_points", lambda **wanted: [point] if wanted.get("name") != "up" else [])

    def greet(name: str) -> None:
        """Say hello."""
        typer.echo(f"Hello, {name}.")

    monkeypatch.setattr(EntryPoint, "load", lambda _self: greet)
    assert CliRunner().invoke(app, ["greet", "you"]).stdout == "Hello, you.\n"
    assert "greet" in CliRunner().invoke(app, ["--help"]).stdout


def test_part_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugins, "entry_points", lambda **_wanted: [])
    result = CliRunner().invoke(app, ["up"])
    assert result.exit_code == 1
    assert "pip install assay-embedded" in result.stderr


def test_unknown_command_gets_a_suggestion() -> None:
    result = CliRunner().invoke(app, ["serch"])
    assert result.exit_code == 2
    assert "'search'" in result.stderr


def test_version() -> None:
    assert CliRunner().invoke(app, ["--version"]).stdout.startswith("assay ")


def test_platform_that_does_not_run_is_said(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "api_key").write_text("assay_x\n")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "state.json").write_text('{"ports": {"gateway": 9}}')
    result = CliRunner().invoke(app, ["search", "x", "-c", "y", "--home", str(tmp_path)])
    assert result.exit_code == 1
    assert "Nothing answers at http://127.0.0.1:9; is Assay running?" in result.stderr
    assert "run/state.json" in result.stderr


def test_no_platform_and_no_key_is_said(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["search", "x", "-c", "y", "--home", str(tmp_path)])
    assert result.exit_code == 1
    assert "There is no API key" in result.stderr
