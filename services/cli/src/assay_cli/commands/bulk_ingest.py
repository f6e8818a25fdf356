"""The bulk path of `assay ingest` and `assay bench ingest`: ready passages by the hundred thousand."""

import time
from collections.abc import Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

from assay_cli import bulk
from assay_cli.bulk import Loaded
from assay_cli.output import say
from assay_cli.progress import bar
from assay_cli.session import Session

if TYPE_CHECKING:
    from assay_wire.public import BatchProgress

_SHOWN = 20


def load_passages(
    session: Session,
    collection: str,
    paths: Sequence[Path],
    *,
    limit: int | None,
    wait: bool,
    metadata: Mapping[str, str] | None = None,
) -> "dict[str, object]":
    """Send the passages of `paths`, wait if wanted, show progress and failures. Returns the outcome for machines.

    `metadata` is that of passages which have no value of their own.
    """
    started = time.monotonic()
    found = chain.from_iterable(map(bulk.passages_of, paths))
    passages = (bulk.with_metadata(passage, metadata or {}) for passage in islice(found, limit))
    with bar("Sending", limit or 0) as sending:
        loaded = bulk.load(
            session.client,
            collection,
            passages,
            on_sent=lambda so_far: sending.update(so_far.sent, f"{so_far.sent:,} sent, {so_far.unchanged:,} unchanged"),
            sleep=session.sleep,
        )
    through = _wait(session, loaded) if wait and loaded.created + loaded.changed else None
    seconds = time.monotonic() - started
    failures = _failures(session, loaded, through)
    for failure in failures[:_SHOWN]:
        say(f"Failed: {failure['id']}: {failure['code']}: {failure['message']}")
    if len(failures) > _SHOWN:
        say(f"… and {len(failures) - _SHOWN} more; `assay jobs list --batch {loaded.batch}` shows them.")
    ready = 0 if through is None else through.states.get("ready", 0)
    return {
        "collection": collection,
        "batch": loaded.batch,
        "sent": loaded.sent,
        "created": loaded.created,
        "changed": loaded.changed,
        "unchanged": loaded.unchanged,
        "ready": ready,
        "failed": len(failures),
        "waiting": 0 if through else loaded.created + loaded.changed,
        "seconds": round(seconds, 3),
        "passages_per_s": round(ready / seconds, 2) if seconds > 0 else 0.0,
        "failures": failures,
    }


def _wait(session: Session, loaded: Loaded) -> "BatchProgress":
    with bar("Making searchable", loaded.created + loaded.changed) as searching:

        def look(found: "BatchProgress") -> None:
            left = "" if found.left_s is None else f", {found.left_s:.0f} s left"
            searching.update(found.documents - found.open, f"{found.documents_per_s:.0f} passages/s{left}")

        return bulk.wait(session.client, loaded, on_look=look, sleep=session.sleep)


def _failures(session: Session, loaded: Loaded, found: "BatchProgress | None") -> list[dict[str, object]]:
    refused: list[dict[str, object]] = [
        {"id": one.id or f"line {one.line}", "code": one.code, "message": one.message} for one in loaded.refused
    ]
    if found is None or not found.states.get("failed"):
        return refused
    jobs = session.client.jobs(state="dead", batch=loaded.batch)
    return refused + [{"id": j.document_name, "code": j.error_code or "failed", "message": j.error or ""} for j in jobs]


def say_summary(result: dict[str, object]) -> None:
    """The outcome for people."""
    say(
        f"{result['created']} new, {result['changed']} changed, {result['unchanged']} unchanged, {result['ready']}"
        f" searchable, {result['failed']} failed, in {result['seconds']} s ({result['passages_per_s']} passages/s)."
    )
