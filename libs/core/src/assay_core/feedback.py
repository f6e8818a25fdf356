"""What people say of answers: feedback of those who asked, and labels of sentences."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from assay_core.answers import Verdict


class Thumb(StrEnum):
    """Whether an answer helped."""

    UP = "up"
    DOWN = "down"


class FeedbackState(StrEnum):
    """Life of a feedback: it becomes a labelled case, or not, after someone has looked at it."""

    OPEN = "open"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


class Label(StrEnum):
    """What a person says of a sentence against the answer's sources."""

    SUPPORTED = "supported"
    CONTRADICTED = "contradicted"
    NOT_ENOUGH = "not_enough"


@dataclass(frozen=True, slots=True)
class FeedbackText:
    """What was said in words. `missing_source` names a document, `missing_quote` the place in it."""

    corrected_answer: str = ""
    missing_source: str = ""
    missing_quote: str = ""
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Feedback:
    """One person's word on one answer. `dataset` is the golden set that its case went into."""

    id: str
    answer: str
    collection: str
    principal: str
    thumb: Thumb | None
    text: FeedbackText
    state: FeedbackState
    created_at: datetime
    reviewed_by: str | None = None
    reviewed_at: datetime | None = None
    dataset: str | None = None
    dataset_version: int | None = None


@dataclass(frozen=True, slots=True)
class ClaimLabel:
    """A label for a sentence of an answer, by its place among the claims, from 0."""

    claim: int
    label: Label


@dataclass(frozen=True, slots=True)
class LabelledClaim:
    """A labelled sentence with what it was judged against, and what the platform's judge had said when it answered."""

    answer: str
    claim: int
    text: str
    sources: tuple[str, ...]
    label: Label
    labelled_by: str
    verdict: Verdict
    probability: float | None
