"""`assay sources`: what collections are kept in step with."""

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from assay_core.errors import Invalid

from assay_cli.confirm import confirmed
from assay_cli.options import CollectionOption, Command
from assay_cli.output import models, print_json, print_table, say
from assay_cli.session import Session, session_of

if TYPE_CHECKING:
    from assay_wire.sources import SourceReply, SourceRun

app = typer.Typer(
    no_args_is_help=True, help="Folders, buckets, sites and mailboxes that collections are kept in step with."
)
add = typer.Typer(no_args_is_help=True, help="Add a source.")
app.add_typer(add, name="add")

SECRET_VARIABLE = "ASSAY_SOURCE_SECRET"
_POLL_S = 1.0
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "": 1}

Name = Annotated[str, typer.Argument(help="What it is called; its documents' names begin with it.")]
Which = Annotated[str, typer.Argument(metavar="NAME", help="The source's name.")]
Every = Annotated[
    str, typer.Option("--every", metavar="TIME", help="How often: 90s, 15m, 6h or 1d; 0: only when asked.")
]
Allow = Annotated[
    list[str] | None,
    typer.Option("--allow", metavar="ID", help="Who may read its documents; as the collection says if not given."),
]
Deny = Annotated[list[str] | None, typer.Option("--deny", metavar="ID", help="Who may not, whatever else allows it.")]
SecretFile = Annotated[
    Path | None,
    typer.Option(
        "--secret-file", help=f"A file with the password or secret key; else {SECRET_VARIABLE}, else it is asked for."
    ),
]


@add.command(cls=Command)
def folder(
    context: typer.Context,
    name: Name,
    path: Path,
    collection: CollectionOption,
    every: Every = "5m",
    allow: Allow = None,
    deny: Deny = None,
) -> None:
    """A folder on the machine that Assay runs on, below one that its administrator allows."""
    _create(context, name, collection, {"kind": "folder", "path": str(path)}, every, allow, deny)


@add.command(cls=Command)
def s3(
    context: typer.Context,
    name: Name,
    endpoint: str,
    bucket: str,
    collection: CollectionOption,
    prefix: Annotated[str, typer.Option(help="Only what begins with it.")] = "",
    region: Annotated[str, typer.Option(help="The bucket's region.")] = "us-east-1",
    access_key: Annotated[str, typer.Option(help="The key's id; none for a public bucket.")] = "",
    secret_file: SecretFile = None,
    every: Every = "15m",
    allow: Allow = None,
    deny: Deny = None,
) -> None:
    """A bucket behind the S3 API."""
    place = {
        "kind": "s3",
        "endpoint": endpoint,
        "bucket": bucket,
        "prefix": prefix,
        "region": region,
        "access_key": access_key,
    }
    secrets = {"secret_key": _secret(secret_file, "Secret key")} if access_key else {}
    _create(context, name, collection, place, every, allow, deny, secrets)


@add.command(cls=Command)
def web(
    context: typer.Context,
    name: Name,
    urls: Annotated[list[str], typer.Argument(help="Sitemaps, RSS or Atom feeds.")],
    collection: CollectionOption,
    host: Annotated[list[str] | None, typer.Option(help="Also take pages of this host.")] = None,
    max_pages: Annotated[int, typer.Option(help="Pages of one run.")] = 1000,
    every: Every = "6h",
    allow: Allow = None,
    deny: Deny = None,
) -> None:
    """The pages that sitemaps and feeds name."""
    place = {"kind": "web", "urls": urls, "hosts": host or [], "max_pages": max_pages}
    _create(context, name, collection, place, every, allow, deny)


@add.command(cls=Command)
def webdav(
    context: typer.Context,
    name: Name,
    url: str,
    collection: CollectionOption,
    username: Annotated[str, typer.Option(help="None for a public folder.")] = "",
    secret_file: SecretFile = None,
    every: Every = "15m",
    allow: Allow = None,
    deny: Deny = None,
) -> None:
    """A WebDAV folder and all below it."""
    secrets = {"password": _secret(secret_file, "Password")} if username else {}
    _create(
        context, name, collection, {"kind": "webdav", "url": url, "username": username}, every, allow, deny, secrets
    )


@add.command(cls=Command)
def imap(
    context: typer.Context,
    name: Name,
    host: str,
    username: str,
    collection: CollectionOption,
    mailbox: Annotated[str, typer.Option(help="The mailbox.")] = "INBOX",
    port: Annotated[int, typer.Option(help="0: the usual one.")] = 0,
    security: Annotated[
        Literal["tls", "starttls", "none"], typer.Option(help="How the connection is protected.")
    ] = "tls",
    secret_file: SecretFile = None,
    every: Every = "15m",
    allow: Allow = None,
    deny: Deny = None,
) -> None:
    """A mailbox; each message becomes a document."""
    place = {"kind": "imap", "host": host, "port": port, "username": username, "mailbox": mailbox, "security": security}
    _create(context, name, collection, place, every, allow, deny, {"password": _secret(secret_file, "Password")})


@add.command(cls=Command)
def plugin(
    context: typer.Context,
    name: Name,
    connector: str,
    collection: CollectionOption,
    setting: Annotated[list[str] | None, typer.Option(metavar="KEY=VALUE", help="A setting of the connector.")] = None,
    every: Every = "15m",
    allow: Allow = None,
    deny: Deny = None,
) -> None:
    """What the connector of another package looks at."""
    settings = dict(_pair(text) for text in setting or [])
    _create(
        context, name, collection, {"kind": "plugin", "connector": connector, "settings": settings}, every, allow, deny
    )


@app.command("list", cls=Command)
def list_all(context: typer.Context) -> None:
    """List sources with their last runs."""
    session = session_of(context)
    found = session.client.sources()
    if session.json:
        print_json({"sources": models(found)})
    elif not found:
        say("No sources yet. `assay sources add --help` tells what there can be.")
    else:
        print_table(
            ["name", "kind", "collection", "documents", "every", "last run", "when", "failed"],
            [_row(source) for source in found],
        )


@app.command(cls=Command)
def run(
    context: typer.Context,
    name: Which,
    confirm_removals: Annotated[
        bool, typer.Option("--confirm-removals", help="Remove documents even if more than half have vanished.")
    ] = False,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for its end.")] = True,
) -> None:
    """Run a source now."""
    session = session_of(context)
    begun = session.client.start_source_run(name, confirm_removals=confirm_removals)
    ended = _wait(session, name, begun) if wait else begun
    if session.json:
        print_json(ended)
    else:
        _tell(name, ended)
    if ended.state in ("failed", "stopped"):
        raise typer.Exit(1)


@app.command(cls=Command)
def runs(
    context: typer.Context, name: Which, limit: Annotated[int, typer.Option(min=1, max=50, help="How many.")] = 10
) -> None:
    """List a source's runs with their counts and errors."""
    session = session_of(context)
    found = session.client.source_runs(name, limit=limit)
    if session.json:
        print_json({"runs": models(found)})
        return
    columns = ["seen", "unchanged", "added", "changed", "removed", "failed", "left_out"]
    print_table(
        ["started", "state", *(column.replace("_", " ") for column in columns)],
        [
            [f"{one.created_at:%Y-%m-%d %H:%M}", one.state, *(getattr(one, column) for column in columns)]
            for one in found
        ],
    )
    if found:
        _tell_errors(found[0])


@app.command(cls=Command)
def change(
    context: typer.Context,
    name: Which,
    every: Annotated[
        str | None, typer.Option("--every", metavar="TIME", help="How often: 90s, 15m, 6h or 1d; 0: only when asked.")
    ] = None,
    paused: Annotated[
        bool | None, typer.Option("--pause/--resume", help="Pause its schedule, or let it go on.")
    ] = None,
    secret_file: Annotated[Path | None, typer.Option(help="A file with the new password or secret key.")] = None,
    allow: Allow = None,
    deny: Deny = None,
) -> None:
    """Change a source: its schedule, its secret, who may read its documents."""
    session = session_of(context)
    changes: dict[str, Any] = {}
    if every is not None:
        changes["every_s"] = seconds(every)
    if paused is not None:
        changes["paused"] = paused
    if allow or deny:
        changes["access"] = _access(allow, deny)
    if secret_file is not None:
        kind = session.client.source(name).kind
        changes["secrets"] = {"secret_key" if kind == "s3" else "password": _secret(secret_file, "")}
    changed = session.client.change_source(name, **changes)
    if session.json:
        print_json(changed)
    else:
        say(f"Source {changed.name!r} is changed.")


@app.command(cls=Command)
def remove(
    context: typer.Context,
    name: Which,
    delete_documents: Annotated[
        bool, typer.Option("--delete-documents/--keep-documents", help="What becomes of its documents.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Remove a source, and its documents if they are to go."""
    session = session_of(context)
    documents = session.client.source(name).documents
    what = f"with its {documents} documents" if delete_documents else f"and keep its {documents} documents"
    confirmed(f"Remove the source {name!r} {what}?", yes=yes)
    gone = session.client.delete_source(name, delete_documents=delete_documents)
    if session.json:
        print_json(gone)
    else:
        say(f"Source {gone.source!r} is removed; {gone.documents} documents are being removed with it.")


def seconds(text: str) -> int:
    """A time such as 90s, 15m, 6h or 1d. Raises `Invalid`."""
    found = re.fullmatch(r"(\d{1,9})([smhd]?)", text.strip(), re.ASCII)
    if found is None:
        raise Invalid(f"{text!r} is no time; write 90s, 15m, 6h or 1d, or 0 for only when asked.", code="bad_time")
    return int(found[1]) * _UNITS[found[2]]


def _create(
    context: typer.Context,
    name: str,
    collection: str,
    place: Mapping[str, object],
    every: str,
    allow: list[str] | None,
    deny: list[str] | None,
    secrets: Mapping[str, str] | None = None,
) -> None:
    session = session_of(context)
    every_s = seconds(every)
    session.client.ensure_collection(collection)
    made = session.client.create_source(
        name, collection, place, secrets=dict(secrets or {}), every_s=every_s, access=_access(allow, deny)
    )
    if session.json:
        print_json(made)
    elif every_s:
        say(f"Source {made.name!r} is added; its first run begins now. See it with `assay sources runs {made.name}`.")
    else:
        say(f"Source {made.name!r} is added. Run it with `assay sources run {made.name}`.")


def _access(allow: list[str] | None, deny: list[str] | None) -> dict[str, list[str]] | None:
    return {"allow": allow or ["everyone"], "deny": deny or []} if allow or deny else None


def _secret(file: Path | None, what: str) -> str:
    """A secret from a file, a variable or the keyboard; never from the command line, which others can see."""
    if file is not None:
        try:
            return file.read_text().strip()
        except OSError as error:
            raise Invalid(f"Cannot read {str(file)!r}: {error.strerror}.", code="bad_secret") from error
    if value := os.environ.get(SECRET_VARIABLE):
        return value
    if not sys.stdin.isatty():
        raise Invalid(
            f"There is no {what.lower()}; name a file with --secret-file, or set {SECRET_VARIABLE}.", code="bad_secret"
        )
    return str(typer.prompt(what, hide_input=True, err=True))


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise Invalid(f"{text!r} is no setting; write KEY=VALUE.", code="bad_setting")
    return key, value


def _wait(session: Session, name: str, begun: "SourceRun") -> "SourceRun":
    while True:
        now = next((one for one in session.client.source_runs(name) if one.id == begun.id), begun)
        if now.state in ("done", "failed", "stopped"):
            return now
        session.sleep(_POLL_S)


def _tell(name: str, ended: "SourceRun") -> None:
    shown = ("seen", "added", "changed", "removed", "failed")
    counts = ", ".join(f"{getattr(ended, name)} {name}" for name in shown)
    say(f"Source {name!r}: {ended.state}; {counts}.")
    _tell_errors(ended)


def _tell_errors(ended: "SourceRun") -> None:
    if ended.error:
        say(f"{ended.error_code}: {ended.error}")
    for error in ended.errors:
        say(f"Failed: {error.item}: {error.code}: {error.message}")


def _row(source: "SourceReply") -> list[object]:
    last = source.last_run
    every = "paused" if source.paused else f"{source.every_s} s" if source.every_s else "when asked"
    when = f"{last.created_at:%Y-%m-%d %H:%M}" if last else None
    ran = [last and last.state, when, last.failed if last else None]
    return [source.name, source.kind, source.collection, source.documents, every, *ran]
