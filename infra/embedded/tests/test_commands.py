from importlib.metadata import entry_points
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

_NAMES = ["doctor", "down", "status", "up"]


@pytest.fixture
def app() -> typer.Typer:
    """Mounted as the `assay` command does it: by entry point, without importing this package."""
    mounted = typer.Typer()
    for point in entry_points(group="assay.commands"):
        if point.name in _NAMES:
            mounted.command(point.name)(point.load())
    return mounted


def test_all_commands_can_be_mounted_and_explain_themselves(app: typer.Typer) -> None:
    for name in _NAMES:
        answer = CliRunner().invoke(app, [name, "--help"])
        assert answer.exit_code == 0, answer.output
        assert "--home" in answer.output


def test_status_of_nothing_names_the_way_out(app: typer.Typer, tmp_path: Path) -> None:
    answer = CliRunner().invoke(app, ["status", "--home", str(tmp_path)])
    assert answer.exit_code == 1
    assert "assay up" in answer.output


def test_down_of_nothing_is_no_error(app: typer.Typer, tmp_path: Path) -> None:
    answer = CliRunner().invoke(app, ["down", "--json", "--home", str(tmp_path)])
    assert answer.exit_code == 0
    assert answer.output.strip() == '{"was_running": false}'


def test_leaving_out_an_unknown_part_is_refused(app: typer.Typer, tmp_path: Path) -> None:
    answer = CliRunner().invoke(app, ["up", "--home", str(tmp_path), "--without", "redis"])
    assert answer.exit_code == 1
    assert "'redis'" in answer.output
