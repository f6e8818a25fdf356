"""`assay search`: passages that fit a query."""

import json
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from assay_cli import passages
from assay_cli.field_filter import FilterOption, field_filter
from assay_cli.options import CacheOption, CollectionOption, Command, ModeOption
from assay_cli.output import console, print_json, say
from assay_cli.session import session_of

if TYPE_CHECKING:
    from assay_wire.public import SearchReply, SecondLook, Understood


def register(app: typer.Typer) -> None:
    app.command(cls=Command)(search)


def search(
    context: typer.Context,
    query: Annotated[str, typer.Argument(help="What to look for.")],
    collection: CollectionOption,
    top_k: Annotated[int, typer.Option("--top-k", "-k", min=1, max=200, help="How many passages.")] = 10,
    mode: ModeOption = "hybrid",
    rerank: Annotated[bool, typer.Option(help="Let the cross-encoder have the last word, if there is one.")] = True,
    cache: CacheOption = "use",
    explain: Annotated[bool, typer.Option("--explain", help="Show rank and score of each stage.")] = False,
    one_per_document: Annotated[
        bool, typer.Option("--one-per-document", help="The best passage of each document only.")
    ] = False,
    recency: Annotated[
        float | None, typer.Option(min=0, max=1, help="Share of newness in the order; default: the collection's.")
    ] = None,
    diversity: Annotated[
        float | None, typer.Option(min=0, max=1, help="Share of difference from the passages above; likewise.")
    ] = None,
    expand: Annotated[
        Literal["off", "neighbours", "section"] | None,
        typer.Option(help="Passages read with each: before and after it, or under the same headings; likewise."),
    ] = None,
    filters: FilterOption = None,
    syntax: Annotated[
        bool, typer.Option(help='Read type:policy, after:2025-01, "exact words" and -word as restrictions.')
    ] = True,
    synonyms: Annotated[bool, typer.Option(help="Look for what the collection's synonyms mean, too.")] = True,
    spelling: Annotated[bool, typer.Option(help="Correct words that no passage holds which you may read.")] = True,
    rewriting: Annotated[
        bool,
        typer.Option(help="Search again for a weak result, in the language model's words, if the collection does."),
    ] = True,
) -> None:
    """Find the passages that fit a query best."""
    session = session_of(context)
    shape = {"recency": recency, "diversity": diversity, "expand": expand}
    reply = session.client.search(
        collection,
        query,
        top_k=top_k,
        mode=mode,
        rerank=rerank,
        cache=cache,
        explain=explain,
        one_per_document=one_per_document,
        syntax=syntax,
        synonyms=synonyms,
        spelling=spelling,
        rewriting=rewriting,
        **{key: value for key, value in shape.items() if value is not None},
        **field_filter(filters),
    )
    if session.json:
        print_json(reply)
    else:
        _show(reply)


def _show(reply: "SearchReply") -> None:
    out = console()
    for one in reply.corrections:
        say(f"Searched for {one.meant!r} instead of {one.written!r}; --no-spelling searches as it is written.")
    for hit in reply.hits:
        passages.print_hit(out, hit)
    if not reply.hits:
        say("Nothing found.")
    if reply.understood:
        say(f"Read as: {_read_as(reply.understood)}")
    passages.say_degraded(reply.degraded)
    total = reply.timings_ms.get("total")
    if total is not None:
        cached = ", from the cache" if reply.cache == "hit" else ""
        say(f"{len(reply.hits)} passages in {total:.0f} ms{cached}.")


def _read_as(found: "Understood") -> str:
    exact = [f'exactly "{phrase}"' for phrase in found.phrases]
    without = [f"without {word}" for word in found.excluded]
    filters = [f"filter {json.dumps(found.filter, ensure_ascii=False)}"] if found.filter else []
    also = [f"{one.term} also as {', '.join(one.added)}" for one in found.synonyms]
    language = [] if found.language == "und" else [f"language {found.language}"]
    return "; ".join([found.text, *language, *also, *exact, *without, *filters, *_looked_again(found.second_look)])


def _looked_again(look: "SecondLook | None") -> list[str]:
    if look is None:
        return []
    texts = "".join(f'; {look.technique}: "{text}"' for text in look.texts)
    return [f"weak with a probability of {look.weakness:.2f}{texts}"]
