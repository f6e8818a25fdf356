"""`assay feedback`: what people say of answers, and what becomes of it."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer
from assay_core.errors import Invalid

from assay_cli.options import Command, OptionalCollection
from assay_cli.output import models, print_json, print_table, say
from assay_cli.session import session_of

if TYPE_CHECKING:
    from assay_wire.feedback import Feedback

app = typer.Typer(no_args_is_help=True, help="Say what answers are worth, review that, and label sentences.")
AnswerArgument = Annotated[str, typer.Argument(metavar="ANSWER", help="The answer's id.")]
FeedbackArgument = Annotated[str, typer.Argument(metavar="FEEDBACK", help="Its id.")]


@app.command(cls=Command)
def give(
    context: typer.Context,
    answer: AnswerArgument,
    up: Annotated[bool | None, typer.Option("--up/--down", help="Whether it helped.")] = None,
    correct: Annotated[str, typer.Option(metavar="TEXT", help="What it should have said.")] = "",
    missing: Annotated[str, typer.Option(metavar="DOCUMENT", help="What it should have used.")] = "",
    quote: Annotated[str, typer.Option(metavar="TEXT", help="The place in that document, word for word.")] = "",
    comment: Annotated[str, typer.Option(metavar="TEXT")] = "",
) -> None:
    """Say what you think of an answer that you were given."""
    session = session_of(context)
    thumb = None if up is None else ("up" if up else "down")
    given = session.client.give_feedback(
        answer, thumb=thumb, corrected_answer=correct, missing_source=missing, missing_quote=quote, comment=comment
    )
    if session.json:
        print_json(given)
    else:
        say(f"Feedback {given.id} waits for review.")


@app.command(name="list", cls=Command)
def list_(
    context: typer.Context,
    collection: OptionalCollection = None,
    state: Annotated[Literal["open", "accepted", "rejected"] | None, typer.Option(help="Default: all.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many, newest first.")] = 50,
) -> None:
    """List feedback, newest first: all of it as an evaluator, else your own."""
    session = session_of(context)
    found = session.client.feedback(collection=collection, state=state, limit=limit)
    if session.json:
        print_json({"feedback": models(found)})
        return
    if not found:
        say("No feedback. `assay feedback give ANSWER --up` gives some.")
        return
    print_table(
        ["id", "given", "by", "collection", "thumb", "state", "says"],
        [
            [f.id, f"{f.created_at:%Y-%m-%d %H:%M}", f.given_by, f.collection, f.thumb, f.state, _words(f)]
            for f in found
        ],
    )


@app.command(cls=Command)
def show(context: typer.Context, feedback: FeedbackArgument) -> None:
    """Show feedback with the answer that it is about."""
    session = session_of(context)
    found = session.client.feedback_detail(feedback)
    if session.json:
        print_json(found)
        return
    print_table(
        ["", ""],
        [["question", found.about.question], ["answer", found.about.answer], ["thumb", found.thumb or ""]]
        + [[name.replace("_", " "), getattr(found, name)] for name in _SAID if getattr(found, name)],
    )


@app.command(cls=Command)
def accept(
    context: typer.Context,
    feedback: FeedbackArgument,
    dataset: Annotated[str, typer.Option("--dataset", "-d", metavar="NAME", help="The golden set.")] = "feedback",
    question: Annotated[str, typer.Option(metavar="TEXT", help="Default: as it was asked.")] = "",
    answer: Annotated[str, typer.Option(metavar="TEXT", help="Default: the corrected one.")] = "",
    unanswerable: Annotated[bool, typer.Option("--unanswerable", help="The documents do not tell.")] = False,
    document: Annotated[str, typer.Option(metavar="NAME", help="Where the answer stands.")] = "",
    quote: Annotated[str, typer.Option(metavar="TEXT", help="Its words there.")] = "",
) -> None:
    """Make a case of a golden set of it."""
    session = session_of(context)
    passages = [{"document": document, "quote": quote}] if document else []
    done = session.client.review_feedback(
        feedback,
        decision="accept",
        dataset=dataset,
        question=question,
        answer=answer,
        answerable=not unanswerable,
        passages=passages,
    )
    if session.json:
        print_json(done)
    elif done.stored is not None:
        say(f"It is a case of version {done.stored.version} of {dataset!r}.")


@app.command(cls=Command)
def reject(context: typer.Context, feedback: FeedbackArgument) -> None:
    """Put it aside."""
    session = session_of(context)
    done = session.client.review_feedback(feedback, decision="reject")
    if session.json:
        print_json(done)
    else:
        say(f"Feedback {feedback} is rejected.")


@app.command(cls=Command)
def label(
    context: typer.Context,
    answer: AnswerArgument,
    labels: Annotated[list[str], typer.Argument(metavar="CLAIM=LABEL", help="0=supported 1=contradicted 2=not_enough")],
) -> None:
    """Label the sentences of an answer against its sources; this replaces the labels that you gave it before."""
    session = session_of(context)
    stored = session.client.label_claims(answer, [_label(one) for one in labels])
    if session.json:
        print_json({"labels": models(stored)})
    else:
        say(f"{len(stored)} sentences are labelled.")


_SAID = ("corrected_answer", "missing_source", "missing_quote", "comment")


def _label(given: str) -> dict[str, object]:
    claim, _, name = given.partition("=")
    if not claim.isdigit() or name not in ("supported", "contradicted", "not_enough"):
        raise Invalid(
            f"{given!r} is no label; write 0=supported, 0=contradicted or 0=not_enough, with the sentence's number.",
            code="bad_label",
        )
    return {"claim": int(claim), "label": name}


def _words(found: "Feedback") -> str:
    return " · ".join(text for name in _SAID if (text := getattr(found, name)))
