"""The public HTTP API of what people say of answers: feedback, its review, and labels of sentences."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from assay_wire.public import Answer, GoldenPassage, GoldenSetReply, Reply, Request, Text

Thumb = Literal["up", "down"]
State = Literal["open", "accepted", "rejected"]
Label = Literal["supported", "contradicted", "not_enough"]
_Words = Annotated[Text, Field(max_length=8_000)]


class GiveFeedback(Request):
    """At least one of them is given."""

    thumb: Thumb | None = None
    corrected_answer: Annotated[_Words, Field(description="What it should have said.")] = ""
    missing_source: Annotated[Text, Field(max_length=255, description="A document that it should have used.")] = ""
    missing_quote: Annotated[_Words, Field(description="The place in that document, word for word.")] = ""
    comment: _Words = ""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.thumb is None and not (self.corrected_answer + self.missing_source + self.comment).strip():
            raise ValueError("say something: thumb, corrected_answer, missing_source or comment")
        if self.missing_quote.strip() and not self.missing_source.strip():
            raise ValueError("missing_quote needs missing_source, the document that it is in")
        return self


class Feedback(Reply):
    """`dataset` and its version: the golden set that the case went into, once it is accepted."""

    id: str
    answer: str
    collection: str
    given_by: str
    thumb: Thumb | None
    corrected_answer: str
    missing_source: str
    missing_quote: str
    comment: str
    state: State
    created_at: datetime
    reviewed_by: str | None
    reviewed_at: datetime | None
    dataset: str | None
    dataset_version: int | None


class FeedbackList(Reply):
    feedback: list[Feedback]


class FeedbackDetail(Feedback):
    """With the answer that it is about, for whoever reviews it."""

    about: Answer


class Review(Request):
    """`accept` makes a case of a golden set; what is left out is taken from feedback and answer."""

    decision: Literal["accept", "reject"]
    dataset: Annotated[Text, Field(min_length=1, max_length=100)] = "feedback"
    question: Annotated[_Words, Field(description="Default: that of the answer, personal data masked.")] = ""
    answer: Annotated[_Words, Field(description="Default: the corrected one; that of the platform for a thumb up.")] = (
        ""
    )
    answerable: bool = True
    passages: Annotated[
        tuple[GoldenPassage, ...],
        Field(max_length=20, description="Default: the missing source, or else what the answer cites."),
    ] = ()


class Reviewed(Reply):
    """`stored`: the version of the golden set that the case made; null for a rejection."""

    feedback: Feedback
    stored: GoldenSetReply | None


class ClaimLabel(Request):
    claim: Annotated[int, Field(ge=0, le=1_000, description="Place among the answer's claims, from 0.")]
    label: Label


class ClaimLabels(Request):
    """All labels that you give this answer; they replace those that you gave before."""

    labels: Annotated[list[ClaimLabel], Field(max_length=1_000)]


class ClaimLabelsReply(Reply):
    labels: list[ClaimLabel]


class LabelledClaim(Reply):
    """A labelled sentence with the passages that the model was given, and what the judge said at answer time."""

    answer: str
    claim: int
    text: str
    sources: list[str]
    label: Label
    labelled_by: str
    verdict: str
    probability: float | None


class LabelledClaims(Reply):
    claims: list[LabelledClaim]
