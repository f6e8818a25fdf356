"""`assay index`: how the vectors of a collection are indexed, and how that is changed while people search."""

import time
from typing import TYPE_CHECKING, Annotated

import typer
from assay_core.errors import Broken

from assay_cli import plugins
from assay_cli.options import Command
from assay_cli.output import models, print_json, print_table, say
from assay_cli.session import Session, session_of

if TYPE_CHECKING:
    from assay_wire.public import IndexComparison, IndexGeneration

_LOOK_S = 1.0
_RECALL = "index.recall@10"

CollectionArgument = Annotated[str, typer.Argument(metavar="COLLECTION", help="Its name.")]


class IndexGroup(plugins.Plugged):
    """`assay index`; the advisor comes with the servers' package."""

    entry_points_group = "assay.index"


app = typer.Typer(
    cls=IndexGroup, no_args_is_help=True, help="How vectors are indexed: advice, and other kinds built beside one."
)


@app.command(cls=Command)
def status(context: typer.Context, collection: CollectionArgument) -> None:
    """Show the generations of a collection's index, and what the last night says of its recall."""
    session = session_of(context)
    found = session.client.index_generations(collection)
    nights = session.client.nights(collection=collection, limit=1)
    recall = nights[0].figures.get(_RECALL) if nights else None
    if session.json:
        print_json({"generations": models(found), "recall": recall, "night": str(nights[0].night) if nights else None})
        return
    print_table(["generation", "index", "state", "since", "kept until", "nDCG@10 against the other"], map(_row, found))
    if recall is None:
        say("How much it finds of the exact nearest is measured every night; there is no figure yet.")
    else:
        say(f"In the night of {nights[0].night} it found {recall:.3f} of the ten nearest passages.")


@app.command(cls=Command)
def build(
    context: typer.Context,
    collection: CollectionArgument,
    index_kind: Annotated[
        str | None, typer.Argument(metavar="[KIND]", help="Such as ivf_sq8 or hnsw:ef=64; without one, as it is.")
    ] = None,
    language: Annotated[
        str | None, typer.Option(metavar="CODE", help="Of stop words and stems, such as de; without one, as it is.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Until it is ready.")] = False,
) -> None:
    """Build another index beside the one that is asked; searches go on."""
    session = session_of(context)
    made = session.client.build_index(collection, index_kind, language=language)
    while wait and made.state == "building":
        time.sleep(_LOOK_S)
        made = _generation(session, collection, made.number)
    _show(session, made)
    if not session.json and made.state == "building":
        say(f"`assay index status {collection}` says when it is ready.")


@app.command(cls=Command)
def compare(
    context: typer.Context,
    collection: CollectionArgument,
    dataset: Annotated[str | None, typer.Option(help="A golden set; without one, the collection's first.")] = None,
    most: Annotated[int, typer.Option(min=10, max=500, help="Ask so many of its questions.")] = 200,
) -> None:
    """Ask golden questions of the active index and of the one beside it; `switch` goes by what comes of it."""
    session = session_of(context)
    found = session.client.compare_index(collection, dataset=dataset, most=most)
    if session.json:
        print_json(found)
        return
    say(f"{found.questions} questions of {found.dataset}: nDCG@10 {found.old:.4f} now, {found.new:.4f} beside it.")
    say(f"The difference is {_difference(found)}.")
    say("It is no worse: `assay index switch` may follow." if found.passed else "That may be worse than now.")


@app.command(cls=Command)
def switch(
    context: typer.Context,
    collection: CollectionArgument,
    override_reason: Annotated[
        str | None, typer.Option(help="Why to switch although the comparison does not allow it; kept with your name.")
    ] = None,
) -> None:
    """Ask the index beside the active one from now on. The old one is kept for 24 hours."""
    session = session_of(context)
    made = session.client.switch_index(collection, override_reason=override_reason)
    _show(session, made)
    if not session.json:
        say(f"`assay index rollback {collection}` asks the old one again.")


@app.command(cls=Command)
def rollback(context: typer.Context, collection: CollectionArgument) -> None:
    """Ask the index again that was asked before the switch."""
    session = session_of(context)
    _show(session, session.client.roll_back_index(collection))


@app.command(cls=Command)
def drop(context: typer.Context, collection: CollectionArgument) -> None:
    """Let the index beside the active one go."""
    session = session_of(context)
    _show(session, session.client.drop_index(collection))


def _generation(session: Session, collection: str, number: int) -> "IndexGeneration":
    for one in session.client.index_generations(collection):
        if one.number == number:
            return one
    raise Broken(f"Generation {number} of {collection!r} is not listed any more.", code="no_generation")


def _show(session: Session, made: "IndexGeneration") -> None:
    if session.json:
        print_json(made)
    else:
        say(f"Generation {made.number} ({made.index_kind}) is {made.state}.")


def _row(one: "IndexGeneration") -> list[object]:
    kept = "" if one.kept_until is None else f"{one.kept_until:%Y-%m-%d %H:%M}"
    compared = "" if one.comparison is None else _difference(one.comparison)
    return [one.number, one.index_kind, one.state, f"{one.changed_at:%Y-%m-%d %H:%M}", kept, compared]


def _difference(found: "IndexComparison") -> str:
    return f"{found.new - found.old:+.4f} [{found.low:+.4f}, {found.high:+.4f}]"
