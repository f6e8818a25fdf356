"""The commands that `assay` shows for the embedded platform. Heavy imports come late: `assay --help` stays quick."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer
from assay_core.errors import AssayError

HomeOption = Annotated[
    Path | None, typer.Option("--home", help="The data folder. Default: ASSAY_HOME, else ~/.assay.", show_default=False)
]
JsonOption = Annotated[bool, typer.Option("--json", help="For machines.")]
Level = Literal["searchable", "generating"]


def up(
    home: HomeOption = None,
    host: Annotated[str, typer.Option(help="Where the gateway listens; 0.0.0.0 lets other machines in.")] = "127.0.0.1",
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Return when it is ready and leave it running.")
    ] = False,
    reuse: Annotated[
        bool, typer.Option("--reuse", help="With --detach: if it runs already, wait for that one.")
    ] = False,
    without: Annotated[list[str] | None, typer.Option(help="A part to leave out; may be given several times.")] = None,
    wait_for: Annotated[Level, typer.Option(help="When to call it ready.")] = "searchable",
) -> None:
    """Start the platform: servers, services and workers, until Ctrl-C."""
    from assay_embedded import foreground

    with _failures():
        options = foreground.read_options(home=home, host=host, without=without or [], wait_for=wait_for)
        if detach:
            foreground.start_detached(options, reuse=reuse)
        else:
            foreground.run(options)


def down(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Stop the platform and leave no process behind."""
    from assay_embedded import settings, stopping
    from assay_embedded.home import Home

    with _failures():
        stopped = stopping.stop(Home(settings.read(home=home).home))
    if as_json:
        typer.echo(json.dumps({"was_running": stopped}))
    else:
        typer.echo("Assay has stopped." if stopped else "Assay was not running.")


def status(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Show every part: state, port, memory, version. Exit code 1 if the platform is not ready to search."""
    from assay_embedded import control, settings, tables
    from assay_embedded.home import Home

    with _failures():
        folder = Home(settings.read(home=home).home)
        report = control.status(folder)
    backlog = control.ingestion(folder, report)
    if as_json:
        typer.echo(json.dumps(tables.as_json(report) | {"ingestion": backlog}, indent=2))
    else:
        tables.show_status(report, backlog)
    if not tables.level_reached(report, "searchable"):
        raise typer.Exit(1)


def doctor(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Look for what is wrong here and name the way out. Exit code 1 if something is."""
    from assay_embedded import doctor as examination
    from assay_embedded import settings, tables

    with _failures():
        findings = examination.examine(settings.read(home=home))
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        tables.show_findings(findings)
    if any(finding.verdict == "bad" for finding in findings):
        raise typer.Exit(1)


class _failures:  # noqa: N801 - reads as a statement: with _failures()
    """Turns our own errors into one line and exit code 1."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, AssayError):
            typer.secho(error.message, fg="red", err=True)
            raise typer.Exit(1) from error


def main(arguments: Sequence[str] | None = None) -> None:
    app = typer.Typer(add_completion=False, no_args_is_help=True, help="Assay on this machine.")
    for command in (up, down, status, doctor):
        app.command(command.__name__)(command)
    app(args=list(arguments) if arguments is not None else sys.argv[1:])
