"""`assay train`: make the models that Assay ships, or your own."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import click
import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from assay_training import fitting, rankers

_NOT_BETTER = 3
DataOption = Annotated[
    Path | None, typer.Option("--data", metavar="DIR", help="Holds the sets that may be shipped, each in a folder.")
]
QuestionsOption = Annotated[
    list[Path] | None,
    typer.Option(metavar="FILE", help="Written by `assay eval candidates`; may be given again."),
]
JudgedByOption = Annotated[
    list[Path] | None,
    typer.Option(metavar="DIR", help="A set in BEIR's or SQuAD's form that is measured on only; may be given again."),
]
BaseOption = Annotated[
    str, typer.Option(metavar="MODEL", help="What to begin with: packaged, a folder, or a hub name.")
]
SeedOption = Annotated[int, typer.Option(help="The same seed takes the same passages in the same order.")]
EpochsOption = Annotated[float, typer.Option(min=0.01, help="How often to go over all questions.")]
StepsOption = Annotated[int | None, typer.Option(min=1, help="Exactly so many steps of 8 questions, instead.")]
NegativesOption = Annotated[int, typer.Option(min=1, max=20, help="Wrong passages beside each right one.")]
LoraOption = Annotated[
    int,
    typer.Option(min=0, max=256, metavar="RANK", help="Train added matrices of this rank only; 0 for full training."),
]
HeldBackOption = Annotated[
    float, typer.Option(min=0.05, max=0.5, metavar="SHARE", help="Of the documents: not trained on, but measured on.")
]
ThreadsOption = Annotated[int | None, typer.Option(min=1, help="Processor threads; one where others work too.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else on stdout.")]

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
        on_progress=_teller(),
    )
    if as_json:
        click.echo(json.dumps(report, indent=2))
        return
    for name, fit in report["development"].items():  # pyright: ignore[reportAttributeAccessIssue] JSON's shape
        click.echo(
            f"{name}: balanced accuracy {fit['balanced_accuracy']:.3f}, AUC {fit['auc']:.3f}, {fit['cases']} cases"
        )


@app.command()
def reranker(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where weights, card and figures go.")],
    data: DataOption = None,
    questions: QuestionsOption = None,
    judged_by: JudgedByOption = None,
    base: BaseOption = "packaged:all-MiniLM-L6-v2",
    seed: SeedOption = 1,
    epochs: EpochsOption = 1.0,
    steps: StepsOption = None,
    negatives: NegativesOption = 3,
    lora: LoraOption = 0,
    held_back: HeldBackOption = 0.1,
    threads: ThreadsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a cross-encoder to rerank with.

    `ASSAY_RERANKER__MODEL=DIR` with `ASSAY_RERANKER__BACKEND=openvino` takes it into use.

    Exit codes: 0 better on held-back questions; 3 not so, though it is written; 1 and 2 errors.
    """
    from assay_training.rankers import train_reranker

    _train(train_reranker, out, _sources(data, questions, judged_by, held_back), base, as_json=as_json,
           plan=_plan(seed, epochs, steps, negatives, lora, threads))  # fmt: skip


@app.command()
def embedder(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where weights, card and figures go.")],
    data: DataOption = None,
    questions: QuestionsOption = None,
    judged_by: JudgedByOption = None,
    base: BaseOption = "packaged:all-MiniLM-L6-v2",
    seed: SeedOption = 1,
    epochs: EpochsOption = 1.0,
    steps: StepsOption = None,
    negatives: NegativesOption = 3,
    lora: LoraOption = 0,
    held_back: HeldBackOption = 0.1,
    threads: ThreadsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fine-tune an embedder by contrast.

    `ASSAY_EMBEDDER__MODEL=DIR` takes it into use: for a platform whose collections are new, or made anew by `assay
    rebuild` after it.

    Exit codes: 0 better on held-back questions; 3 not so, though it is written; 1 and 2 errors.
    """
    from assay_training.rankers import train_embedder

    _train(train_embedder, out, _sources(data, questions, judged_by, held_back), base, as_json=as_json,
           plan=_plan(seed, epochs, steps, negatives, lora, threads))  # fmt: skip


def _plan(
    seed: int, epochs: float, steps: int | None, negatives: int, lora: int, threads: int | None
) -> "fitting.Plan":
    from assay_training.fitting import Plan

    return Plan(seed=seed, epochs=epochs, steps=steps, negatives=negatives, lora=lora, threads=threads)


def _sources(
    data: Path | None, questions: list[Path] | None, judged_by: list[Path] | None, held_back: float
) -> "rankers.Sources":
    from assay_training.rankers import Sources

    return Sources(data, questions or (), judged_by or (), held_back)


def _train(
    train: "Callable[..., rankers.Report]",
    out: Path,
    sources: "rankers.Sources",
    base: str,
    *,
    plan: "fitting.Plan",
    as_json: bool,
) -> None:
    report = train(sources, plan, out=out, base=base, on_progress=_teller())
    if as_json:
        click.echo(json.dumps(report.as_json(), indent=2))
    else:
        for title, found in (("held back", report.held_back), ("never seen", report.judged_by)):
            for name, one in found.items():
                click.echo(
                    f"{title}, {name}: nDCG@10 {one.before:.3f} before, {one.after:.3f} after,"
                    f" {one.difference:+.3f} [{one.low:+.3f}, {one.high:+.3f}], {one.questions} questions"
                )
        click.echo(f"{'Passed' if report.passed else 'Not better'}; {str(out)!r} holds weights, card.md and data.json.")
    if not report.passed:
        raise typer.Exit(_NOT_BETTER)


def _teller() -> "Callable[[str, int, int], None]":
    """Tells each whole percent once, on stderr."""
    last = ""

    def tell(what: str, done: int, total: int) -> None:
        nonlocal last
        line = f"{what}: {100 * done // max(1, total)} %"
        if line != last:
            click.echo(line, err=True)
        last = line

    return tell
