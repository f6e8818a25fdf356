"""Options of the commands that choose a collection's settings."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import typer
from assay_core.errors import Invalid

ChunkingOption = Annotated[
    Literal["structure", "fixed", "recursive", "semantic", "parent-child"] | None,
    typer.Option("--chunking", help="How documents are divided; another strategy begins with its own numbers."),
]
BudgetOption = Annotated[
    int | None, typer.Option("--budget-tokens", help="Largest passage, in tokens of the embedder.")
]
OverlapOption = Annotated[
    int | None, typer.Option("--overlap-tokens", help="Most that is repeated where a text is cut.")
]
ParentOption = Annotated[
    int | None, typer.Option("--parent-tokens", help="parent-child: largest text that is read around a passage.")
]
BreakpointOption = Annotated[
    int | None,
    typer.Option("--breakpoint-percentile", help="semantic: cut where sentences differ more than so many others do."),
]
LinesOption = Annotated[
    bool | None,
    typer.Option(
        "--context-lines/--no-context-lines", help="The language model writes a line for each passage, to find it by."
    ),
]
FieldsOption = Annotated[
    list[str] | None,
    typer.Option("--field", metavar="NAME=TYPE", help="Metadata field: string, number, date or tags. Repeatable."),
]
NearDuplicatesOption = Annotated[
    Literal["report", "keep_one"] | None,
    typer.Option("--near-duplicates", help="What happens to documents that say nearly the same."),
]
KeepOption = Annotated[
    int | None, typer.Option("--keep-versions-days", help="How long replaced versions stay readable.")
]

FusionOption = Annotated[
    Literal["convex", "rrf"] | None,
    typer.Option("--fusion", help="One ranking of both indexes: of their scores (convex) or of their ranks (rrf)."),
]
NormalizationOption = Annotated[
    Literal["absolute", "theoretical", "min-max", "z"] | None,
    typer.Option("--normalization", help="convex: how scores are brought to one scale."),
]
DenseWeightOption = Annotated[
    float | None, typer.Option("--dense-weight", min=0, max=1, help="Share of the dense index in the ranking.")
]
TitleBoostOption = Annotated[
    float | None,
    typer.Option("--title-boost", min=0, max=1, help="Share of the question's words in title and headings."),
]
PhraseBoostOption = Annotated[
    float | None,
    typer.Option("--phrase-boost", min=0, max=1, help="Share of its neighbouring words that stand together."),
]
RecencyOption = Annotated[
    float | None, typer.Option("--recency", min=0, max=1, help="Share of newness in the order of passages.")
]
RecencyDaysOption = Annotated[int | None, typer.Option("--recency-days", help="Newness halves in so many days.")]
RecencyFieldOption = Annotated[
    str | None, typer.Option("--recency-field", metavar="NAME", help="Declared date field; default: the upload.")
]
DiversityOption = Annotated[
    float | None, typer.Option("--diversity", min=0, max=1, help="Share of difference from the passages above.")
]
SpellingOption = Annotated[
    bool | None,
    typer.Option("--spelling/--no-spelling", help="Correct words of a question that no readable passage holds."),
]
RewritingOption = Annotated[
    Literal["off", "rewrite", "multi-query", "hyde", "decomposition"] | None,
    typer.Option("--rewriting", help="What the language model writes to search by again after a weak result."),
]
ExpandOption = Annotated[
    Literal["off", "neighbours", "section"] | None,
    typer.Option("--expand", help="Passages read with each hit: before and after it, or under the same headings."),
]
ExpandTokensOption = Annotated[
    int | None, typer.Option("--expand-tokens", help="Most that is read of a hit and what is around it.")
]


def settings_of(
    *, fields: Sequence[str] | None, chunking: dict[str, Any], searching: dict[str, Any], **others: Any
) -> dict[str, Any]:
    """The settings that were given, as the API takes them.

    Raises:
        Invalid: a field is not `NAME=TYPE`.
    """
    given = {key: value for key, value in others.items() if value is not None}
    parts = {key: value for key, value in chunking.items() if value is not None}
    searches = {key: value for key, value in searching.items() if value is not None}
    return (
        given
        | ({"chunking": parts} if parts else {})
        | ({"searching": searches} if searches else {})
        | ({"fields": dict(_field(one) for one in fields)} if fields else {})
    )


def _field(given: str) -> tuple[str, str]:
    name, equals, kind = given.partition("=")
    if not equals:
        raise Invalid(f"--field {given!r} is not NAME=TYPE; an example: --field year=number.", code="bad_setting")
    return name, kind
