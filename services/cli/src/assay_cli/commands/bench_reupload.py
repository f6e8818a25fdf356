"""`assay bench reupload`: what it costs to upload again what has hardly changed."""

import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from assay_core.errors import Broken

from assay_cli.commands.ingest import ingest_files
from assay_cli.edited_documents import (
    MAX_PASSAGES,
    LongDocument,
    every_hundredth_passage,
    long_documents,
    one_word_in_a_hundredth,
)
from assay_cli.figures import show
from assay_cli.files import find_files
from assay_cli.ingestion import Ingest
from assay_cli.options import Command, OptionalCollection
from assay_cli.output import say
from assay_cli.parts import running_parts
from assay_cli.session import Session, session_of

_SETTLE_S = 8.0
"""What the platform does after the last document is searchable (it tidies its indexes) belongs to its round."""
_FULL = "full"


def register(app: typer.Typer) -> None:
    app.command("reupload", cls=Command)(reupload)


@dataclass(frozen=True)
class Round:
    """What one upload of all documents took. `cpu_s` is by part, and empty for a platform elsewhere."""

    outcome: Ingest
    seconds: float
    cpu_s: dict[str, float]

    @property
    def total_cpu_s(self) -> float:
        return sum(self.cpu_s.values())


def reupload(
    context: typer.Context,
    collection: OptionalCollection = None,
    documents: Annotated[int, typer.Option(min=1, help="How many long documents.")] = 20,
    passages: Annotated[int, typer.Option(min=2, max=MAX_PASSAGES, help="How many passages each has.")] = 100,
    seed: Annotated[int, typer.Option(help="The same seed makes the same documents and edits.")] = 0,
    keep: Annotated[bool, typer.Option(help="Keep the collection afterwards.")] = False,
) -> None:
    """Measure what it costs to upload documents again of which 1 % has changed, beside taking them in whole.

    All in one run: everything new; the same bytes again; a new sentence in one of each hundred passages, all over the
    documents; one word in one document of a hundred. Processor time is that of all parts of a platform on this
    machine, less what they take at rest.
    """
    session = session_of(context)
    name = collection or time.strftime("bench-%Y%m%d-%H%M%S")
    session.client.create_collection(name)
    first = long_documents(documents, passages, seed=seed)
    hundredth = every_hundredth_passage(first, seed=seed)
    states = {
        _FULL: first,
        "same_bytes": first,
        "one_passage_in_100": hundredth,
        "one_word_in_one_document_in_100": one_word_in_a_hundredth(hundredth, seed=seed),
    }
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as folder:
        _upload(session, name, Path(folder) / "warm-up", long_documents(1, 2, seed=seed + 1, called="Warm-up"))
        resting_cores = _resting_cores(session)
        rounds = {
            called: _measured(session, name, Path(folder) / called, state, resting_cores)
            for called, state in states.items()
        }
    if not keep:
        session.client.delete_collection(name)
    show(
        session,
        {
            "collection": name,
            "documents": documents,
            "passages": documents * passages,
            "resting_cores": round(sum(resting_cores.values()), 3),
            "load_average": [round(load, 1) for load in os.getloadavg()],
            **{called: figures(each, rounds[_FULL]) for called, each in rounds.items()},
        },
    )


def _measured(
    session: Session, name: str, folder: Path, state: list[LongDocument], resting_cores: dict[str, float]
) -> Round:
    say(f"Uploading: {folder.name}.")
    started_s, before_s = time.monotonic(), _cpu_s(session)
    outcome, seconds = _upload(session, name, folder, state)
    session.sleep(_SETTLE_S)
    spent_s = {part: cpu_s - before_s.get(part, 0.0) for part, cpu_s in _cpu_s(session).items()}
    passed_s = time.monotonic() - started_s
    own_s = {part: cpu_s - resting_cores.get(part, 0.0) * passed_s for part, cpu_s in spent_s.items()}
    return Round(outcome, seconds, {part: cpu_s for part, cpu_s in own_s.items() if cpu_s > 0})


def _upload(session: Session, name: str, folder: Path, state: list[LongDocument]) -> tuple[Ingest, float]:
    folder.mkdir()
    for document in state:
        (folder / document.name).write_text(document.text, encoding="utf-8")
    outcome, seconds = ingest_files(session, name, find_files([folder]), wait=True)
    if outcome.failures:
        raise Broken(f"{outcome.failures[0].name!r} failed: {outcome.failures[0].message}", code="not_all_ready")
    return outcome, seconds


def _resting_cores(session: Session) -> dict[str, float]:
    session.sleep(_SETTLE_S)
    started_s, before_s = time.monotonic(), _cpu_s(session)
    session.sleep(_SETTLE_S)
    passed_s = time.monotonic() - started_s
    return {part: (cpu_s - before_s.get(part, cpu_s)) / passed_s for part, cpu_s in _cpu_s(session).items()}


def _cpu_s(session: Session) -> dict[str, float]:
    if session.gateway.url_source in ("--url", "ASSAY_URL"):
        return {}
    return {part: cpu_s for part, cpu_s, _ in running_parts(session.home)}


def figures(one: Round, full: Round) -> dict[str, Any]:
    """What a round took, and how much of the full one that is."""
    outcome = one.outcome
    found: dict[str, Any] = {
        "uploaded": outcome.uploaded,
        "unchanged": outcome.unchanged,
        "chunks_kept": outcome.kept,
        "chunks_added": outcome.added,
        "chunks_removed": outcome.removed,
        "seconds": round(one.seconds, 2),
        "cpu_s": round(one.total_cpu_s, 2),
        "cpu_s_by_part": {part: round(cpu_s, 2) for part, cpu_s in sorted(one.cpu_s.items()) if cpu_s >= 0.005},
    }
    if one is not full:
        found["seconds_of_full"] = round(one.seconds / full.seconds, 4)
        found["cpu_of_full"] = round(one.total_cpu_s / full.total_cpu_s, 4) if full.cpu_s else None
    return found
