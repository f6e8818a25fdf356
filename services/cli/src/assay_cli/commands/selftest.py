"""`assay eval selftest`: do the statistics keep their promises on runs of your own?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from assay_core.errors import Invalid

from assay_cli.commands.evaluate import no_evals
from assay_cli.options import Command
from assay_cli.output import print_json, print_table, say
from assay_cli.session import Session, session_of

if TYPE_CHECKING:
    from assay_evals.pool import Pool
    from assay_evals.selftest import SelfTest
    from assay_evals.statistics.shares import Share

BROKEN = 3
"""Exit code if a promise was not kept; 1 and 2 are errors."""


def register(app: typer.Typer) -> None:
    """Add the command to `assay eval`."""
    app.command(cls=Command)(selftest)


def selftest(
    context: typer.Context,
    pool: Annotated[
        Path | None, typer.Argument(metavar="[POOL.jsonl]", help="Lines of run, question, metric and value.")
    ] = None,
    run: Annotated[list[str] | None, typer.Option("--run", metavar="RUN", help="A run of the pool; repeat it.")] = None,
    pairs: Annotated[int, typer.Option(min=20, help="Pairs of equal runs.")] = 200,
    ab_tests: Annotated[
        int, typer.Option("--ab-tests", min=0, help="So many A/B tests besides: a tenth of a second each.")
    ] = 0,
    seed: Annotated[int, typer.Option(help="Every draw follows from it.")] = 1,
) -> None:
    """Compare equal runs and plant drops of known size, in runs of one configuration: are they found, and only they?

    Exit codes: 0 all promises were kept, 3 one was not, 1 and 2 nothing could be tried.
    """
    try:
        from assay_evals.selftest import self_test
    except ModuleNotFoundError as error:
        raise no_evals() from error
    session = session_of(context)
    found = self_test(_pool(session, pool, run or []), pairs=pairs, seed=seed, ab_tests=ab_tests)
    if session.json:
        print_json(found.as_json())
    else:
        _show(found)
    if found.failures:
        raise typer.Exit(BROKEN)


def _pool(session: Session, file: Path | None, runs: list[str]) -> "Pool":
    from assay_core.evaluation import QuestionScore
    from assay_evals.pool import pool_of, read_pool

    if file is not None:
        return read_pool(file)
    if len(set(runs)) < 2:
        raise Invalid("Name a pool file, or at least two runs of one configuration with --run.", code="pool_too_small")
    found = [session.client.run(run) for run in runs]
    first = found[0]
    for other in found[1:]:
        same = (other.collection, other.dataset, other.judge) == (first.collection, first.dataset, first.judge)
        if not same or other.state != "done":
            raise Invalid(
                f"Run {other.id} ({other.state}) is not one of {first.collection}, {first.dataset} and judge"
                f" {first.judge} that is done, as {first.id} is.",
                code="other_configuration",
            )
    scores = [[QuestionScore(s.question, s.metric, s.value, s.failure) for s in one.scores] for one in found]
    return pool_of(scores, first.slices)


def _show(found: "SelfTest") -> None:
    say(f"A pool of {found.runs} runs of {found.questions} questions.")
    say(f"Equal runs told apart: {_share(found.any_alarm)}; stopped by the gate: {_share(found.gate_alarm)}.")
    nights = {one.metric: one for one in found.slow_drops}
    print_table(
        ["metric", "smallest drop", "found", "3 points found within nights", "false alarms over nights"],
        [
            [d.metric, d.drop, _share(d.found), nights[d.metric].nights, _share(nights[d.metric].false_alarms)]
            for d in found.drops
        ],
    )
    if found.slices:
        print_table(
            ["slice", "questions", "metric", "drop", "named", "another named"],
            [
                [f"{s.by}: {s.value}", s.questions, s.metric, s.drop, _share(s.named), _share(s.wrongly)]
                for s in found.slices
            ],
        )
    if found.without_power:
        say(f"Too few questions to find any drop in: {', '.join(found.without_power)}.")
    if found.arms is not None:
        needed = f"within {found.arms.answers} answers" if found.arms.answers else "not in 80 % of tests"
        say(
            f"A/B tests: equal arms decided, ever: {_share(found.arms.false_alarms)}; a trial worse by"
            f" {found.arms.drop:g} in {found.arms.metric}: found {needed}."
        )
    for failure in found.failures:
        say(f"Not kept: {failure}.")


def _share(share: "Share") -> str:
    return f"{share.share:.1%} ({share.times} of {share.of})"
