"""`assay eval`: how good answers and retrieval are."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from assay_core.errors import Invalid, NotFound

from assay_cli.options import CollectionOption, Command, Mode, OptionalCollection
from assay_cli.output import models, print_json, print_table, say
from assay_cli.progress import Steps
from assay_cli.session import Session, session_of

if TYPE_CHECKING:
    from assay_evals.beir import MeanReport, RetrievalReport
    from assay_evals.retrieval_comparison import StageComparison
    from assay_wire.public import Run

app = typer.Typer(no_args_is_help=True, help="Measure answers and retrieval.")

_POLL_S = 2.0
_UNDER_WAY = ("waiting", "running")
_HEADLINES = ("groundedness", "answer_relevance", "answer_correct", "recall@5", "ndcg@10", "citation_coverage")
"""Of many metrics, those that the list of runs shows; --json has all."""
DatasetOption = Annotated[str, typer.Option("--dataset", "-d", metavar="NAME", help="The golden set.")]


class Stage(StrEnum):
    """What of retrieval can be measured."""

    DENSE = "dense"
    LEXICAL = "lexical"
    HYBRID = "hybrid"
    RERANKED = "reranked"


@app.command(cls=Command)
def run(
    context: typer.Context,
    collection: CollectionOption,
    dataset: DatasetOption,
    judge: Annotated[
        Literal["local", "embedding", "ragas"],
        typer.Option(help="Who scores: the trained judge, similarity, or ragas."),
    ] = "local",
    limit: Annotated[int | None, typer.Option(min=1, help="Only so many questions.")] = None,
    version: Annotated[int | None, typer.Option(min=1, help="Of the golden set; default: the newest.")] = None,
    wait: Annotated[bool, typer.Option(help="Wait for the scores.")] = False,
    prompt: Annotated[str | None, typer.Option(metavar="NAME", help="Try this prompt, such as cite.v1.")] = None,
    mode: Annotated[Mode | None, typer.Option(help="Try this search mode.")] = None,
    rerank: Annotated[bool | None, typer.Option("--rerank/--no-rerank", help="Try with or without reranking.")] = None,
    top_k: Annotated[int | None, typer.Option("--top-k", "-k", min=1, max=50, help="Try so many passages.")] = None,
) -> None:
    """Ask the questions of a golden set and score the answers: as the collection answers, or with what is tried."""
    session = session_of(context)
    tried = {"prompt": prompt, "mode": mode, "rerank": rerank, "top_k": top_k}
    answering = {key: value for key, value in tried.items() if value is not None}
    started = session.client.start_run(
        collection, dataset, judge=judge, limit=limit, answering=answering, dataset_version=version
    )
    if wait:
        started = await_run(session, started)
    if session.json:
        print_json(started)
    else:
        _show_run(started)
    if started.state == "failed":
        raise typer.Exit(1)


@app.command(cls=Command)
def runs(
    context: typer.Context,
    collection: OptionalCollection = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many, newest first.")] = 20,
) -> None:
    """List runs, newest first."""
    session = session_of(context)
    found = session.client.runs(collection=collection, limit=limit)
    if session.json:
        print_json({"runs": models(found)})
        return
    if not found:
        say("No runs yet. `assay eval run --collection NAME --dataset NAME` starts one.")
        return
    metrics = _shown({name for each in found for name in each.metrics})
    print_table(
        ["id", "started", "collection", "dataset", "judge", "state", *metrics],
        [
            [r.id, f"{r.started_at:%Y-%m-%d %H:%M}", r.collection, r.dataset, r.judge, r.state]
            + [r.metrics.get(name) for name in metrics]
            for r in found
        ],
    )


@app.command(cls=Command)
def show(context: typer.Context, run_id: Annotated[str, typer.Argument(metavar="RUN", help="Its id.")]) -> None:
    """Show one run; with --json also the score of every question."""
    session = session_of(context)
    found = session.client.run(run_id)
    if session.json:
        print_json(found)
    else:
        _show_run(found)


@app.command(cls=Command)
def retrieval(
    context: typer.Context,
    folders: Annotated[
        list[Path], typer.Argument(metavar="DIR", help="Holds corpus.jsonl, queries.jsonl, qrels.tsv; each may be .gz.")
    ],
    collection: OptionalCollection = None,
    stages: Annotated[
        list[Stage] | None, typer.Option("--stage", help="Measure this stage only. Repeatable; default: all.")
    ] = None,
    misspell: Annotated[
        int | None, typer.Option("--misspell", metavar="SEED", help="Misspell a word of each query by this seed.")
    ] = None,
) -> None:
    """Measure nDCG, recall and MRR of each stage of retrieval on judged sets in BEIR's form, and their mean.

    Stages are held against each other query by query: a difference whose interval leaves out 0 is no chance.
    """
    try:
        from assay_evals.beir import STAGES, evaluate_retrieval, mean_report
    except ModuleNotFoundError as error:
        raise no_evals() from error
    if collection and len(folders) > 1:
        raise Invalid("--collection names one collection; give one DIR with it.", code="bad_request")
    session = session_of(context)
    wanted = [stage for stage in STAGES if not stages or Stage(stage) in stages]
    with Steps() as steps:
        reports = [
            evaluate_retrieval(
                session.client,
                one,
                collection=collection,
                stages=wanted,
                misspell=misspell,
                on_progress=steps.update,
            )
            for one in folders
        ]
    whole = mean_report(reports) if len(reports) > 1 else None
    if session.json:
        print_json((whole or reports[0]).as_json())
        return
    for report in reports:
        _show_retrieval(report)
    if whole is not None:
        _show_mean(whole)


@app.command(cls=Command)
def parsing(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Holds manifest.jsonl and the files that it names.")],
    collection: OptionalCollection = None,
) -> None:
    """Measure what becomes of files of many formats, and how much of their text and tables is found."""
    try:
        from assay_evals.parsing import evaluate_parsing
    except ModuleNotFoundError as error:
        raise no_evals() from error
    session = session_of(context)
    with Steps() as steps:
        report = evaluate_parsing(
            session.client, folder, collection=collection or f"parsing-{folder.name[:40]}", on_progress=steps.update
        )
    found = report.as_json()
    if session.json:
        print_json(found)
        return
    print_table(["", ""], [[key.replace("_", " "), str(value)] for key, value in found.items() if key != "outcomes"])
    print_table(
        ["file", "state", "reason", "characters", "words", "cells"],
        [
            [
                one.file,
                one.state,
                one.reason or "",
                str(one.characters),
                "" if one.word_recall is None else f"{one.word_recall:.3f}",
                f"{one.cells_found}/{one.cells_expected}" if one.cells_expected else "",
            ]
            for one in report.outcomes
        ],
    )


def no_evals() -> NotFound:
    """What to say where the package of the metrics is not installed."""
    return NotFound(
        "This command needs the package assay-evals. Install it with `pip install 'assay-cli[eval]'`.",
        code="not_installed",
    )


def _shown(metrics: set[str]) -> list[str]:
    if len(metrics) <= len(_HEADLINES):
        return sorted(metrics)
    return [name for name in _HEADLINES if name in metrics]


def await_run(session: Session, started: "Run") -> "Run":
    """The run once it has ended."""
    say(f"Run {started.id} has begun; it goes on if you stop waiting (`assay eval show {started.id}`).")
    found = started
    while found.state in _UNDER_WAY:
        session.sleep(_POLL_S)
        found = session.client.run(started.id)
    return found


def _show_run(found: "Run") -> None:
    say(f"Run {found.id}: {found.collection}, {found.dataset}, judge {found.judge}, {found.state}.")
    if found.error:
        say(f"Error: {found.error}")
    if found.metrics:
        nothing = (None, None)
        print_table(
            ["metric", "mean", "95 % from", "to"],
            [[name, value, *found.intervals.get(name, nothing)] for name, value in sorted(found.metrics.items())],
        )
        say(f"{found.questions} questions, {found.failures} with a failure.")


def _show_retrieval(report: "RetrievalReport") -> None:
    metrics = list(next(iter(report.stages.values()), {}))
    print_table(
        ["stage", *metrics, "p50 ms", "p99 ms"],
        [
            [stage, *values.values(), report.latency[stage].p50_ms, report.latency[stage].p99_ms]
            for stage, values in report.stages.items()
        ],
        title=f"{report.dataset}: {report.queries} queries, {report.documents} documents",
    )
    for stage, reason in report.left_out.items():
        say(f"Not measured: {stage}, {reason}.")
    _show_comparisons(report.comparisons)


def _show_mean(report: "MeanReport") -> None:
    metrics = list(next(iter(report.stages.values()), {}))
    print_table(
        ["stage", *metrics],
        [[stage, *values.values()] for stage, values in report.stages.items()],
        title=f"Mean of {len(report.sets)} sets",
    )
    _show_comparisons(report.comparisons)


def _show_comparisons(comparisons: "Sequence[StageComparison]") -> None:
    if comparisons:
        print_table(
            ["metric", "stage", "over", "difference", "95 % from", "to", "p"],
            [[c.metric, c.stage, c.over, c.difference, c.low, c.high, c.p_value] for c in comparisons],
        )
