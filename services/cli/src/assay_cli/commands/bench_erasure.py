"""`assay bench erasure`: whether deleted documents are gone from every file, looked for by words that only they had."""

import json
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from assay_core.errors import Broken, Unavailable

from assay_cli.commands.ingest import ingest_files
from assay_cli.files import find_files
from assay_cli.output import say
from assay_cli.session import Session

LIMIT_S = 900.0
_LOOK_S = 5.0
_PARAGRAPHS = 2
_MOST_AT_ONCE = 500
_WORDS = ("pressure", "valve", "inspection", "winter", "schedule", "operator", "warranty", "filter", "manual", "spare")


def bench_erasure(session: Session, *, documents: int, keep: bool) -> dict[str, object]:
    """Put documents with canaries in, delete every second one, and scan until nothing is left or 15 minutes are over.

    Raises:
        Broken: a document could not be taken in.
    """
    name = time.strftime("bench-%Y%m%d-%H%M%S")
    session.client.create_collection(name)
    canaries = [secrets.token_hex(16) for _ in range(documents)]
    with tempfile.TemporaryDirectory(prefix="assay-canaries-") as raw:
        folder = Path(raw)
        done, ingest_s = ingest_files(session, name, find_files([_written(folder / "in", canaries)]), wait=True)
        if done.failures:
            raise Broken(f"{len(done.failures)} documents could not be taken in.", code="ingest_failed")
        doomed = canaries[::2]
        before = _scan(session, folder / "all", canaries)
        deleted_s = time.monotonic()
        erasures = _delete(session, name, set(doomed))
        shown = _visible(session, name, doomed)
        complete_s = _until_complete(session, set(erasures), deleted_s)
        after = _scan(session, folder / "doomed", doomed)
    if not keep:
        session.client.delete_collection(name)
    return {
        "documents": documents,
        "chunks": done.chunks,
        "ingest_s": round(ingest_s, 1),
        "deleted": len(erasures),
        "canaries_seen_before": _seen(before),
        "finds_before_by_store": _by_store(before),
        "shown_after_delete": shown,
        "complete_after_s": None if complete_s is None else round(complete_s, 1),
        "canaries_seen_after": _seen(after),
        "finds_after": len(after["found"]),
        "finds_after_by_store": _by_store(after),
        "erasures_proven": len(set(after["proven"]) & set(erasures)),
        "controls_found": sorted(store for store, seen in after["stores"].items() if seen["control_found"]),
        "controls_missed": sorted(store for store, seen in after["stores"].items() if not seen["control_found"]),
        "scanned_bytes": sum(store["bytes"] for store in after["stores"].values()),
        "passed": after["passed"] and complete_s is not None and not shown,
    }


def _written(folder: Path, canaries: Sequence[str]) -> Path:
    folder.mkdir()
    for number, canary in enumerate(canaries):
        paragraphs = (
            f"## Part {part} of {canary}\n\n"
            + " ".join(f"{word} {number} {part} {canary}" for word in _WORDS)
            + f". The {_WORDS[(number + part) % len(_WORDS)]} is called {canary}."
            for part in range(_PARAGRAPHS)
        )
        (folder / f"note-{canary}.md").write_text(f"# Note {canary}\n\n" + "\n\n".join(paragraphs) + "\n")
    return folder


def _delete(session: Session, collection: str, doomed: set[str]) -> list[str]:
    """Delete the documents with these canaries, some hundred a request. Returns the ids of the erasures."""
    from assay_wire.public import DocumentFilter

    found = [one for one in session.client.documents(collection) if one.name[5:-3] in doomed]
    erasures: list[str] = []
    for start in range(0, len(found), _MOST_AT_ONCE):
        ids = [one.id for one in found[start : start + _MOST_AT_ONCE]]
        deleted = session.client.delete_documents(collection, DocumentFilter(ids=ids))
        erasures += [one.job for one in deleted.documents if one.job]
    return erasures


def _visible(session: Session, collection: str, doomed: Sequence[str]) -> int:
    """How many deleted canaries a search still shows, asked for at once after the deletion."""
    return sum(
        1
        for canary in doomed
        if any(canary in hit.text for hit in session.client.search(collection, canary, top_k=5).hits)
    )


def _until_complete(session: Session, wanted: set[str], began_s: float) -> float | None:
    while time.monotonic() - began_s < LIMIT_S:
        left = {one.id for one in session.client.erasures(open_only=True)} & wanted
        if not left:
            return time.monotonic() - began_s
        say(f"{len(left)} of {len(wanted)} erasures are not complete after {time.monotonic() - began_s:.0f} s.")
        time.sleep(_LOOK_S)
    return None


def _scan(session: Session, file: Path, words: Sequence[str]) -> dict[str, Any]:
    file.write_text("\n".join(words))
    argv = [sys.executable, "-m", "assay_cli.main", "erasure", "verify", "--json", f"--seek={file}"]
    argv += [f"--home={session.home}"] if session.home else []
    done = subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=False)
    if not done.stdout:
        raise Unavailable("The stores could not be scanned; see above.", code="not_scanned")
    return json.loads(done.stdout)


def _words_of(report: dict[str, Any]) -> Iterator[dict[str, str]]:
    return (find for find in report["found"] if find["kind"] == "word")


def _seen(report: dict[str, Any]) -> int:
    return len({find["what"] for find in _words_of(report)})


def _by_store(report: dict[str, Any]) -> dict[str, int]:
    stores: dict[str, int] = {}
    for find in report["found"]:
        stores[find["store"]] = stores.get(find["store"], 0) + 1
    return stores
