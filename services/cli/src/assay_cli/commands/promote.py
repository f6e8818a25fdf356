"""`assay promote` and `assay promotions`: let a collection answer as a run did, and see what was decided before."""

from typing import TYPE_CHECKING, Annotated

import typer

from assay_cli.commands.experiments import gated
from assay_cli.options import Command, OptionalCollection
from assay_cli.output import models, print_json, print_table, say, settings_in_words
from assay_cli.session import session_of

if TYPE_CHECKING:
    from assay_wire.experiments import Promotion


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(cls=Command)(promote)
    app.command(cls=Command)(promotions)


def promote(
    context: typer.Context,
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run that is done.")],
    override_reason: Annotated[
        str | None, typer.Option("--override-reason", metavar="TEXT", help="Promote it although the gate says no.")
    ] = None,
) -> None:
    """Let a run's collection answer with the prompt and the search of that run, if it is no worse than now.

    Exit codes: 0 promoted, 3 the gate says no, 1 and 2 nothing could be decided.
    """
    session = session_of(context)
    with gated(session):
        made = session.client.promote(run, override_reason=override_reason)
    if session.json:
        print_json(made)
        return
    say(f"{made.collection!r} answers from now on with {settings_in_words(made.switched)}.")
    if not made.passed:
        say(f"Overridden: {'; '.join(made.reasons)}. Reason: {made.override_reason}")
    say(f"Only written down, as the deployment decides it: {', '.join(sorted(made.recorded))}.")


def promotions(context: typer.Context, collection: OptionalCollection = None) -> None:
    """List what was promoted, newest first."""
    session = session_of(context)
    found = session.client.promotions(collection=collection)
    if session.json:
        print_json({"promotions": models(found)})
        return
    print_table(
        ["when", "collection", "run", "held against", "gate", "settings", "by", "reason"],
        [
            [f"{p.promoted_at:%Y-%m-%d %H:%M}", p.collection, p.run, p.baseline or "", _gate(p),
             settings_in_words(p.switched), p.promoted_by, p.override_reason or ""]
            for p in found
        ],
    )  # fmt: skip


def _gate(made: "Promotion") -> str:
    return "passed" if made.passed else "overridden"
