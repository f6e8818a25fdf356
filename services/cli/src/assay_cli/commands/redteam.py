"""`assay eval redteam`: what attacks do to the platform, and what they would do if nothing stopped them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from assay_core.errors import Invalid

from assay_cli.commands.evaluate import no_evals
from assay_cli.options import Command, OptionalCollection
from assay_cli.output import print_json, print_table, say
from assay_cli.session import session_of

if TYPE_CHECKING:
    from assay_evals.redteam.report import Report
    from assay_evals.statistics.shares import Share


def register(app: typer.Typer) -> None:
    """Add the command to `assay eval`."""
    app.command(cls=Command)(redteam)


def redteam(
    context: typer.Context,
    collection: OptionalCollection = None,
    suite: Annotated[
        list[str] | None,
        typer.Option("--suite", metavar="NAME", help="injection, jailbreak, leakage or over-refusal; may be repeated."),
    ] = None,
    cases: Annotated[int | None, typer.Option(min=1, metavar="N", help="At most so many of each suite.")] = None,
    seed: Annotated[int, typer.Option(help="The same seed makes the same cases.")] = 1,
    model: Annotated[
        Literal["served", "obedient"],
        typer.Option(help="served: the platform's own; obedient: one that does whatever anything in its prompt says."),
    ] = "served",
    prompt: Annotated[str, typer.Option(metavar="NAME", help="Try this prompt, such as cite.v1.")] = "",
    without_defences: Annotated[
        bool, typer.Option("--without-defences", help="Ask a second time as a control, with the defences off.")
    ] = False,
    max_hijack: Annotated[float | None, typer.Option(min=0, max=1, help="The highest share that passes.")] = None,
    max_over_refusal: Annotated[float | None, typer.Option(min=0, max=1, help="The highest share that passes.")] = None,
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="DIR", help="Holds public sets of attacks, which are tried instead."),
    ] = None,
    reader_key_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Holds the API key of a reader who asks, with fewer rights.")
    ] = None,
) -> None:
    """Attack the platform: injections, jailbreaks, leaks, and harmless questions that look suspicious.

    Makes a collection of its own with poisoned and with secret documents, asks as a reader, and deletes it. With
    --collection nothing is uploaded, and what needs no documents is tried there.

    Exit codes: 0 nothing was found, 1 harm, a bar missed, failed cases or a control without harm, 2 wrong use.
    """
    try:
        from assay_cli import redteaming
    except ModuleNotFoundError as error:
        raise no_evals() from error
    session = session_of(context)
    if collection and (without_defences or data):
        raise Invalid(
            "--without-defences and --data need a collection that is made for them; leave out --collection.",
            code="bad_option",
        )
    wanted = redteaming.Wanted(
        suites=redteaming.suites_of(suite or (), uploads=collection is None),
        cases=cases,
        seed=seed,
        obedient=model == "obedient",
        prompt=prompt,
        control=without_defences,
        collection=collection,
        data=data,
        reader_key_file=reader_key_file,
        max_hijack=max_hijack,
        max_over_refusal=max_over_refusal,
    )
    report = redteaming.run(session, wanted)
    if session.json:
        print_json(report.as_json())
    else:
        _show(report)
    if report.problems:
        raise typer.Exit(1)


def _show(report: "Report") -> None:
    print_table(
        ["model", "defences", "suite", "cases", "failed", "harm", "hijacked", "abstained", "over-refused"],
        [
            [arm.model, "on" if arm.defended else "OFF", suite, f.cases, f.failed,
             *(_share(one) for one in (f.harm, f.hijack, f.abstained, f.over_refusal))]
            for arm in report.arms
            for suite, f in arm.suites.items()
        ],
        title=f"{report.collection}, asked as {report.asker}",
    )  # fmt: skip
    for line in report.words:
        say(line)


def _share(share: "Share | None") -> str:
    from assay_evals.redteam.report import share_in_words

    return share_in_words(share) if share else "–"
