"""Evaluation: golden questions, scored samples and runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from assay_core.answers import Turn, Verdict


class RunState(StrEnum):
    """Life of an evaluation run."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class GoldenPassage:
    """Where the answer stands: a document by name and a verbatim quote from it; without one, the whole document.

    `grade` says how much it tells, from 1 up.
    """

    document: str
    quote: str
    grade: int = 1


@dataclass(frozen=True, slots=True)
class GoldenQuestion:
    """A question with a known answer; an unanswerable one has no passages and an empty answer.

    `alternatives` are answers that are as good as the first; `about` names documents that it was made from without
    being answered there. `history` is the conversation before a follow-up.
    """

    id: str
    question: str
    answer: str
    answerable: bool
    passages: tuple[GoldenPassage, ...] = ()
    type: str = "factoid"
    alternatives: tuple[str, ...] = ()
    about: tuple[str, ...] = ()
    history: tuple[Turn, ...] = ()

    @property
    def accepted(self) -> tuple[str, ...]:
        """Every accepted answer; none if no answer is known."""
        return tuple(answer for answer in (self.answer, *self.alternatives) if answer.strip())


@dataclass(frozen=True, slots=True)
class TriadSample:
    """What a judge of the RAG triad sees: one question, the passages given to the model, and its answer.

    `reference` is an answer known to be right; empty if none is known.
    """

    id: str
    question: str
    contexts: tuple[str, ...]
    answer: str
    reference: str = ""


@dataclass(frozen=True, slots=True)
class TriadScore:
    """Scores between 0 and 1, higher is better; None if the judge could not say, with `failure`.

    `further` are metrics that only this judge has, by their names.
    """

    sample: str
    context_relevance: float | None
    groundedness: float | None
    answer_relevance: float | None
    failure: str | None = None
    further: Mapping[str, float | None] = field(default_factory=dict[str, float | None])


@dataclass(frozen=True, slots=True)
class ClaimJudgement:
    """A judge's word on one claim against passages; `source` is the index of the passage that decides it.

    `failure` says of the verdict `UNVERIFIED` why the judge has no other.
    """

    verdict: Verdict
    probability: float
    source: int | None
    quote_start: int | None = None
    quote_end: int | None = None
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class QuestionScore:
    """One metric of one question; `value` is None if it could not be scored, with the reason in `failure`."""

    question: str
    metric: str
    value: float | None
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class EvaluationRun:
    """One scoring of a set of questions with the configuration that produced the answers."""

    id: str
    collection: str
    dataset: str
    judge: str
    state: RunState
    configuration: Mapping[str, object]
    metrics: Mapping[str, float]
    questions: int
    failures: int
    started_at: datetime
    finished_at: datetime | None = None
    error: str | None = None
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict[str, tuple[float, float]])


class Severity(StrEnum):
    """What a remark asks for: nothing, a look, or somebody to be told at once."""

    NOTE = "note"
    WARNING = "warning"
    ALARM = "alarm"


@dataclass(frozen=True, slots=True)
class Remark:
    """Something that a night has to say, in one sentence for people and as numbers for machines.

    `about` names the metric or the part that was looked at; `causes` the factors that moved, the likeliest first.
    """

    severity: Severity
    about: str
    sentence: str
    causes: tuple[str, ...] = ()
    figures: Mapping[str, float] = field(default_factory=dict[str, float])


@dataclass(frozen=True, slots=True)
class NightReport:
    """One night of one collection. `failures` says why something could not be measured; `caught_up`: it was missed,
    and done later."""

    collection: str
    night: date
    caught_up: bool
    runs: tuple[str, ...]
    remarks: tuple[Remark, ...]
    figures: Mapping[str, float]
    failures: Mapping[str, str]
    closed_at: datetime | None = None
