"""`assay documents`: what is in a collection."""

from itertools import islice
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from assay_core.errors import Invalid, NotFound

from assay_cli.options import CollectionOption, Command, OptionalCollection
from assay_cli.output import models, print_json, print_table, say, size
from assay_cli.session import session_of

if TYPE_CHECKING:
    from assay_wire.clients import AssayClient
    from assay_wire.public import Access, DocumentSummary, Version

app = typer.Typer(no_args_is_help=True, help="Documents of a collection.")

State = Literal["received", "parsing", "embedding", "indexing", "ready", "failed"]
Document = Annotated[str, typer.Argument(metavar="DOCUMENT", help="Its id, or with --collection its name.")]


@app.command("list", cls=Command)
def list_all(
    context: typer.Context,
    collection: CollectionOption,
    state: Annotated[State | None, typer.Option(help="Only those in this state.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only so many.")] = None,
) -> None:
    """List documents with their state and errors."""
    session = session_of(context)
    counts = session.client.documents_page(collection, limit=1).counts
    found = list(islice(session.client.documents(collection, state=state), limit))
    if session.json:
        print_json({"documents": models(found), "counts": counts})
        return
    if found:
        failed = any(document.error for document in found)
        print_table(
            ["id", "name", "state", "version", "chunks", "size", *(["error"] if failed else [])],
            [_document_row(document, failed=failed) for document in found],
        )
    say(", ".join(f"{count} {name}" for name, count in counts.items() if count) or "No documents.")


@app.command(cls=Command)
def show(context: typer.Context, document: Document, collection: OptionalCollection = None) -> None:
    """Show one document with all its versions."""
    session = session_of(context)
    found = session.client.document(document_id(session.client, document, collection))
    if session.json:
        print_json(found)
        return
    print_table(
        ["", ""],
        [
            ["name", found.name],
            ["id", found.id],
            ["collection", found.collection],
            ["readers see", f"version {found.live_version}" if found.live_version else "nothing yet"],
            *(_access_rows(found.access) if found.access else []),
            *([["legal hold", f"{found.hold.reason} (by {found.hold.placed_by})"]] if found.hold else []),
            *(["nearly the same", f"{near.name} ({near.similarity:.0%})"] for near in found.near_duplicates),
            *([f"{key}", value] for key, value in found.metadata.items()),
        ],
    )
    print_table(
        [
            *(
                "version",
                "state",
                "type",
                "language",
                "size",
                "pages",
                "chunks",
                "kept",
                "added",
                "removed",
                "uploaded",
            ),
            "error",
        ],
        [_version_row(version) for version in found.versions],
    )


@app.command(cls=Command)
def retry(
    context: typer.Context,
    documents: Annotated[
        list[str] | None, typer.Argument(metavar="DOCUMENT…", help="Ids, or with --collection names.")
    ] = None,
    collection: OptionalCollection = None,
    all_failed: Annotated[bool, typer.Option("--failed", help="All failed documents of --collection.")] = False,
) -> None:
    """Try failed documents again, after what was wrong has been put right."""
    session = session_of(context)
    if all_failed and collection and not documents:
        chosen = [found.id for found in session.client.documents(collection, state="failed")]
    elif documents and not all_failed:
        chosen = [document_id(session.client, name, collection) for name in documents]
    else:
        raise Invalid("Name the documents, or a collection with --collection NAME --failed.", code="no_documents")
    begun = [session.client.retry_document(document) for document in chosen]
    if session.json:
        print_json({"retried": models(begun)})
    else:
        say(f"{len(begun)} documents are worked on again; `assay documents list` shows what becomes of them.")


@app.command(cls=Command)
def duplicates(context: typer.Context, collection: CollectionOption) -> None:
    """List documents that say nearly the same."""
    session = session_of(context)
    pairs = list(session.client.duplicates(collection))
    if session.json:
        print_json({"pairs": models(pairs)})
        return
    rows = [[f"{pair.similarity:.0%}", *(found.name for found in pair.documents)] for pair in pairs]
    if rows:
        print_table(["alike", "document", "document"], rows)
    say(f"{len(rows)} pairs say nearly the same." if rows else "No documents say nearly the same.")


def document_id(client: "AssayClient", document: str, collection: str | None) -> str:
    """The id of a document that a person named.

    Raises:
        NotFound: the collection has no document of this name or id.
    """
    if collection is None:
        return document
    for found in client.documents(collection):
        if document in (found.name, found.id):
            return found.id
    raise NotFound(
        f"{collection!r} has no document {document!r}; `assay documents list --collection {collection}` shows all."
    )


def _document_row(document: "DocumentSummary", *, failed: bool) -> list[object]:
    seen = "" if document.live_version in (None, document.version) else f" ({document.live_version} is live)"
    version = f"{document.version}{seen}"
    cells = [document.id, document.name, _state(document), version, document.chunks, size(document.size_bytes)]
    return [*cells, document.error] if failed else list(cells)


def _access_rows(access: "Access") -> list[list[object]]:
    rows: list[list[object]] = [["readable for", ", ".join(access.allow)]]
    return [*rows, ["not readable for", ", ".join(access.deny)]] if access.deny else rows


def _version_row(version: "Version") -> list[object]:
    error = f"{version.error_code}: {version.error}" if version.error_code else None
    uploaded = f"{version.created_at:%Y-%m-%d %H:%M}"
    return [
        version.version,
        version.state,
        version.media_type,
        version.language,
        size(version.size_bytes),
        version.pages,
        version.chunks,
        version.chunks_kept,
        version.chunks_added,
        version.chunks_removed,
        uploaded,
        error,
    ]


def _state(document: "DocumentSummary") -> str:
    working = document.state not in ("ready", "failed")
    return f"{document.state} {document.progress:.0%}" if working else document.state
