"""`assay ingest`: make files searchable."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
from assay_core.errors import NotFound

from assay_cli import ingestion
from assay_cli.bulk import holds_passages
from assay_cli.commands import bulk_ingest
from assay_cli.files import Source, find_files
from assay_cli.ingestion import Ingest, Progress
from assay_cli.metadata import metadata_option, metadata_pairs
from assay_cli.options import CollectionOption, Command
from assay_cli.output import print_json, say
from assay_cli.progress import bar
from assay_cli.session import Session, session_of

BULK_FROM = 100


def register(app: typer.Typer) -> None:
    app.command(cls=Command)(ingest)


def ingest(
    context: typer.Context,
    paths: Annotated[list[Path], typer.Argument(metavar="PATH…", help="Files and folders.")],
    collection: CollectionOption,
    create: Annotated[bool, typer.Option(help="Make the collection if there is none.")] = True,
    wait: Annotated[bool, typer.Option(help="Wait until all are searchable.")] = True,
    bulk: Annotated[
        bool,
        typer.Option(
            "--bulk",
            help="Let interactive uploads go first. Paths may be ready passages: JSONL (id, text, title, metadata), "
            "Parquet with these columns, or a BEIR folder.",
        ),
    ] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="With --bulk: only so many passages.")] = None,
    metadata: Annotated[
        list[str] | None,
        metadata_option(
            "Of every document, in place of what it has (tags divided by commas, dates as YYYY-MM-DD); ready passages"
            " keep their own values. May be repeated."
        ),
    ] = None,
) -> None:
    """Upload files and folders, and wait until all are searchable.

    Folders are read with all folders in them; hidden files and symbolic links are passed over. A file that the
    collection has already is not sent through again. More than a hundred files are a bulk load, too: whoever uploads
    one meanwhile does not wait for them.
    """
    session = session_of(context)
    values = metadata_pairs(metadata)
    if bulk and all(holds_passages(path) for path in paths):
        prepare_collection(session, collection, create=create)
        loaded = bulk_ingest.load_passages(session, collection, paths, limit=limit, wait=wait, metadata=values)
        if session.json:
            print_json(loaded)
        else:
            bulk_ingest.say_summary(loaded)
        if loaded["failed"]:
            raise typer.Exit(1)
        return
    sources = find_files(paths)
    prepare_collection(session, collection, create=create)
    priority = "bulk" if bulk or len(sources) > BULK_FROM else None
    result, seconds = ingest_files(session, collection, sources, wait=wait, priority=priority, metadata=values)
    if session.json:
        print_json(summary(collection, result, seconds))
    else:
        _say_summary(result, seconds)
    if result.failures:
        raise typer.Exit(1)


def prepare_collection(session: Session, collection: str, *, create: bool) -> None:
    """The collection is there when this returns.

    Raises:
        NotFound: it is not, and shall not be made.
    """
    if create:
        session.client.ensure_collection(collection)
        return
    try:
        session.client.collection(collection)
    except NotFound as error:
        raise NotFound(
            f"There is no collection {collection!r}. Leave out --no-create, or make it with "
            f"`assay collections create {collection}`.",
            code=error.code,
        ) from error


def ingest_files(
    session: Session,
    collection: str,
    sources: Sequence[Source],
    *,
    wait: bool,
    priority: str | None = None,
    metadata: Mapping[str, str] | None = None,
) -> tuple[Ingest, float]:
    """Send files, wait if wanted, and show progress and failures. Returns also the seconds that it took."""
    started = time.monotonic()
    with bar("Uploading", len(sources)) as uploading:
        sent = 0

        def uploaded(source: Source) -> None:
            nonlocal sent
            sent += 1
            uploading.update(sent, source.name)

        result = ingestion.upload_all(
            session.client,
            collection,
            sources,
            on_uploaded=uploaded,
            sleep=session.sleep,
            priority=priority,
            metadata=metadata,
        )
    if wait and result.waiting:
        _wait(session, collection, result)
    for failure in result.failures:
        say(f"Failed: {failure.name}: {failure.code}: {failure.message}")
    return result, time.monotonic() - started


def _wait(session: Session, collection: str, result: Ingest) -> None:
    with bar("Making searchable", len(result.waiting)) as searching:
        through = result.ready + len(result.failures)

        def waiting(progress: Progress) -> None:
            done = progress.ready + progress.failed - through + progress.part_done
            searching.update(done, f"{progress.waiting} to go, {progress.chunks} chunks")

        ingestion.wait_until_searchable(session.client, collection, result, on_waiting=waiting, sleep=session.sleep)


def summary(collection: str, result: Ingest, seconds: float) -> dict[str, object]:
    """The outcome for machines. `chunks` are those of documents that this call made searchable."""
    return {
        "collection": collection,
        "uploaded": result.uploaded,
        "unchanged": result.unchanged,
        "ready": result.ready,
        "failed": len(result.failures),
        "waiting": len(result.waiting),
        "chunks": result.chunks,
        "chunks_kept": result.kept,
        "chunks_added": result.added,
        "chunks_removed": result.removed,
        "seconds": round(seconds, 3),
        "chunks_per_s": round(result.chunks / seconds, 2) if seconds > 0 else 0.0,
        "failures": [failure.as_json() for failure in result.failures],
    }


def _say_summary(result: Ingest, seconds: float) -> None:
    parts = [f"{result.uploaded} uploaded", f"{result.unchanged} unchanged", f"{result.ready} searchable"]
    if result.waiting:
        parts.append(f"{len(result.waiting)} still at work (`assay documents list` shows how far)")
    parts.append(f"{len(result.failures)} failed")
    rate = f", {result.chunks / seconds:.1f} chunks/s" if result.chunks and seconds > 0 else ""
    edited = result.kept or result.removed
    changes = f" ({result.kept} kept, {result.added} added, {result.removed} removed)" if edited else ""
    say(f"{', '.join(parts)}; {result.chunks} chunks{changes} in {seconds:.1f} s{rate}.")
