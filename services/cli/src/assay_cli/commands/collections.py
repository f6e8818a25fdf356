"""`assay collections`: what there is to ask."""

from typing import TYPE_CHECKING, Annotated

import typer
from assay_core.errors import Invalid

from assay_cli.collection_options import (
    BreakpointOption,
    BudgetOption,
    ChunkingOption,
    DenseWeightOption,
    DiversityOption,
    ExpandOption,
    ExpandTokensOption,
    FieldsOption,
    FusionOption,
    KeepOption,
    LinesOption,
    NearDuplicatesOption,
    NormalizationOption,
    OverlapOption,
    ParentOption,
    PhraseBoostOption,
    RecencyDaysOption,
    RecencyFieldOption,
    RecencyOption,
    RewritingOption,
    SpellingOption,
    TitleBoostOption,
    settings_of,
)
from assay_cli.confirm import confirmed
from assay_cli.options import Command
from assay_cli.output import models, print_json, print_table, say
from assay_cli.session import session_of

if TYPE_CHECKING:
    from assay_wire.public import Collection

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
        ["name", "documents", "chunks", "index", "created", "intake"],
        [[c.name, c.documents, c.chunks, c.index_kind, f"{c.created_at:%Y-%m-%d %H:%M}", _intake(c)] for c in found],
    )


@app.command(cls=Command)
def create(
    context: typer.Context,
    name: str,
    index_kind: Annotated[
        str,
        typer.Option(
            "--index",
            help="hnsw: fastest; ivf_sq8: a quarter of its memory; ivf_pq: least memory; flat: exact, small sets."
            " With parameters: ivf_pq:per_byte=4,nprobe=128.",
        ),
    ] = "hnsw",
    language: Annotated[
        str | None,
        typer.Option(metavar="CODE", help="Of the documents, for stop words and stems: en, de, fr …; mul for many."),
    ] = None,
    chunking: ChunkingOption = None,
    budget_tokens: BudgetOption = None,
    overlap_tokens: OverlapOption = None,
    parent_tokens: ParentOption = None,
    breakpoint_percentile: BreakpointOption = None,
    context_lines: LinesOption = None,
    fields: FieldsOption = None,
    near_duplicates: NearDuplicatesOption = None,
    keep_versions_days: KeepOption = None,
    fusion: FusionOption = None,
    normalization: NormalizationOption = None,
    dense_weight: DenseWeightOption = None,
    title_boost: TitleBoostOption = None,
    phrase_boost: PhraseBoostOption = None,
    recency: RecencyOption = None,
    recency_days: RecencyDaysOption = None,
    recency_field: RecencyFieldOption = None,
    diversity: DiversityOption = None,
    spelling: SpellingOption = None,
    rewriting: RewritingOption = None,
    expand: ExpandOption = None,
    expand_tokens: ExpandTokensOption = None,
) -> None:
    """Make an empty collection."""
    session = session_of(context)
    settings = settings_of(
        chunking={
            "strategy": chunking,
            "budget_tokens": budget_tokens,
            "overlap_tokens": overlap_tokens,
            "parent_tokens": parent_tokens,
            "breakpoint_percentile": breakpoint_percentile,
            "context_lines": context_lines,
        },
        searching={
            "fusion": fusion,
            "normalization": normalization,
            "dense_weight": dense_weight,
            "title_boost": title_boost,
            "phrase_boost": phrase_boost,
            "recency": recency,
            "recency_days": recency_days,
            "recency_field": recency_field,
            "diversity": diversity,
            "spelling": spelling,
            "rewriting": rewriting,
            "expand": expand,
            "expand_tokens": expand_tokens,
        },
        fields=fields,
        near_duplicates=near_duplicates,
        keep_versions_days=keep_versions_days,
    )
    made = session.client.create_collection(name, index_kind=index_kind, language=language, settings=settings)
    if session.json:
        print_json(made)
    else:
        say(f"Collection {made.name!r} is ready for documents.")


@app.command(cls=Command)
def show(context: typer.Context, name: str) -> None:
    """Show a collection and its settings."""
    session = session_of(context)
    found = session.client.collection(name)
    if session.json:
        print_json(found)
    else:
        _print_collection(found)


@app.command("set", cls=Command)
def change(
    context: typer.Context,
    name: str,
    chunking: ChunkingOption = None,
    budget_tokens: BudgetOption = None,
    overlap_tokens: OverlapOption = None,
    parent_tokens: ParentOption = None,
    breakpoint_percentile: BreakpointOption = None,
    context_lines: LinesOption = None,
    fields: FieldsOption = None,
    near_duplicates: NearDuplicatesOption = None,
    keep_versions_days: KeepOption = None,
    fusion: FusionOption = None,
    normalization: NormalizationOption = None,
    dense_weight: DenseWeightOption = None,
    title_boost: TitleBoostOption = None,
    phrase_boost: PhraseBoostOption = None,
    recency: RecencyOption = None,
    recency_days: RecencyDaysOption = None,
    recency_field: RecencyFieldOption = None,
    diversity: DiversityOption = None,
    spelling: SpellingOption = None,
    rewriting: RewritingOption = None,
    expand: ExpandOption = None,
    expand_tokens: ExpandTokensOption = None,
) -> None:
    """Change settings. Fields are replaced as a whole; what is not named stays."""
    session = session_of(context)
    settings = settings_of(
        chunking={
            "strategy": chunking,
            "budget_tokens": budget_tokens,
            "overlap_tokens": overlap_tokens,
            "parent_tokens": parent_tokens,
            "breakpoint_percentile": breakpoint_percentile,
            "context_lines": context_lines,
        },
        searching={
            "fusion": fusion,
            "normalization": normalization,
            "dense_weight": dense_weight,
            "title_boost": title_boost,
            "phrase_boost": phrase_boost,
            "recency": recency,
            "recency_days": recency_days,
            "recency_field": recency_field,
            "diversity": diversity,
            "spelling": spelling,
            "rewriting": rewriting,
            "expand": expand,
            "expand_tokens": expand_tokens,
        },
        fields=fields,
        near_duplicates=near_duplicates,
        keep_versions_days=keep_versions_days,
    )
    if not settings:
        raise Invalid("Name a setting to change; `assay collections set --help` lists them.", code="bad_setting")
    changed = session.client.change_collection(name, settings)
    if session.json:
        print_json(changed)
        return
    _print_collection(changed)
    if changed.rechunk_due:
        say(
            f"{changed.rechunk_due} documents are still divided as before: `assay collections rechunk {name}` divides"
            " them anew."
        )


@app.command(cls=Command)
def rechunk(context: typer.Context, name: str) -> None:
    """Divide documents by the present settings that were divided by others. Search goes on meanwhile."""
    session = session_of(context)
    begun = 0
    for step in session.client.rechunk_collection(name):
        begun += step.documents
    if session.json:
        print_json({"collection": name, "documents": begun})
    else:
        say(f"{begun} documents are divided anew; `assay documents list --collection {name}` shows how far they are.")


def _print_collection(found: "Collection") -> None:
    settings = found.settings
    numbers = ", ".join(f"{key} {value}" for key, value in settings.chunking.model_dump(exclude={"strategy"}).items())
    print_table(
        ["", ""],
        [
            ["name", found.name],
            ["documents", found.documents],
            ["chunks", found.chunks],
            ["index", found.index_kind],
            ["chunking", f"{settings.chunking.strategy} ({numbers})"],
            ["fields", ", ".join(f"{name}: {kind}" for name, kind in settings.fields.items()) or "none"],
            ["near duplicates", settings.near_duplicates],
            ["old versions", f"kept {settings.keep_versions_days} days"],
            ["searching", _searching(found)],
        ],
    )


def _searching(found: "Collection") -> str:
    searching = found.settings.searching
    if searching is None:
        return ""
    return ", ".join(f"{key} {value}" for key, value in searching.model_dump().items() if value != "")


@app.command(cls=Command)
def pause(context: typer.Context, name: str) -> None:
    """Begin no more of a collection's uploads. They are accepted all the same, and wait."""
    session = session_of(context)
    paused = session.client.pause_collection(name)
    if session.json:
        print_json(paused)
    else:
        say(f"Collection {name!r} is paused; what is under way is finished. `assay collections resume {name}` goes on.")


@app.command(cls=Command)
def resume(context: typer.Context, name: str) -> None:
    """Go on with a paused collection."""
    session = session_of(context)
    resumed = session.client.resume_collection(name)
    if session.json:
        print_json(resumed)
    else:
        say(f"Collection {name!r} goes on.")


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


def _intake(found: "Collection") -> str:
    return f"paused {found.paused_at:%Y-%m-%d %H:%M}" if found.paused_at else "on"
