"""`assay eval compare`, `baseline`, `baselines` and `gate`: whether a change made it worse."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from assay_core.errors import Conflict, Invalid

from assay_cli.commands.evaluate import await_run
from assay_cli.failures import report
from assay_cli.options import Command, OptionalCollection
from assay_cli.output import models, print_json, print_table, say
from assay_cli.session import Session, session_of

if TYPE_CHECKING:
    from assay_wire.experiments import Experiment, MetricComparison

WORSE = 3
"""Exit code of a gate that was not passed; 1 and 2 are errors, with which nothing was decided."""
BaselineRun = Annotated[str, typer.Argument(metavar="BASELINE", help="Id of the run to compare with.")]
RunId = Annotated[str, typer.Argument(metavar="RUN", help="Id of the run.")]


def register(app: typer.Typer) -> None:
    """Add the commands to `assay eval`."""
    for command in (compare, baseline, baselines, gate):
        app.command(cls=Command)(command)


@contextmanager
def gated(session: Session) -> Generator[None]:
    """Show what the gate refuses, and leave with `WORSE`; other errors pass."""
    try:
        yield
    except Conflict as error:
        if error.code != "gate_failed":
            raise
        report(error, session)
        raise typer.Exit(WORSE) from error


def compare(context: typer.Context, baseline: BaselineRun, run: RunId) -> None:
    """Compare two runs of one golden set: what differs, how sure, in which slices, and what was changed."""
    session = session_of(context)
    found = session.client.compare_runs(baseline, run)
    if session.json:
        print_json(found)
    else:
        show_experiment(found)


def baseline(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Such as main.")],
    run: RunId,
) -> None:
    """Give a run a name that later runs are compared with."""
    session = session_of(context)
    found = session.client.name_baseline(name, run)
    if session.json:
        print_json(found)
    else:
        say(f"{found.name!r} of {found.collection!r} is run {found.run}, measured with {found.dataset!r}.")


def baselines(context: typer.Context) -> None:
    """List the runs that others are compared with."""
    session = session_of(context)
    found = session.client.baselines()
    if session.json:
        print_json({"baselines": models(found)})
        return
    rows = [[b.name, b.collection, b.dataset, b.run, b.set_by, f"{b.set_at:%Y-%m-%d %H:%M}"] for b in found]
    print_table(["name", "collection", "golden set", "run", "by", "since"], rows)


def gate(
    context: typer.Context,
    baseline: Annotated[str, typer.Option("--baseline", metavar="NAME", help="Name of the baseline.")],
    run: Annotated[str | None, typer.Option("--run", metavar="RUN", help="A run that is done.")] = None,
    collection: OptionalCollection = None,
    dataset: Annotated[str | None, typer.Option("--dataset", "-d", metavar="NAME", help="The golden set.")] = None,
    judge: Annotated[Literal["local", "ragas"], typer.Option(help="Who scores a new run.")] = "local",
) -> None:
    """Exit with 3 if a run is worse than the baseline. Without --run, a new one is made and waited for.

    Exit codes: 0 no metric is worse, 3 one is (over all questions or in a slice), 1 and 2 nothing could be decided.
    """
    session = session_of(context)
    if run is None:
        if collection is None or dataset is None:
            raise Invalid("Name a run with --run, or what to run with --collection and --dataset.", code="no_run")
        made = await_run(session, session.client.start_run(collection, dataset, judge=judge))
        if made.state != "done":
            raise Conflict(f"Run {made.id} is {made.state}: {made.error}", code="run_not_done")
        run = made.id
    found = session.client.gate(baseline, run)
    if session.json:
        print_json(found)
    else:
        show_experiment(found.experiment)
        say("Passed." if found.passed else f"Not passed: {'; '.join(found.reasons)}.")
    if not found.passed:
        raise typer.Exit(WORSE)


def show_experiment(found: "Experiment") -> None:
    """The comparison as tables and sentences."""
    print_table(_COLUMNS, [_row(m) for m in found.metrics], title=f"{found.collection}, {found.dataset}")
    tested = [s for s in found.slices if not s.too_small]
    differing = [(s, m) for s in tested for m in s.metrics if m.finding in ("worse", "better")]
    if differing:
        print_table(["slice", *_COLUMNS], [[f"{s.by}: {s.value}", *_row(m)] for s, m in differing])
    for line in found.words:
        say(line)


_COLUMNS = ["metric", "finding", "baseline", "run", "difference", "95 % from", "to", "p (Holm)", "d", "questions",
            "failed", "smallest drop"]  # fmt: skip


def _row(m: "MetricComparison") -> list[object]:
    failed = f"{m.failed_in_baseline} / {m.failed_in_run}"
    return [m.metric, m.finding, m.baseline, m.run, m.difference, m.low, m.high, m.p_adjusted, m.effect, m.questions,
            failed, m.smallest_drop]  # fmt: skip
