"""A/B tests in the public API."""

from datetime import datetime
from typing import Annotated

from assay_core.ab_tests import LEAST_ANSWERS, LEAST_SHARE, METRICS, MOST_ANSWERS, MOST_DAYS, MOST_SHARE
from pydantic import Field

from assay_wire.public import Reply, Request, Text


class StartABTest(Request):
    """What is to be tried, on how much of the live traffic, and what it is to be judged by."""

    run: Annotated[Text, Field(max_length=100, description="A run that is done; the trial answers as it did.")]
    share: Annotated[
        float, Field(ge=LEAST_SHARE, le=MOST_SHARE, description="Of the questions, for the trial; drawn one by one.")
    ] = 0.1
    metric: Annotated[
        Text,
        Field(
            max_length=100,
            description=f"What is hoped to rise: {', '.join(METRICS)}. The test also ends where another one falls.",
        ),
    ] = "groundedness"
    judge: Annotated[Text, Field(max_length=100, description="local, embedding or ragas.")] = "local"
    most_answers: Annotated[
        int, Field(ge=LEAST_ANSWERS, le=MOST_ANSWERS, description="The test ends undecided after so many answers.")
    ] = 5_000
    days: Annotated[int, Field(ge=1, le=MOST_DAYS, description="The test ends undecided after so many days.")] = 14
    override_reason: Annotated[
        Text | None,
        Field(min_length=3, max_length=2_000, description="Try it although the gate says no; kept with your name."),
    ] = None


class StopABTest(Request):
    reason: Annotated[Text, Field(min_length=3, max_length=2_000, description="Kept with your name.")] = "stopped"


class ArmFigures(Reply):
    given: Annotated[int, Field(description="Answers of this arm.")]
    scored: int
    failed: Annotated[int, Field(description="Scored answers of which a score could not be had; in no mean.")]
    means: dict[str, float]


class ArmDifference(Reply):
    """All intervals of a test hold together in 95 % of tests, however often one looks."""

    metric: str
    pairs: int
    difference: Annotated[float, Field(description="trial - control")]
    low: float
    high: float


class ABTest(Reply):
    """`control` and `trial` are the settings by which the arms answer."""

    id: str
    collection: Annotated[str, Field(description="Its name.")]
    state: Annotated[str, Field(description="running, better, worse, undecided, stopped or void")]
    reason: Annotated[str, Field(description="Why it ended; empty while it is running.")]
    run: str
    share: float
    metric: str
    judge: str
    most_answers: int
    days: int
    override_reason: str | None
    control: dict[str, str | bool | int]
    trial: dict[str, str | bool | int]
    control_figures: ArmFigures
    trial_figures: ArmFigures
    differences: list[ArmDifference]
    words: Annotated[list[str], Field(description="How it stands, in sentences.")]
    started_by: str
    started_at: datetime
    ended_by: Annotated[str | None, Field(description="Null where the test ended by itself.")]
    ended_at: datetime | None


class ABTestList(Reply):
    tests: list[ABTest]
