"""The sample corpus of a fictional company and the golden questions asked about it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

QuestionType = Literal[
    "factoid", "procedure", "table", "exception", "comparison", "multi_hop", "versioned",
    "unanswerable", "false_premise",
]  # fmt: skip

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class GoldPassage:
    """The words of a document that hold the answer, or a part of it."""

    document: str
    quote: str


@dataclass(frozen=True, slots=True)
class GoldenQuestion:
    """A question with its reference answer and the passages that prove it."""

    id: str
    question: str
    answerable: bool
    answer: str
    passages: tuple[GoldPassage, ...]
    type: QuestionType
    no_shared_words: bool


def documents() -> list[Path]:
    """The files of the corpus, sorted by name."""
    return sorted(path for path in (HERE / "documents").iterdir() if path.is_file())


def golden() -> list[GoldenQuestion]:
    """The golden questions in file order."""
    lines = (HERE / "golden.jsonl").read_text(encoding="utf-8").splitlines()
    return [_question(cast("Mapping[str, object]", json.loads(line))) for line in lines if line.strip()]


def _question(raw: Mapping[str, object]) -> GoldenQuestion:
    passages = cast("Sequence[Mapping[str, str]]", raw["passages"])
    return GoldenQuestion(
        id=str(raw["id"]),
        question=str(raw["question"]),
        answerable=raw["answerable"] is True,
        answer=str(raw["answer"]),
        passages=tuple(GoldPassage(passage["document"], passage["quote"]) for passage in passages),
        type=cast("QuestionType", raw["type"]),
        no_shared_words=raw["no_shared_words"] is True,
    )
