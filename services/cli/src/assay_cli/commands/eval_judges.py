"""`assay eval groundedness` and `assay eval judges`: how far a judge can be trusted."""

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from assay_core.answers import Verdict
from assay_core.errors import Invalid
from assay_core.feedback import Label, LabelledClaim

from assay_cli.judges import NAMES, not_installed, open_scorer
from assay_cli.options import Command
from assay_cli.output import print_json, print_table, say
from assay_cli.progress import Steps
from assay_cli.session import Session, session_of

if TYPE_CHECKING:
    from assay_evals.groundedness import CaseSet, Judged, Report, Scorer
    from assay_wire import feedback as wire

_COMPARED = ("local", "embedding", "lexical")
_SHOWN = ("precision", "recall", "f1", "balanced_accuracy", "auc")
_AGREEMENT = (*_SHOWN, "kappa", "ece", "brier")
_MOST_LABELS = 1_000
JudgeOption = Annotated[
    list[str] | None,
    typer.Option("--judge", metavar="NAME", help=f"One of {', '.join(NAMES)}; may be given again."),
]
WeightsOption = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Weights of `local`, as `assay train judge` writes them; without: the packaged."),
]


def register(app: typer.Typer) -> None:
    app.command("groundedness", cls=Command)(groundedness)
    app.command("judges", cls=Command)(judges)


def groundedness(
    context: typer.Context,
    path: Annotated[
        Path,
        typer.Argument(
            metavar="FILE.jsonl",
            help='Lines of {"context", "question", "response", "label"}; label 1: something is not supported. '
            "Or a folder of such files, or the folder of public sets that the judge did not see.",
        ),
    ],
    judge: JudgeOption = None,
    weights: WeightsOption = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only so many cases of each set, drawn at random.")] = None,
    seed: Annotated[int, typer.Option(help="Of the drawing and of the intervals.")] = 0,
) -> None:
    """Measure the trained judge on labelled answers, beside embedding similarity and word overlap."""
    session = session_of(context)
    reports = _reports(session, path, judge or list(_COMPARED), weights=weights, limit=limit, seed=seed)
    from assay_evals.groundedness import mean_balanced_accuracy

    means = mean_balanced_accuracy(reports)
    if session.json:
        one = _as_json(reports[0]) if len(reports) == 1 else {}
        print_json(
            {**one, "sets": {report.set: _as_json(report) for report in reports}, "mean_balanced_accuracy": dict(means)}
            if len(reports) > 1
            else one
        )
        return
    _tell_faults(reports)
    print_table(
        ["set", "cases", "label 1", "judge", *_SHOWN, "bal. acc. from", "to", "s/1000"],
        [
            [report.set, report.cases, report.positives, judged.name, *_figures(judged, _SHOWN),
             *_interval(judged, "balanced_accuracy"), judged.seconds_per_1000]
            for report in reports
            for judged in report.judges
        ],
    )  # fmt: skip
    if len(reports) > 1:
        print_table(["judge", "mean balanced accuracy"], [[name, value] for name, value in means.items()])


def judges(
    context: typer.Context,
    path: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE.jsonl",
            help="Labelled answers, as `groundedness` reads them. Without: what people labelled in the platform.",
        ),
    ] = None,
    judge: JudgeOption = None,
    collection: Annotated[
        str | None, typer.Option("--collection", "-c", metavar="NAME", help="Only labels of this one's answers.")
    ] = None,
    weights: WeightsOption = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only so many cases, drawn at random.")] = None,
    price: Annotated[
        float, typer.Option(min=0, metavar="MONEY", help="What an hour of this machine costs, for the cost per 1,000.")
    ] = 0.0,
    seed: Annotated[int, typer.Option(help="Of the drawing and of the intervals.")] = 0,
) -> None:
    """Print each judge's agreement with labels of people: decisions, ranking, calibration, time and cost.

    For labels of the platform, `recorded` is what its judge said when the answers were written.
    """
    session = session_of(context)
    names = judge or list(_COMPARED)
    if path is not None:
        if collection is not None:
            raise Invalid("--collection is for the platform's labels; leave it out with a file.", code="bad_option")
        reports = _reports(session, path, names, weights=weights, limit=limit, seed=seed)
    else:
        reports = [_of_platform(session, names, collection=collection, weights=weights, limit=limit, seed=seed)]
    if session.json:
        print_json({report.set: {**_as_json(report), "cost_per_1000": _costs(report, price)} for report in reports})
        return
    _tell_faults(reports)
    print_table(
        ["set", "judge", "judged", "failed", *_AGREEMENT, "s/1000", "cost/1000"],
        [
            [report.set, judged.name, judged.agreement.cases if judged.agreement else 0, len(judged.failures),
             *_figures(judged, _AGREEMENT), judged.seconds_per_1000, _costs(report, price)[judged.name]]
            for report in reports
            for judged in report.judges
        ],
    )  # fmt: skip


def _of_platform(
    session: Session, names: list[str], *, collection: str | None, weights: Path | None, limit: int | None, seed: int
) -> "Report":
    try:
        from assay_evals.human_labels import RECORDED, labelled_set, recorded_scorer
    except ModuleNotFoundError as error:
        raise not_installed() from error
    _refuse_unknown([name for name in names if name != RECORDED])
    _refuse_unused(weights, names)
    stored = [_label(one) for one in session.client.labelled_claims(collection=collection, limit=_MOST_LABELS)]
    labelled = labelled_set(collection or "labels", stored)
    if not labelled.given.cases:
        raise Invalid(
            "No sentence has a usable label: label some on the page “Worst answers” of a run, or with"
            " `assay feedback label`.",
            code="no_labels",
        )
    if labelled.pairs:
        say(f"People gave {labelled.agreeing} of {labelled.pairs} pairs of labels of the same sentence alike.")
    with ExitStack() as opened, Steps() as steps:
        scorers = [recorded_scorer(labelled)]
        scorers += [opened.enter_context(open_scorer(session, name, weights)) for name in names if name != RECORDED]
        return _measured(labelled.given, scorers, steps, limit=limit, seed=seed)


def _label(one: "wire.LabelledClaim") -> LabelledClaim:
    return LabelledClaim(
        one.answer, one.claim, one.text, tuple(one.sources), Label(one.label), one.labelled_by, Verdict(one.verdict),
        one.probability,
    )  # fmt: skip


def _reports(
    session: Session, path: Path, names: list[str], *, weights: Path | None, limit: int | None, seed: int
) -> "list[Report]":
    try:
        from assay_evals.groundedness import read_cases
        from assay_evals.groundedness_sets import unseen_sets
    except ModuleNotFoundError as error:
        raise not_installed() from error
    _refuse_unknown(names)
    _refuse_unused(weights, names)
    files = sorted(path.glob("*.jsonl")) if path.is_dir() else [path]
    sets = [read_cases(file) for file in files] or unseen_sets(path)
    with ExitStack() as opened, Steps() as steps:
        scorers = [opened.enter_context(open_scorer(session, name, weights)) for name in names]
        return [_measured(given, scorers, steps, limit=limit, seed=seed) for given in sets]


def _measured(given: "CaseSet", scorers: "list[Scorer]", steps: Steps, *, limit: int | None, seed: int) -> "Report":
    from assay_evals.groundedness import evaluate

    return evaluate(
        _part(given, limit, seed),
        scorers,
        seed=seed,
        on_progress=lambda what, done, total: steps.update(f"{given.name}: {what}", done, total),
    )


def _refuse_unknown(names: list[str]) -> None:
    if unknown := [name for name in names if name not in NAMES]:
        raise Invalid(f"{unknown[0]!r} is no judge; use {', '.join(NAMES)}.", code="bad_judge")


def _refuse_unused(weights: Path | None, names: list[str]) -> None:
    if weights is not None and "local" not in names:
        raise Invalid("--weights are those of `local`; add --judge local.", code="bad_option")


def _part(given: "CaseSet", limit: int | None, seed: int) -> "CaseSet":
    """Drawn, not every so many-th: sets whose labels take turns would lose one of them."""
    from dataclasses import replace
    from random import Random

    if limit is None or limit >= len(given.cases):
        return given
    drawn = sorted(Random(seed).sample(range(len(given.cases)), limit))
    return replace(given, cases=tuple(given.cases[n] for n in drawn))


def _as_json(report: "Report") -> dict[str, object]:
    """The figures of the first judge stand on top; the others below their names."""
    found = report.as_json()
    first = report.judges[0]
    return {**(dict(first.agreement.metrics) if first.agreement else {}), "judge": first.name, **found}


def _tell_faults(reports: "list[Report]") -> None:
    for report in reports:
        for fault in report.malformed[:20]:
            say(f"{report.set}, line {fault.line}: {fault.reason}")
        if report.malformed:
            say(f"{report.set}: {len(report.malformed)} malformed lines are in no figure.")
        for judged in report.judges:
            for fault in judged.failures[:5]:
                say(f"{report.set}, line {fault.line}: {judged.name} failed: {fault.reason}")
            if judged.failures:
                say(f"{report.set}: {judged.name} failed on {len(judged.failures)} cases, which are in no figure.")


def _figures(judged: "Judged", names: tuple[str, ...]) -> list[float | None]:
    metrics = judged.agreement.metrics if judged.agreement else {}
    return [metrics.get(name) for name in names]


def _interval(judged: "Judged", name: str) -> tuple[float | None, float | None]:
    return (judged.agreement.intervals.get(name) if judged.agreement else None) or (None, None)


def _costs(report: "Report", price: float) -> dict[str, float | None]:
    return {
        judged.name: None if judged.seconds_per_1000 is None else price * judged.seconds_per_1000 / 3600
        for judged in report.judges
    }
