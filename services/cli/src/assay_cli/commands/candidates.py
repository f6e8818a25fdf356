"""`assay eval candidates`: golden questions with what a collection's search finds, to train and measure rankers on."""

from pathlib import Path
from typing import Annotated

import typer
from assay_core.collection_settings import CollectionSettings
from assay_core.golden_sets import read_question

from assay_cli.commands.evaluate import no_evals
from assay_cli.options import Command
from assay_cli.output import print_json, say
from assay_cli.progress import Steps
from assay_cli.session import session_of


def register(app: typer.Typer) -> None:
    """Add the command to `assay eval`."""
    app.command(cls=Command)(candidates)


def candidates(
    context: typer.Context,
    collection: Annotated[str, typer.Argument(metavar="COLLECTION", help="What is searched.")],
    dataset: Annotated[
        list[str],
        typer.Option(metavar="NAME", help="A stored golden set, such as `feedback`; may be given again."),
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where questions and passages go, as JSON lines.")],
) -> None:
    """Write golden questions with the passages that search finds for them, for `assay train reranker` and `embedder`.

    The file holds the passages' text: whoever may read it may read these.
    """
    try:
        from assay_evals.candidates import ask_collection, write
    except ModuleNotFoundError as error:
        raise no_evals() from error
    session = session_of(context)
    stored = session.client.collection(collection).settings.model_dump(exclude_none=True)
    searching = CollectionSettings.stored(stored).searching
    content = [one for name in dataset for one in session.client.dataset(collection, name).content]
    questions = {one.question: read_question(one.model_dump(), one.id) for one in content}
    with Steps() as steps:
        asked = ask_collection(session.client, collection, list(questions.values()), searching, steps.update)
    written = write(out, asked)
    found = sum(any(one.grade > 0 for one in question.found) for question in asked)
    if session.json:
        print_json({"collection": collection, "questions": written, "with_a_right_passage": found, "file": str(out)})
    else:
        say(f"{written} questions are in {str(out)!r}; search finds a right passage for {found} of them.")
