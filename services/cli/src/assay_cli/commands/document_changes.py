"""`assay documents`: changing what is there."""

import uuid
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from assay_core.errors import Invalid

from assay_cli.commands.documents import Document, State, document_id
from assay_cli.confirm import confirmed
from assay_cli.metadata import metadata_option, metadata_pairs
from assay_cli.options import Command, OptionalCollection
from assay_cli.output import models, print_json, print_table, say
from assay_cli.session import Session, session_of

if TYPE_CHECKING:
    from assay_wire.public import BulkDeleted, DocumentFilter, HeldDocument

_LISTED = 20
_Names = Annotated[
    list[str] | None,
    typer.Option("--name", metavar="PATTERN", help="Names that fit: * stands for anything, also /. May be repeated."),
]
_Metadata = Annotated[list[str] | None, metadata_option("May be repeated.")]
_Time = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="Of the newest version, in local time."),
]


def register(app: typer.Typer) -> None:
    app.command("set", cls=Command)(change)
    app.command(cls=Command)(replace)
    app.command(cls=Command)(delete)
    app.command(cls=Command)(hold)
    app.command(cls=Command)(holds)
    app.command(cls=Command)(release)


def change(
    context: typer.Context,
    document: Document,
    collection: OptionalCollection = None,
    metadata: _Metadata = None,
    without: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Metadata to take out. May be repeated.")
    ] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option(metavar="WHO", help="Users and groups who may read it, or everyone: in place of all before."),
    ] = None,
    deny: Annotated[
        list[str] | None, typer.Option(metavar="WHO", help="Users and groups who may not, whatever allows it.")
    ] = None,
) -> None:
    """Change a document's metadata, or who may read it. Its text stays as it is."""
    from assay_wire import public

    session = session_of(context)
    fields: dict[str, object] = {}
    if metadata or without:
        fields["metadata"] = {**metadata_pairs(metadata), **dict.fromkeys(without or [])}
    if allow or deny:
        fields["access"] = {"allow": allow or ["everyone"], "deny": deny or []}
    if not fields:
        raise Invalid("Say what to change: --metadata, --without, --allow or --deny.", code="no_change")
    found = session.client.change_document(
        document_id(session.client, document, collection), public.DocumentChange.model_validate(fields)
    )
    if session.json:
        print_json(found)
    else:
        say(f"Changed {found.name!r}." + (" Who lost access sees nothing of it from now on." if allow or deny else ""))


def replace(
    context: typer.Context,
    document: Document,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The new version.")],
    collection: OptionalCollection = None,
) -> None:
    """Upload a new version of a document, which keeps its name."""
    session = session_of(context)
    identity = document_id(session.client, document, collection)
    try:
        sent = session.client.put_document(identity, file, idempotency_key=uuid.uuid4().hex)
    except OSError as error:
        raise Invalid(f"{str(file)!r} cannot be read: {error.strerror}.", code="unreadable") from error
    if session.json:
        print_json(sent)
    elif sent.unchanged:
        say(f"Nothing to do: version {sent.version} of {sent.name!r} has these bytes already.")
    else:
        say(f"Version {sent.version} of {sent.name!r} is on its way; `assay documents show` tells what it changed.")


def delete(
    context: typer.Context,
    documents: Annotated[
        list[str] | None, typer.Argument(metavar="DOCUMENT…", help="Ids, or with --collection names.")
    ] = None,
    collection: OptionalCollection = None,
    names: _Names = None,
    state: Annotated[State | None, typer.Option(help="Only those in this state.")] = None,
    metadata: _Metadata = None,
    uploaded_before: _Time = None,
    uploaded_after: _Time = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say which they are.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete documents by name or id, or all of a collection that fit every given filter.

    They are gone from answers at once.
    """
    session = session_of(context)
    filtered = bool(names or state or metadata or uploaded_before or uploaded_after)
    if documents and not filtered and not dry_run:
        _delete_named(session, documents, collection, yes=yes)
    elif filtered and collection and not documents:
        wanted = _filter(names, state, metadata, uploaded_before, uploaded_after)
        _delete_fitting(session, collection, wanted, dry_run=dry_run, yes=yes)
    else:
        raise Invalid(
            "Name the documents, or give --collection with a filter: --name, --state, --metadata, --uploaded-before"
            " or --uploaded-after.",
            code="no_documents",
        )


def hold(
    context: typer.Context,
    document: Document,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; shown to whoever looks at the hold.")],
    collection: OptionalCollection = None,
) -> None:
    """Place a legal hold: the document keeps its text and old versions, also when it is deleted."""
    session = session_of(context)
    placed = session.client.hold(document_id(session.client, document, collection), reason=reason)
    if session.json:
        print_json(placed)
    else:
        say(f"{placed.document_id} is held: {placed.reason}")


def holds(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, help="Only so many.")] = 100,
) -> None:
    """List legal holds, those placed last first. What was deleted under one has no name any more."""
    session = session_of(context)
    found = list(islice(session.client.holds(), limit))
    if session.json:
        print_json({"holds": models(found)})
        return
    if not found:
        say("No legal holds.")
        return
    print_table(["document", "name", "reason", "placed by", "placed", "deleted as"], [_hold_row(one) for one in found])


def release(context: typer.Context, document: Document, collection: OptionalCollection = None) -> None:
    """Lift a legal hold. What was deleted under it is erased now."""
    session = session_of(context)
    lifted = session.client.lift_hold(document_id(session.client, document, collection))
    if session.json:
        print_json(lifted)
    else:
        say(f"No longer held: {', '.join(lifted.document_ids)}.")


def _hold_row(held: "HeldDocument") -> list[object]:
    placed = held.placed_at.astimezone().isoformat(" ", "seconds")
    return [held.document_id, held.name, held.reason, held.placed_by, placed, held.erasure_id]


def _delete_named(session: Session, documents: list[str], collection: str | None, *, yes: bool) -> None:
    chosen = [session.client.document(document_id(session.client, name, collection)) for name in documents]
    names = ", ".join(repr(document.name) for document in chosen)
    confirmed(f"Delete {names} with all versions?", yes=yes)
    deletions = [session.client.delete_document(document.id) for document in chosen]
    if session.json:
        print_json({"deleted": models(deletions)})
    else:
        say(f"Deleted {names}: gone from answers now, and from the stores in a moment.")


def _delete_fitting(session: Session, collection: str, wanted: "DocumentFilter", *, dry_run: bool, yes: bool) -> None:
    look = session.client.delete_documents(collection, wanted, dry_run=True)
    if dry_run or not look.count:
        _show_look(session, look)
        return
    if not session.json:
        _list_names(look)
    confirmed(f"Delete {look.count} documents of {collection!r} with all versions?", yes=yes)
    deleted = list(_batches(session, collection, wanted))
    count = sum(len(batch.documents) for batch in deleted)
    if session.json:
        print_json({"count": count, "deleted": [d for batch in deleted for d in models(batch.documents)]})
    else:
        say(f"Deleted {count} documents: gone from answers now, and from the stores in a moment.")


def _batches(session: Session, collection: str, wanted: "DocumentFilter") -> "list[BulkDeleted]":
    done: list[BulkDeleted] = []
    while not done or done[-1].more:
        done.append(session.client.delete_documents(collection, wanted, idempotency_key=uuid.uuid4().hex))
    return done


def _show_look(session: Session, look: "BulkDeleted") -> None:
    if session.json:
        print_json(look)
        return
    _list_names(look)
    say(f"{look.count} documents fit." + (" Nothing was deleted." if look.count else ""))


def _list_names(look: "BulkDeleted") -> None:
    for document in look.documents[:_LISTED]:
        say(f"  {document.name}")
    if look.count > _LISTED:
        say(f"  … and {look.count - _LISTED} more")


def _filter(
    names: list[str] | None,
    state: str | None,
    metadata: list[str] | None,
    uploaded_before: datetime | None,
    uploaded_after: datetime | None,
) -> "DocumentFilter":
    from assay_wire import public

    return public.DocumentFilter.model_validate(
        {
            "names": names or [],
            "states": [state] if state else [],
            "metadata": metadata_pairs(metadata),
            "uploaded_before": uploaded_before and uploaded_before.astimezone(),
            "uploaded_after": uploaded_after and uploaded_after.astimezone(),
        }
    )
