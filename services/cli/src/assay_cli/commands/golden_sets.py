"""`assay eval`: what is measured, and with which questions."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from assay_core.golden_sets import as_jsonl, read_question

from assay_cli.commands.evaluate import DatasetOption, no_evals
from assay_cli.golden_file import read_golden
from assay_cli.options import CollectionOption, Command
from assay_cli.output import models, print_json, print_table, say
from assay_cli.progress import Steps
from assay_cli.session import session_of

if TYPE_CHECKING:
    from assay_wire.public import GoldenSetContent, GoldenSetReply

LicenceOption = Annotated[str, typer.Option("--licence", metavar="NAME", help="Under which it may be used.")]
SourceOption = Annotated[str, typer.Option("--source", metavar="TEXT", help="Where it is from.")]
VersionOption = Annotated[int | None, typer.Option("--version", min=1, help="Default: the newest.")]


def register(app: typer.Typer) -> None:
    for command in (metrics, upload, export, sets, sample, approve):
        app.command(cls=Command)(command)
    app.command(name="import", cls=Command)(import_set)


def metrics(context: typer.Context) -> None:
    """Say what each metric means, where it is defined, its range, and which way is better."""
    try:
        from assay_evals.metrics import METRICS
    except ModuleNotFoundError as error:
        raise no_evals() from error
    if session_of(context).json:
        print_json({"metrics": [metric.as_json() for metric in METRICS.values()]})
        return
    print_table(
        ["metric", "range", "better", "definition", "source"],
        [
            [m.name, m.range, "higher" if m.higher_is_better else "lower", m.definition, m.source]
            for m in METRICS.values()
        ],
    )


def upload(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE.jsonl", help="A JSON object with a question on each line.")],
    collection: CollectionOption,
    dataset: DatasetOption,
    licence: LicenceOption = "",
    source: SourceOption = "",
) -> None:
    """Store a golden set, as a new version if it differs from the newest."""
    session = session_of(context)
    stored = session.client.put_dataset(
        collection, dataset, read_golden(file), licence=licence, source=source or file.name
    )
    _show_stored(stored, as_json=session.json)


def export(
    context: typer.Context,
    collection: CollectionOption,
    dataset: DatasetOption,
    version: VersionOption = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Default: stdout.")] = None,
) -> None:
    """Write a golden set as JSON lines; their SHA-256 is that of the version, if nothing of it is hidden or erased."""
    session = session_of(context)
    found = session.client.dataset(collection, dataset, version=version)
    lines = as_jsonl([read_question(one.model_dump(), one.id) for one in found.content])
    if output is not None:
        output.write_text(lines, encoding="utf-8")
    elif session.json:
        print_json(found)
    else:
        typer.echo(lines, nl=False)
    say(_summary(found) + (f" {found.hidden} are about documents that you may not read." if found.hidden else ""))


def sets(
    context: typer.Context,
    collection: CollectionOption,
    dataset: Annotated[
        str | None, typer.Option("--dataset", "-d", metavar="NAME", help="All versions of this one.")
    ] = None,
) -> None:
    """List the golden sets of a collection, or the versions of one."""
    client = session_of(context).client
    found = client.datasets(collection) if dataset is None else client.dataset_versions(collection, dataset)
    if session_of(context).json:
        print_json({"datasets": models(found)})
        return
    if not found:
        say("No golden set yet. `assay eval upload`, `assay eval import` or `assay eval generate` make one.")
        return
    print_table(
        ["dataset", "version", "questions", "erased", "licence", "source", "by", "stored", "sha256"],
        [
            [d.dataset, d.version, d.questions, d.erased, d.licence, d.source, d.created_by, stored_at, d.sha256[:12]]
            for d in found
            for stored_at in [f"{d.created_at:%Y-%m-%d %H:%M}"]
        ],
    )


def sample(
    context: typer.Context,
    collection: CollectionOption,
    dataset: DatasetOption,
    questions: Annotated[int, typer.Option(min=1, max=1000, help="How many, at most.")] = 50,
    hours: Annotated[float, typer.Option(help="Of what was asked in so many last hours.")] = 168,
    seed: Annotated[int, typer.Option(min=0, help="The same seed draws the same.")] = 1,
) -> None:
    """Draw a golden set candidate from what people asked, personal data masked; read it, then `approve` it."""
    session = session_of(context)
    drawn = session.client.sample_traffic(collection, dataset, questions=questions, hours=hours, seed=seed)
    _show_stored(drawn, as_json=session.json)


def approve(context: typer.Context, collection: CollectionOption, dataset: DatasetOption) -> None:
    """Approve a candidate as it is; to change it, `export` it, edit it and `upload` it."""
    session = session_of(context)
    _show_stored(session.client.approve_dataset(collection, dataset), as_json=session.json)


def import_set(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A BEIR folder, SQuAD-like JSON, or RAG triples.")],
    collection: CollectionOption,
    dataset: DatasetOption,
    format_name: Annotated[
        Literal["beir", "squad", "rag"] | None, typer.Option("--format", help="Default: by the form of PATH.")
    ] = None,
    documents: Annotated[bool, typer.Option(help="Upload the documents that are not there yet.")] = True,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first questions.")] = None,
    licence: LicenceOption = "",
    source: SourceOption = "",
) -> None:
    """Make a golden set of a data set of others, and fill the collection with its documents."""
    try:
        from assay_evals import importers
        from assay_evals.uploading import upload_missing
    except ModuleNotFoundError as error:
        raise no_evals() from error
    session = session_of(context)
    found = importers.read(path, format_name)
    if documents:
        session.client.ensure_collection(collection)
        with Steps() as steps:
            upload_missing(session.client, collection, found.documents, steps.update)
    lines = [asdict(question) for question in found.questions[:limit]]
    stored = session.client.put_dataset(collection, dataset, lines, licence=licence, source=source or path.name)
    _show_stored(stored, as_json=session.json)


def _show_stored(stored: "GoldenSetReply", *, as_json: bool) -> None:
    if as_json:
        print_json(stored)
    else:
        say(f"{_summary(stored)} SHA-256: {stored.sha256}.")


def _summary(found: "GoldenSetReply | GoldenSetContent") -> str:
    erased = f", {found.erased} erased with their documents" if found.erased else ""
    candidate = " (a candidate, to be reviewed)" if found.candidate else ""
    where = f"{found.dataset!r}{candidate} of {found.collection!r}"
    return f"{found.questions} questions{erased} are version {found.version} of {where}."
