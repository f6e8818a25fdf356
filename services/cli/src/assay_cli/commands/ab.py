"""`assay eval ab`: try another way to answer on a share of the live questions, and see which is better."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay_cli.commands.experiments import gated
from assay_cli.options import Command, OptionalCollection
from assay_cli.output import console, models, print_json, print_table, say, settings_in_words
from assay_cli.session import session_of

if TYPE_CHECKING:
    from assay_wire.ab_tests import ABTest

app = typer.Typer(no_args_is_help=True, help="Try another way to answer on a share of the live questions.")
TestId = Annotated[str, typer.Argument(metavar="TEST", help="Id of the A/B test.")]


def register(parent: typer.Typer) -> None:
    """Add the commands to `assay eval`."""
    for name, command in (("start", start), ("list", listing), ("show", show), ("stop", stop)):
        app.command(name, cls=Command)(command)
    parent.add_typer(app, name="ab")


def start(
    context: typer.Context,
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run that is done, made as is to be tried.")],
    share: Annotated[float | None, typer.Option(help="Of the questions, for the trial. Default: 0.1.")] = None,
    metric: Annotated[
        str | None,
        typer.Option(help="What is hoped to rise: groundedness (default), answer_relevance, context_relevance,"
                     " answered or thumbs."),
    ] = None,
    judge: Annotated[str | None, typer.Option(help="local (default), embedding or ragas.")] = None,
    days: Annotated[int | None, typer.Option(help="It ends undecided after so many. Default: 14.")] = None,
    most_answers: Annotated[int | None, typer.Option(help="And after so many answers. Default: 5000.")] = None,
    override_reason: Annotated[
        str | None, typer.Option("--override-reason", metavar="TEXT", help="Try it although the gate says no.")
    ] = None,
) -> None:  # fmt: skip
    """Answer a share of the questions to a run's collection as that run did, until it shows which way is better.

    Exit codes: 0 started, 3 the gate says no, 1 and 2 nothing was started.
    """
    session = session_of(context)
    chosen: dict[str, Any] = {"share": share, "metric": metric, "judge": judge, "days": days,
                              "most_answers": most_answers, "override_reason": override_reason}  # fmt: skip
    with gated(session):
        started = session.client.start_ab_test(
            run, **{key: value for key, value in chosen.items() if value is not None}
        )
    if session.json:
        print_json(started)
        return
    say(f"A/B test {started.id}: {started.share:.0%} of the questions to {started.collection!r} are answered with"
        f" {settings_in_words(started.trial)} from now on.")  # fmt: skip
    say(f"It ends by itself. How it stands: `assay eval ab show {started.id}`.")


def listing(context: typer.Context, collection: OptionalCollection = None) -> None:
    """List A/B tests, newest first."""
    session = session_of(context)
    found = session.client.ab_tests(collection=collection)
    if session.json:
        print_json({"tests": models(found)})
        return
    if not found:
        say("There is no A/B test. `assay eval ab start RUN` begins one.")
        return
    print_table(
        ["test", "collection", "state", "share", "answers (control, trial)", "started", "why it ended"],
        [
            [t.id, t.collection, t.state, f"{t.share:g}", f"{t.control_figures.given}, {t.trial_figures.given}",
             f"{t.started_at:%Y-%m-%d %H:%M}", t.reason]
            for t in found
        ],
    )  # fmt: skip


def show(context: typer.Context, test: TestId) -> None:
    """Show how an A/B test stands."""
    session = session_of(context)
    found = session.client.ab_test(test)
    if session.json:
        print_json(found)
    else:
        _show(found)


def stop(
    context: typer.Context,
    test: TestId,
    reason: Annotated[str | None, typer.Option(metavar="TEXT", help="Kept with your name.")] = None,
) -> None:
    """End an A/B test: all questions are answered as before."""
    session = session_of(context)
    stopped = session.client.stop_ab_test(test, reason=reason)
    if session.json:
        print_json(stopped)
    else:
        say(f"The A/B test {stopped.id} is stopped; all questions to {stopped.collection!r} are answered as before.")


def _show(test: "ABTest") -> None:
    lines = [
        f"A/B test {test.id} of {test.collection}: {test.state}" + (f", since {test.reason}." if test.reason else "."),
        f"  control: {settings_in_words(test.control)}",
        f"  trial ({test.share:.0%}): {settings_in_words(test.trial)}",
        *(f"  {words}" for words in test.words or ["Nothing can be said yet."]),
    ]
    console().print("\n".join(lines), markup=False, highlight=False, soft_wrap=True)
    arms = {"control": test.control_figures, "trial": test.trial_figures}
    metrics = sorted({metric for arm in arms.values() for metric in arm.means})
    differences = {difference.metric: difference for difference in test.differences}
    rows: list[list[object]] = [
        ["answers given", *(str(arm.given) for arm in arms.values()), ""],
        ["answers scored", *(str(arm.scored) for arm in arms.values()), ""],
        ["not scored in full", *(str(arm.failed) for arm in arms.values()), ""],
    ]
    for metric in metrics:
        apart = differences.get(metric)
        interval = f"{apart.difference:+.3f} ({apart.low:+.3f} to {apart.high:+.3f})" if apart else ""
        rows.append([metric, *(arm.means.get(metric) for arm in arms.values()), interval])
    print_table(["", "control", "trial", "trial - control"], rows)
