"""What rankers are trained and measured on: questions, each with the passages that a search found for it.

A collection's come from its golden sets and its own search. Feedback that a reviewer accepted is such a set too, so
that a ranker can be tuned to both.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

from assay_core.collection_settings import Searching
from assay_core.errors import Invalid
from assay_core.evaluation import GoldenQuestion
from assay_core.fusion import DENSE, fuse, reranking_order
from assay_core.golden_sets import text_of
from assay_wire.clients import AssayClient
from assay_wire.public import Hit

from assay_evals import golden
from assay_evals.datasets import json_lines
from assay_evals.fusion_learning import DEPTH, asked_of_indexes
from assay_evals.uploading import Progress

CANDIDATES = 10
"""How many the retrieval service has reranked."""


@dataclass(frozen=True, slots=True)
class Found:
    """A passage as a reranker reads it, with its fused score and its grade; 0 means not relevant, or not judged."""

    text: str
    score: float
    grade: int = 0


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with what was found for it, those first that a reranker should see first.

    `missing` are the grades of relevant passages that were not found; a ranking cannot be perfect then. `document` is
    what the question was made from, where it was made: questions of one document are never divided between training
    and development.
    """

    set: str
    document: str
    query: str
    found: tuple[Found, ...]
    missing: tuple[int, ...] = ()


def ask_collection(
    client: AssayClient,
    collection: str,
    questions: Sequence[GoldenQuestion],
    searching: Searching,
    on_progress: Progress = lambda _what, _done, _total: None,
) -> list[Asked]:
    """Each golden question that has gold passages with what the collection's search finds; follow-ups are left out.

    Raises:
        Unavailable: an index did not answer.
    """
    usable = [question for question in questions if question.passages and not question.history]
    asked: list[Asked] = []
    for number, question in enumerate(usable, 1):
        rankings, hits = asked_of_indexes(client, collection, question.question)
        order = reranking_order(fuse(rankings, searching), size=CANDIDATES, first=DENSE)[:DEPTH]
        found = [Found(_as_read(hit := hits[one.chunk]), one.score, _grade(hit, question)) for one in order]
        shown = [gold for gold in question.passages if any(golden.shows(hits[one.chunk], gold) for one in order)]
        missing = tuple(gold.grade for gold in question.passages if gold not in shown)
        asked.append(Asked(collection, question.passages[0].document, question.question, tuple(found), missing))
        on_progress("questions", number, len(usable))
    return asked


def _grade(hit: Hit, question: GoldenQuestion) -> int:
    return max((gold.grade for gold in question.passages if golden.shows(hit, gold)), default=0)


def _as_read(hit: Hit) -> str:
    return f"{hit.heading}\n{hit.text}" if hit.heading else hit.text


def is_held_back(asked: Asked, share: float) -> bool:
    """Whether a question is kept from training, by a hash of its document: the same ones in every run."""
    digest = hashlib.sha256(f"{asked.set}\0{asked.document}".encode()).digest()
    return int.from_bytes(digest[:8]) < share * 2**64


def write(path: Path, asked: Iterable[Asked]) -> int:
    """Write questions as JSON lines. Returns how many."""
    written = [json.dumps(asdict(one), ensure_ascii=False) + "\n" for one in asked]
    path.write_text("".join(written))
    return len(written)


def read(path: Path) -> Iterator[Asked]:
    """The inverse of `write`. Raises `Invalid`, naming file and line."""
    try:
        for where, raw in json_lines(path):
            yield _asked(raw, where)
    except OSError as error:
        raise Invalid(f"{str(path)!r} cannot be read: {error.strerror}.", code="bad_dataset") from error


def _asked(raw: dict[str, Any], where: str) -> Asked:
    found, missing = raw.get("found"), raw.get("missing", [])
    if not isinstance(found, list) or not isinstance(missing, list):
        raise Invalid(
            f"{where}: 'found' and 'missing' are lists; `assay train candidates` writes them.", code="bad_dataset"
        )
    try:
        return Asked(
            str(raw.get("set", "")),
            str(raw.get("document", "")),
            text_of(raw, "query", where),
            tuple(Found(str(one["text"]), float(one["score"]), int(one["grade"])) for one in _objects(found)),
            tuple(int(grade) for grade in missing),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Invalid(f"{where}: a passage has 'text', 'score' and 'grade' ({error}).", code="bad_dataset") from error


def _objects(found: Sequence[Any]) -> Iterator[dict[str, Any]]:
    for one in found:
        if not isinstance(one, dict):
            raise TypeError(f"{one!r} is no object")
        yield cast("dict[str, Any]", one)
