"""`assay chunks`: what a document was divided into."""

from itertools import islice
from typing import TYPE_CHECKING, Annotated

import click
import typer

from assay_cli.commands.documents import Document, document_id
from assay_cli.options import Command, OptionalCollection
from assay_cli.output import clean, models, print_json
from assay_cli.session import session_of

if TYPE_CHECKING:
    from assay_wire.public import DocumentChunk

app = typer.Typer(no_args_is_help=True, help="Passages of a document.")


@app.callback()
def chunks() -> None:
    """Passages of a document."""


@app.command(cls=Command)
def show(
    context: typer.Context,
    document: Document,
    collection: OptionalCollection = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only so many.")] = None,
) -> None:
    """Print the passages that readers find, each with its place, headings, pages and size."""
    session = session_of(context)
    identity = document_id(session.client, document, collection)
    found = list(islice(session.client.live_chunks(identity), limit))
    if session.json:
        print_json({"document_id": identity, "chunks": models(found)})
        return
    for chunk in found:
        click.echo(clean(_head(chunk)))
        if chunk.context:
            click.echo(clean(f"  [{chunk.context}]"))
        click.echo(clean(chunk.text) + "\n")


def _head(chunk: "DocumentChunk") -> str:
    pages = f"page {chunk.page}" if chunk.page == chunk.page_last else f"pages {chunk.page}-{chunk.page_last}"
    parts = [
        f"#{chunk.ordinal}",
        chunk.heading,
        pages if chunk.page else "",
        f"{chunk.tokens} tokens",
        f"{chunk.start}:{chunk.end}",
        f"read as {chunk.parent[0]}:{chunk.parent[1]}" if chunk.parent else "",
    ]
    return " · ".join(part for part in parts if part)
