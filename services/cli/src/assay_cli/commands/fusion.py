"""`assay eval fusion`: learn from a collection's golden questions how its two indexes' rankings become one."""

from typing import TYPE_CHECKING, Annotated

import typer
from assay_core.collection_settings import CollectionSettings
from assay_core.golden_sets import read_question

from assay_cli.commands.evaluate import DatasetOption, no_evals
from assay_cli.commands.experiments import WORSE
from assay_cli.options import Command
from assay_cli.output import print_json, print_table, say
from assay_cli.progress import Steps
from assay_cli.session import session_of

if TYPE_CHECKING:
    from assay_core.collection_settings import Searching
    from assay_evals.fusion_learning import LearnedFusion


def register(app: typer.Typer) -> None:
    """Add the command to `assay eval`."""
    app.command(cls=Command)(fusion)


def fusion(
    context: typer.Context,
    collection: Annotated[str, typer.Argument(metavar="COLLECTION", help="What is searched.")],
    dataset: DatasetOption,
    apply: Annotated[bool, typer.Option(help="Search the collection so from now on, if it is no worse.")] = True,
) -> None:
    """Learn fusion, normalization and weight on half of the golden questions, and judge them on the other half.

    Exit codes: 0 learned, or nothing is better; 3 refused, so nothing is changed; 1 and 2 errors.
    """
    try:
        from assay_evals.fusion_learning import ask_indexes, learn_fusion
    except ModuleNotFoundError as error:
        raise no_evals() from error
    session = session_of(context)
    stored = session.client.collection(collection).settings.model_dump(exclude_none=True)
    present = CollectionSettings.stored(stored).searching
    found = session.client.dataset(collection, dataset)
    questions = [read_question(one.model_dump(), one.id) for one in found.content]
    with Steps() as steps:
        learned = learn_fusion(ask_indexes(session.client, collection, questions, steps.update), present)
    applied = apply and learned.differs and learned.passed
    if applied:
        session.client.change_collection(collection, {"searching": _way(learned.learned)})
    if session.json:
        print_json({"collection": collection, "dataset": dataset, **learned.as_json(), "applied": applied})
    else:
        _show(collection, learned, applied=applied)
    if not learned.passed:
        raise typer.Exit(WORSE)


def _show(collection: str, learned: "LearnedFusion", *, applied: bool) -> None:
    if not learned.differs:
        say(f"Nothing is better than {_words(learned.present)} on the {learned.learned_on} questions to learn on.")
        return
    print_table(
        ["", "how", "nDCG@10"],
        [
            ["now", _words(learned.present), learned.ndcg_present],
            ["learned", _words(learned.learned), learned.ndcg_learned],
        ],
        title=f"{learned.held_back} held-back questions",
    )
    say(f"Difference {learned.difference:+.3f}, 95 % from {learned.low:+.3f} to {learned.high:+.3f}.")
    if not learned.passed:
        say("Refused: it may be worse on questions that it was not learned on. Nothing is changed.")
    elif applied:
        say(f"{collection!r} is searched so from now on.")


def _way(searching: "Searching") -> dict[str, str | float]:
    return {
        "fusion": searching.fusion,
        "normalization": searching.normalization,
        "dense_weight": searching.dense_weight,
    }


def _words(searching: "Searching") -> str:
    kind = f"convex, {searching.normalization}" if searching.fusion == "convex" else "rrf"
    return f"{kind}, dense {searching.dense_weight:g}"
