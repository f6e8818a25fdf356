"""Passages and their places, printed for people."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from assay_cli.output import say, styled

if TYPE_CHECKING:
    from assay_wire.public import Citation, Degradation, Hit, Stage
    from rich.console import Console

_SNIPPET_CHARS = 400


def place(passage: "Hit | Citation") -> str:
    """Where a passage stands: version, page, heading."""
    parts = [f"version {passage.version}"]
    if passage.page is not None:
        parts.append(f"page {passage.page}")
    if passage.heading:
        parts.append(passage.heading)
    return ", ".join(parts)


def print_hit(out: "Console", hit: "Hit") -> None:
    """A passage with its place and score."""
    from rich.padding import Padding

    out.print(
        styled(
            f"{hit.rank:>2}. ",
            (hit.document_name, "bold"),
            (f"  {place(hit)}", "cyan"),
            (f"  {hit.score:.4f} {hit.scored_by}", "dim"),
        )
    )
    for stage in hit.stages or []:
        out.print(styled((f"      {stage.stage}: rank {stage.rank}, {stage.score:.4f}{_part(stage)}", "dim")))
    before = [(one.text, "dim") for one in hit.around if one.start < hit.start]
    after = [(one.text, "dim") for one in hit.around if one.start >= hit.start]
    read = [*before, (hit.text, ""), *after]
    for number, (text, style) in enumerate(read, start=1):
        space = (0, 0, int(number == len(read)), 4)
        out.print(Padding(styled((shortened(text, _SNIPPET_CHARS), style)), space, expand=False))


def _part(stage: "Stage") -> str:
    if stage.normalized is None or stage.weight is None:
        return ""
    return f" → {stage.normalized:.4f} × {stage.weight:.4g}"


def print_citation(out: "Console", citation: "Citation") -> None:
    """A footnote: number, document, place, and the words that it points to."""
    from rich.padding import Padding

    out.print(styled((f"[{citation.n}] ", "bold"), citation.document_name, (f"  {place(citation)}", "cyan")))
    out.print(Padding(styled((f"“{shortened(citation.quote, _SNIPPET_CHARS)}”", "italic")), (0, 0, 0, 4), expand=False))


def say_degraded(degraded: "Sequence[Degradation]") -> None:
    """What was done without, and why."""
    for part in degraded:
        say(f"Note: without {part.component} ({part.mode}): {part.reason}")


def shortened(text: str, chars: int) -> str:
    """Text on one line, cut at a word."""
    flat = " ".join(text.split())
    return flat if len(flat) <= chars else flat[:chars].rsplit(" ", 1)[0] + " …"
