"""`assay erasure`: what was deleted, how far it has left the stores, and the proof."""

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay_cli import plugins
from assay_cli.options import Command
from assay_cli.output import models, print_json, print_table, say
from assay_cli.session import session_of

if TYPE_CHECKING:
    from assay_wire import public


class Erasure(plugins.Plugged):
    """`verify` is there where the stores are."""

    entry_points_group = "assay.erasure"


app = typer.Typer(cls=Erasure, no_args_is_help=True, help="Deleted documents, and the proof that they are gone.")


@app.command("list", cls=Command)
def list_all(
    context: typer.Context,
    open_only: Annotated[bool, typer.Option("--open", help="Only those that are not complete.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="Only so many.")] = 100,
) -> None:
    """List what was deleted, the last first."""
    session = session_of(context)
    found = list(islice(session.client.erasures(open_only=open_only), limit))
    if session.json:
        print_json({"erasures": models(found)})
        return
    if not found:
        say("Nothing is being erased." if open_only else "Nothing was deleted.")
        return
    print_table(["id", "document", "state", "deleted", "complete"], [_row(one) for one in found])


@app.command(cls=Command)
def show(
    context: typer.Context,
    erasure: Annotated[str, typer.Argument(metavar="ERASURE", help="Its id, as DELETE returned it.")],
    receipt: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the signed receipt (a JWS) to a file.")
    ] = None,
) -> None:
    """Show how far one deletion is, by store."""
    session = session_of(context)
    found = session.client.erasure(erasure)
    if receipt is not None and found.receipt is not None:
        receipt.write_text(found.receipt + "\n")
    if session.json:
        print_json(found)
        return
    times = {
        "deleted, invisible": found.requested_at,
        "key destroyed": found.key_destroyed_at,
        "out of every store": found.left_at,
        "files rewritten": found.complete_at,
        "proven by a scan": found.proven_at,
    }
    print_table(
        ["", ""],
        [
            ["document", found.document_id],
            ["state", found.state],
            *([name, at.astimezone().isoformat(" ", "seconds") if at else "-"] for name, at in times.items()),
            *([f"removed: {store}", str(count)] for store, count in found.counts.items()),
        ],
    )


def _row(one: "public.Erasure") -> list[object]:
    complete = one.complete_at.astimezone().isoformat(" ", "seconds") if one.complete_at else ""
    return [one.id, one.document_id, one.state, one.requested_at.astimezone().isoformat(" ", "seconds"), complete]
