"""`assay train`: make the models that Assay ships, or your own."""

import json
from pathlib import Path
from typing import Annotated

import click
import typer

app = typer.Typer(no_args_is_help=True, help="Train Assay's own models.", rich_markup_mode=None)


@app.callback()
def main() -> None:
    """Train Assay's own models."""


@app.command()
def judge(
    data: Annotated[Path, typer.Option("--data", metavar="DIR", help="Holds the sets, each in a folder of its own.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where weights, calibration and figures go.")],
    seed: Annotated[int, typer.Option(help="The same seed makes the same claims in the same order.")] = 1,
    minutes: Annotated[float, typer.Option(min=0.1, help="How long to train; making claims comes before.")] = 45.0,
    steps: Annotated[int | None, typer.Option(min=1, help="Exactly so many steps, however long they take.")] = None,
    rounds: Annotated[int, typer.Option(min=1, help="How often each text is made claims from.")] = 3,
    leave_out: Annotated[
        list[str] | None,
        typer.Option(metavar="SET", help="A set that is not looked at, to be measured on; may be given again."),
    ] = None,
    held_back: Annotated[
        float, typer.Option(min=0.1, max=0.9, metavar="SHARE", help="Of the documents, kept from training.")
    ] = 0.1,
    most_cases: Annotated[
        int | None, typer.Option(min=10, metavar="N", help="Calibrate on so many cases of a set, not on all.")
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Processor threads; one where others work too.")] = None,
    resume: Annotated[bool, typer.Option(help="Go on from the last weights in --out.")] = False,
    calibrate_only: Annotated[bool, typer.Option(help="Only calibrate the weights that --out holds.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else on stdout.")] = False,
) -> None:
    """Train the judge of groundedness and relevance on two cores, within an hour."""
    from assay_training.judge import train_judge
    from assay_training.judge_training import Plan

    last = ""

    def tell(what: str, done: int, total: int) -> None:
        nonlocal last
        line = f"{what}: {100 * done // max(1, total)} %"
        if line != last:
            click.echo(line, err=True)
        last = line

    plan = Plan(seed=seed, minutes=minutes, steps=steps, threads=threads)
    report = train_judge(
        data,
        out,
        plan,
        rounds=rounds,
        leave_out=leave_out or (),
        held_back=held_back,
        most_cases=most_cases,
        resume=resume,
        calibrate_only=calibrate_only,
        on_progress=tell,
    )
    if as_json:
        click.echo(json.dumps(report, indent=2))
        return
    for name, fit in report["development"].items():  # pyright: ignore[reportAttributeAccessIssue] JSON's shape
        click.echo(
            f"{name}: balanced accuracy {fit['balanced_accuracy']:.3f}, AUC {fit['auc']:.3f}, {fit['cases']} cases"
        )
