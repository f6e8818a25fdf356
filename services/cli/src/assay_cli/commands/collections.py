"""`assay collections`: what there is to ask."""

from typing import Annotated, Literal

import typer

from assay_cli.confirm import confirmed
from assay_cli.options import Command
from assay_cli.output import models, print_json, print_table, say
from assay_cli.session import session_of

app = typer.Typer(no_args_is_help=True, help="Collections of documents.")


@app.command("list", cls=Command)
def list_all(context: typer.Context) -> None:
    """List the collections that you may read."""
    session = session_of(context)
    found = session.client.collections()
    if session.json:
        print_json({"collections": models(found)})
        return
    if not found:
        say("No collections yet. `assay ingest FOLDER --collection NAME` makes one.")
        return
    print_table(
        ["name", "documents", "chunks", "index", "created"],
        [[c.name, c.documents, c.chunks, c.index_kind, f"{c.created_at:%Y-%m-%d %H:%M}"] for c in found],
    )


@app.command(cls=Command)
def create(
    context: typer.Context,
    name: str,
    index_kind: Annotated[
        Literal["hnsw", "ivf_pq", "flat"],
        typer.Option("--index", help="hnsw: fast and exact enough; ivf_pq: least memory; flat: exact, small sets."),
    ] = "hnsw",
) -> None:
    """Make an empty collection."""
    session = session_of(context)
    made = session.client.create_collection(name, index_kind=index_kind)
    if session.json:
        print_json(made)
    else:
        say(f"Collection {made.name!r} is ready for documents.")


@app.command(cls=Command)
def delete(
    context: typer.Context,
    name: str,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete a collection with all its documents. They are gone from answers at once."""
    session = session_of(context)
    documents = session.client.collection(name).documents
    confirmed(f"Delete the collection {name!r} with its {documents} documents?", yes=yes)
    gone = session.client.delete_collection(name)
    if session.json:
        print_json(gone)
    else:
        say(f"Collection {name!r} is deleted; its {gone.documents} documents are being removed from the stores.")
