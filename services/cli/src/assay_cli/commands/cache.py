"""`assay cache`: what the semantic cache does with a question."""

from typing import Annotated

import typer

from assay_cli.options import CollectionOption, Command, ModeOption
from assay_cli.output import print_json, say
from assay_cli.session import session_of

app = typer.Typer(no_args_is_help=True, help="See what the semantic cache does.")


@app.callback()
def cache() -> None:
    """A group of commands, also while it has only one."""


@app.command(cls=Command)
def explain(
    context: typer.Context,
    question: Annotated[str, typer.Argument(help="What would be searched for.")],
    collection: CollectionOption,
    top_k: Annotated[int, typer.Option("--top-k", "-k", min=1, max=200, help="How many passages.")] = 10,
    mode: ModeOption = "hybrid",
) -> None:
    """Say why a search would be answered from the cache, or not. Searches of other options have other entries."""
    session = session_of(context)
    found = session.client.explain_cache(collection, question, top_k=top_k, mode=mode)
    if session.json:
        print_json(found)
        return
    say(f"{found.verdict}: {found.reason}")
    if found.similarity is not None:
        say(f"The entry's similarity is {found.similarity:.4f}; it takes {found.threshold:g}.")
        say(f"It rests on {found.evidence} document version(s).")
    percolated = "nothing yet" if found.percolated is None else f"sequence {found.percolated}"
    say(f"Percolated: {percolated}; the collection is at {found.sequence}.")
