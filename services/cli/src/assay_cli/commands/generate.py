"""`assay eval generate`: a golden set from the documents of a collection."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from assay_core.errors import Invalid
from assay_core.golden_sets import as_jsonl

from assay_cli.commands.evaluate import no_evals
from assay_cli.judges import open_judge
from assay_cli.options import CollectionOption, Command
from assay_cli.output import print_json, print_table, say
from assay_cli.progress import Steps
from assay_cli.session import Session, session_of

if TYPE_CHECKING:
    from assay_core.ports import Judge
    from assay_evals.generating.chat import ChatWriter
    from assay_evals.generating.generate import Generated


def register(app: typer.Typer) -> None:
    app.command(cls=Command)(generate)


def generate(
    context: typer.Context,
    collection: CollectionOption,
    dataset: Annotated[str, typer.Option("--dataset", "-d", metavar="NAME", help="The golden set.")] = "generated",
    questions: Annotated[int, typer.Option(min=1, max=5_000, help="How many, at most.")] = 50,
    seed: Annotated[int, typer.Option(help="The same seed and documents make the same set.")] = 1,
    documents: Annotated[int, typer.Option(min=1, max=10_000, help="Read so many documents, by name.")] = 500,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write JSON lines there and store nothing.")
    ] = None,
    judge: Annotated[
        Literal["local", "embedding", "ragas", "none"], typer.Option(help="Who must find answers in their passages.")
    ] = "local",
    llm_url: Annotated[str, typer.Option(metavar="URL", help="An OpenAI-compatible endpoint, with /v1.")] = "",
    llm_model: Annotated[str, typer.Option(metavar="NAME", help="Its model.")] = "",
    llm_key_file: Annotated[Path | None, typer.Option(metavar="FILE", help="Holds its key.")] = None,
) -> None:
    """Make questions from the documents that you may read: by templates, or better with a language model."""
    try:
        from assay_evals.generating import collection as place
        from assay_evals.generating.generate import generate as make
    except ModuleNotFoundError as error:
        raise no_evals() from error
    session = session_of(context)
    writer = _writer(llm_url, llm_model, llm_key_file, questions)
    try:
        with _judge(session, judge) as judging, Steps() as steps:
            steps.update("read", 0, documents)
            sources = place.sources_of(session.client, collection, limit=documents)
            found = make(
                sources,
                questions,
                find=place.finder(session.client, collection),
                seed=seed,
                judge=judging,
                write=writer,
                on_progress=lambda done, total: steps.update("generate", done, total),
            )
    finally:
        if writer is not None:
            writer.close()
    source = f"generated from {len(sources)} documents, seed {seed}" + (f", with {llm_model}" if writer else "")
    _keep(session, collection, dataset, found, source, output)
    _show(session, found, writer.failures if writer else {})


@contextmanager
def _judge(session: Session, name: str) -> Generator["Judge | None"]:
    if name == "none":
        yield None
        return
    with open_judge(session, name) as judge:
        yield judge


def _keep(
    session: Session, collection: str, dataset: str, found: "Generated", source: str, output: Path | None
) -> None:
    if output is not None:
        output.write_text(as_jsonl(found.questions), encoding="utf-8")
        return
    lines = [asdict(question) for question in found.questions]
    stored = session.client.put_dataset(collection, dataset, lines, source=source)
    say(f"{stored.questions} questions are version {stored.version} of {dataset!r} of {collection!r}.")


def _show(session: Session, found: "Generated", failures: Mapping[str, int]) -> None:
    lost = {**found.refused, **failures}
    if session.json:
        by_type = dict(found.by_type)
        print_json({"questions": len(found.questions), "by_type": by_type, "refused": lost})
        return
    print_table(["type", "questions"], [[name, count] for name, count in found.by_type.items()])
    for reason, count in sorted(lost.items()):
        say(f"Left out {count}: {reason}.")


def _writer(url: str, model: str, key_file: Path | None, questions: int) -> "ChatWriter | None":
    if not url:
        return None
    if not model:
        raise Invalid("--llm-url also needs --llm-model, the name that the endpoint knows it by.", code="bad_option")
    from assay_evals.generating.chat import ChatWriter

    key = key_file.read_text(encoding="utf-8").strip() if key_file else None
    return ChatWriter(base_url=url, model=model, api_key=key, tries=2 * questions)
