"""`assay eval nights` and `assay eval night`: what the nightly evaluation found."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay_cli.night_page import page
from assay_cli.options import Command, OptionalCollection
from assay_cli.output import console, models, print_json, print_table, say
from assay_cli.session import session_of

if TYPE_CHECKING:
    from assay_wire.public import Night

_ALARM = "alarm"


def register(app: typer.Typer) -> None:
    """Add the commands to `assay eval`."""
    app.command(cls=Command)(nights)
    app.command(cls=Command)(night)


def nights(
    context: typer.Context,
    collection: OptionalCollection = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="How many, newest first.")] = 14,
) -> None:
    """List nights of evaluation, newest first."""
    session = session_of(context)
    found = session.client.nights(collection=collection, limit=limit)
    if session.json:
        print_json({"nights": models(found)})
        return
    if not found:
        say("No night was closed yet. `assay eval night COLLECTION --begin` begins one now.")
        return
    print_table(
        ["night", "collection", "alarms", "warnings", "not measured", "recall@10 of the index"],
        [
            [
                n.night.isoformat() + (" (caught up)" if n.caught_up else ""),
                n.collection,
                str(_count(n, _ALARM)),
                str(_count(n, "warning")),
                str(len(n.failures)),
                n.figures.get("index.recall@10"),
            ]
            for n in found
        ],
    )


def night(
    context: typer.Context,
    collection: Annotated[str, typer.Argument(metavar="COLLECTION")],
    date: Annotated[str | None, typer.Argument(metavar="YYYY-MM-DD", help="Left out: the last one.")] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the report as a page.")] = None,
    begin: Annotated[bool, typer.Option("--begin", help="Have this day's night begin now.")] = False,
) -> None:
    """Show what a night found. Exits with 1 if there was an alarm."""
    session = session_of(context)
    if begin:
        begun = session.client.begin_night(collection)
        if session.json:
            print_json({"runs": models(begun)})
        else:
            say(f"The night has begun with {len(begun)} runs. Its report: `assay eval night {collection}`, in a while.")
        return
    if date is None:
        latest = session.client.nights(collection=collection, limit=1)
        if not latest:
            say(f"No night of {collection!r} was closed yet. `assay eval night {collection} --begin` begins one now.")
            raise typer.Exit(1)
        found = latest[0]
    else:
        found = session.client.night(collection, date)
    if html is not None:
        html.write_text(page(found), encoding="utf-8")
    if session.json:
        print_json(found)
    else:
        _show(found)
    if _count(found, _ALARM):
        raise typer.Exit(1)


def _count(found: "Night", severity: str) -> int:
    return sum(remark.severity == severity for remark in found.remarks)


def _show(found: "Night") -> None:
    lines = [f"Night of {found.night}, {found.collection}" + (", caught up later." if found.caught_up else ".")]
    lines += [f"  {remark.severity.upper()}: {remark.sentence}" for remark in found.remarks] or ["  Nothing to remark."]
    lines += [f"  NOT MEASURED: {name}: {why}" for name, why in found.failures.items()]
    console().print("\n".join(lines), markup=False, highlight=False, soft_wrap=True)
    if found.figures:
        print_table(["figure", "value"], [[name, value] for name, value in sorted(found.figures.items())])
