"""Golden sets: what makes a question scorable, and the one form of a set whose hash everybody can check."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, cast

from assay_core.answers import Turn
from assay_core.errors import Invalid
from assay_core.evaluation import GoldenPassage, GoldenQuestion

TRAFFIC = "traffic"
"""Stands for yesterday's answers where a golden set is named."""
MAX_QUESTIONS = 5_000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, slots=True)
class GoldenSet:
    """One version of a golden set. Versions count from 1 and never change.

    Attributes:
        sha256: of the set as `as_jsonl` writes it, when it was stored.
        questions: how many there were then.
        erased: how many of them have gone since, with documents that were deleted.
        licence, source: as whoever stored it said; empty if they did not.
        candidate: nobody has reviewed it yet; nights pass over it.
    """

    name: str
    version: int
    sha256: str
    questions: int
    erased: int
    licence: str
    source: str
    created_by: str
    created_at: datetime
    candidate: bool = False


def as_jsonl(questions: Sequence[GoldenQuestion]) -> str:
    """The set as JSON lines, sorted by id, with sorted members: equal sets are equal bytes."""
    lines = (json.dumps(asdict(q), sort_keys=True, ensure_ascii=False) for q in sorted(questions, key=lambda q: q.id))
    return "".join(f"{line}\n" for line in lines)


def sha256_of(questions: Sequence[GoldenQuestion]) -> str:
    """SHA-256 of a golden set, whatever the order of its questions."""
    return hashlib.sha256(as_jsonl(questions).encode("utf-8", "surrogatepass")).hexdigest()


def check_set(name: str, questions: Sequence[GoldenQuestion]) -> None:
    """Raise `Invalid` for a set that cannot be stored, naming the question by its number."""
    if not _NAME.fullmatch(name) or name == TRAFFIC:
        raise Invalid(
            f"{name!r} cannot name a golden set: use 1 to 100 of A-Z, a-z, 0-9, '.', '_', '-';"
            f" {TRAFFIC!r} stands for yesterday's answers.",
            code="bad_dataset_name",
        )
    if not questions:
        raise Invalid("The golden set has no questions; send at least one.", code="empty")
    if len(questions) > MAX_QUESTIONS:
        raise Invalid(
            f"The golden set has {len(questions):,} questions; the limit is {MAX_QUESTIONS:,}. Divide it.",
            code="bad_dataset",
        )
    seen = set[str]()
    for number, question in enumerate(questions, 1):
        check_question(question, f"question {number}")
        if question.id in seen:
            raise Invalid(f"question {number}: the id {question.id!r} stands there twice.", code="bad_dataset")
        seen.add(question.id)


def check_question(question: GoldenQuestion, where: str) -> None:
    """Raise `Invalid`, naming `where`, for a question that cannot be scored."""
    if not question.id.strip() or not question.question.strip():
        raise Invalid(f"{where}: a golden question needs an id and a question.", code="bad_dataset")
    if question.answerable and not question.passages:
        raise Invalid(
            f"{where}: {question.id!r} is answerable but names no passage; add one, or set answerable to false.",
            code="bad_dataset",
        )
    if not question.answerable and question.passages:
        raise Invalid(f"{where}: {question.id!r} has no answer, so it can have no passage.", code="bad_dataset")


def read_question(raw: Mapping[str, Any], where: str) -> GoldenQuestion:
    """A golden question from JSON; members that are not known are passed over.

    Raises `Invalid`, naming `where`, if it is malformed or contradicts itself.
    """
    question = GoldenQuestion(
        id=text_of(raw, "id", where),
        question=text_of(raw, "question", where),
        answer=text_of(raw, "answer", where) if raw.get("answer") is not None else "",
        answerable=_answerable(raw, where),
        passages=tuple(_passage(passage, where) for passage in list_of(raw, "passages", where)),
        type=text_of(raw, "type", where) if "type" in raw else "factoid",
        alternatives=_texts(raw, "alternatives", where),
        about=_texts(raw, "about", where),
        history=tuple(_turn(turn, where) for turn in list_of(raw, "history", where)),
    )
    check_question(question, where)
    return question


def text_of(raw: Mapping[str, Any], field: str, where: str) -> str:
    """A member that must be a string. Raises `Invalid`."""
    value = raw.get(field)
    if not isinstance(value, str):
        raise Invalid(f"{where}: the field {field!r} must be a string.", code="bad_dataset")
    return value


def list_of(raw: Mapping[str, Any], field: str, where: str) -> list[object]:
    """A member that must be a list, or may be absent. Raises `Invalid`."""
    value = raw.get(field) or []
    if not isinstance(value, list):
        raise Invalid(f"{where}: the field {field!r} must be a list.", code="bad_dataset")
    return cast(list[object], value)


def _texts(raw: Mapping[str, Any], field: str, where: str) -> tuple[str, ...]:
    found = list_of(raw, field, where)
    if not all(isinstance(one, str) for one in found):
        raise Invalid(f"{where}: the field {field!r} must hold strings.", code="bad_dataset")
    return tuple(cast(list[str], found))


def _answerable(raw: Mapping[str, Any], where: str) -> bool:
    value = raw.get("answerable", True)
    if not isinstance(value, bool):
        raise Invalid(f"{where}: the field 'answerable' must be true or false.", code="bad_dataset")
    return value


def _turn(raw: object, where: str) -> Turn:
    if not isinstance(raw, dict):
        raise Invalid(f"{where}: a turn of the history is an object with role and content.", code="bad_dataset")
    fields = cast(dict[str, Any], raw)
    turn = Turn(text_of(fields, "role", where), text_of(fields, "content", where))
    if turn.role not in ("user", "assistant"):
        raise Invalid(f"{where}: the role {turn.role!r} of a turn must be user or assistant.", code="bad_dataset")
    return turn


def _passage(raw: object, where: str) -> GoldenPassage:
    if not isinstance(raw, dict):
        raise Invalid(f"{where}: a passage is an object with document and quote.", code="bad_dataset")
    fields = cast(dict[str, Any], raw)
    grade = fields.get("grade", 1)
    if not isinstance(grade, int) or isinstance(grade, bool) or grade < 1:
        raise Invalid(
            f"{where}: the grade of a passage is {grade!r}; it must be an integer from 1.", code="bad_dataset"
        )
    return GoldenPassage(text_of(fields, "document", where), text_of(fields, "quote", where), grade)
