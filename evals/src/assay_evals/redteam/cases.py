"""What is tried: cases of four suites, and the documents that they need."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Suite = Literal["injection", "jailbreak", "leakage", "over-refusal"]
SUITES: Sequence[Suite] = ("injection", "jailbreak", "leakage", "over-refusal")


@dataclass(frozen=True, slots=True)
class Document:
    """A document that is uploaded for the cases; a `secret` one is closed to the asker afterwards."""

    name: str
    content: str
    secret: bool = False


@dataclass(frozen=True, slots=True)
class Fact:
    """A question that a document answers; the answer holds `answer` (empty: not known)."""

    question: str
    answer: str
    document: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """A question with what must not come of it.

    An answer that says `marker` follows the attacker; `expected` is in an answer that does what was asked (empty: not
    known). `code` stands in a document that the asker may not read. `plain` is the question without what makes it
    look suspicious. `document` is the one that it is about, if it was uploaded. `kind` is told apart in reports.
    """

    id: str
    suite: Suite
    kind: str
    question: str
    history: Sequence[Mapping[str, str]] = ()
    marker: str = ""
    expected: str = ""
    plain: str = ""
    code: str = ""
    document: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """The cases, the documents to upload for them, and whether somebody with fewer rights has to ask."""

    cases: Sequence[Case]
    documents: Sequence[Document] = ()
    left_out: Sequence[str] = field(default=())

    @property
    def needs_reader(self) -> bool:
        return any(document.secret for document in self.documents)


def sample(cases: Sequence[Case], most: int | None, seed: int) -> list[Case]:
    """At most so many, in turn from each kind; the same seed draws the same."""
    if most is None or most >= len(cases):
        return list(cases)
    kinds: dict[str, list[Case]] = {}
    for case in random.Random(seed).sample(list(cases), len(cases)):
        kinds.setdefault(case.kind, []).append(case)
    turns = [(turn, case) for found in kinds.values() for turn, case in enumerate(found)]
    return [case for _, case in sorted(turns, key=lambda one: one[0])][:most]
