"""`assay synonyms`: terms that mean the same in a collection."""

from typing import TYPE_CHECKING, Annotated

import typer
from assay_core.errors import NotFound

from assay_cli.options import CollectionOption, Command
from assay_cli.output import print_json, print_table, say
from assay_cli.session import session_of

if TYPE_CHECKING:
    from assay_wire.public import SynonymGroups

    from assay_cli.session import Session

app = typer.Typer(no_args_is_help=True, help="Terms that mean the same in a collection.")


@app.callback()
def synonyms() -> None:
    """Terms that mean the same in a collection."""


@app.command(name="list", cls=Command)
def list_(context: typer.Context, collection: CollectionOption) -> None:
    """Show what means the same; searches for one term find the others."""
    session = session_of(context)
    _show(session, session.client.synonyms(collection))


@app.command(cls=Command)
def add(
    context: typer.Context,
    terms: Annotated[list[str], typer.Argument(help="Two terms or more, for example PTO 'paid time off'.")],
    collection: CollectionOption,
) -> None:
    """Let terms mean the same."""
    session = session_of(context)
    _show(session, session.client.add_synonyms(collection, terms))


@app.command(cls=Command)
def remove(
    context: typer.Context, term: Annotated[str, typer.Argument(help="The term.")], collection: CollectionOption
) -> None:
    """Take a term out of its group."""
    session = session_of(context)
    _show(session, session.client.remove_synonym(collection, term))


@app.command(cls=Command)
def candidates(context: typer.Context, collection: CollectionOption) -> None:
    """Show acronyms that the documents explain and that nobody decided about. None is used before it is approved."""
    session = session_of(context)
    reply = session.client.synonym_candidates(collection)
    if session.json:
        print_json(reply)
    elif reply.candidates:
        rows = [[one.short, one.long, str(one.passages)] for one in reply.candidates]
        print_table(["acronym", "explained as", "passages"], rows)
    else:
        say("The documents explain no acronym that is not decided about.")


@app.command(cls=Command)
def approve(
    context: typer.Context,
    acronym: Annotated[str, typer.Argument(help="As `candidates` shows it.")],
    collection: CollectionOption,
) -> None:
    """Let an acronym mean what the documents explain it as."""
    session = session_of(context)
    found = {one.short: one.long for one in session.client.synonym_candidates(collection).candidates}
    if acronym not in found:
        raise NotFound(
            f"{acronym!r} is not among the candidates of {collection!r}; see assay synonyms candidates, or use add.",
            code="unknown_candidate",
        )
    _show(session, session.client.add_synonyms(collection, [acronym, found[acronym]]))


def _show(session: "Session", reply: "SynonymGroups") -> None:
    if session.json:
        print_json(reply)
    elif reply.groups:
        print_table(["mean the same"], [[", ".join(group)] for group in reply.groups])
    else:
        say("No terms mean the same in this collection.")
