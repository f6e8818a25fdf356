"""`assay ask`: an answer with footnotes."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import click
import typer
from assay_core.errors import AssayError

from assay_cli import passages
from assay_cli.field_filter import FilterOption, field_filter
from assay_cli.options import CacheOption, CollectionOption, Command
from assay_cli.output import clean, console, print_json, say, styled
from assay_cli.session import session_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from assay_wire.public import Answer, AskEvent, Claim, Hit

_OUTCOMES = {
    "answered": ("supported by the sources", "green"),
    "partly_supported": ("partly supported by the sources", "yellow"),
    "not_supported": ("not supported by the sources", "red"),
    "nothing_found": ("the documents do not say", "yellow"),
}


def register(app: typer.Typer) -> None:
    app.command(cls=Command)(ask)


def ask(
    context: typer.Context,
    question: Annotated[str, typer.Argument(help="The question; - reads it from stdin.")],
    collection: CollectionOption,
    top_k: Annotated[
        int | None, typer.Option("--top-k", "-k", min=1, max=50, help="How many passages may be used.")
    ] = None,
    max_tokens: Annotated[int, typer.Option(min=1, max=4096, help="Longest answer.")] = 256,
    temperature: Annotated[float, typer.Option(min=0, max=2, help="0 gives the same answer each time.")] = 0.0,
    cache: CacheOption = "use",
    filters: FilterOption = None,
    syntax: Annotated[
        bool, typer.Option("--syntax", help='Read type:policy, "exact words" and -word as restrictions.')
    ] = False,
) -> None:
    """Ask a question, and see which source says so."""
    session = session_of(context)
    if question == "-":
        question = sys.stdin.read().strip()
    options: dict[str, Any] = {
        "top_k": top_k,
        "max_tokens": max_tokens,
        "temperature": temperature,
        "cache": cache,
        "syntax": syntax,
    } | field_filter(filters)
    if session.json:
        print_json(session.client.ask(collection, question, **options))
        return
    _show_stream(session.client.ask_events(collection, question, **options))


def _show_stream(events: "Iterable[AskEvent]") -> None:
    from assay_wire.public import Answer, Retrieval, Token

    found: list[Hit] = []
    streamed = ""
    try:
        for event in events:
            match event:
                case Retrieval():
                    found = event.hits
                case Token():
                    streamed += event.text
                    click.echo(clean(event.text), nl=False)
                    sys.stdout.flush()
                case Answer():
                    _finish(event, streamed)
                case _:
                    pass
    except AssayError:
        if streamed:
            click.echo()
        elif found:
            _show_sources(found)
        raise


def _finish(answer: "Answer", streamed: str) -> None:
    out = console()
    if streamed and streamed.strip() != answer.answer.strip():
        click.echo("\n")
        out.print(styled(("The checked answer reads:", "bold")))
        streamed = ""
    click.echo("" if streamed else clean(answer.answer))
    click.echo()
    for citation in answer.citations:
        passages.print_citation(out, citation)
    if answer.citations:
        click.echo()
    text, style = _OUTCOMES.get(answer.verdict, (answer.verdict, "yellow"))
    out.print(styled("Verdict: ", (text, style), _counted(answer.claims)))
    for claim in answer.claims:
        if claim.verdict != "supported":
            out.print(styled((f"  {claim.verdict}: ", "yellow"), passages.shortened(claim.text, 200)))
    passages.say_degraded(answer.degraded)


def _counted(claims: "list[Claim]") -> str:
    supported = sum(claim.verdict == "supported" for claim in claims)
    return f" ({supported} of {len(claims)} statements)" if claims else ""


def _show_sources(hits: "list[Hit]") -> None:
    say("No answer could be made. These passages were found:")
    out = console()
    for hit in hits:
        passages.print_hit(out, hit)
