"""A/B tests: a share of the live questions of a collection is answered in another way, until it shows which is better.

The present way is the control, the other one the trial.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from assay_core.errors import Invalid

METRICS = ("groundedness", "answer_relevance", "context_relevance", "answered", "thumbs")
"""What the arms are compared by, each between 0 and 1: the triad of the test's judge over answers that say something,
the share of questions that were answered, and the share of thumbs that point up."""
LEAST_SHARE, MOST_SHARE = 0.01, 0.9
LEAST_ANSWERS, MOST_ANSWERS = 20, 100_000
MOST_DAYS = 90


class Arm(StrEnum):
    CONTROL = "control"
    TRIAL = "trial"


class ABState(StrEnum):
    """`better` and `worse` say that of the trial; `undecided`: the time or the answers are used up; `void`: what was
    collected says nothing."""

    RUNNING = "running"
    BETTER = "better"
    WORSE = "worse"
    UNDECIDED = "undecided"
    STOPPED = "stopped"
    VOID = "void"


@dataclass(frozen=True, slots=True)
class Assigned:
    """The arm of an A/B test by which a question is answered."""

    test: str
    arm: Arm


@dataclass(frozen=True, slots=True)
class ArmFigures:
    """What one arm has had: answers given, answers scored, those that could not be, and the mean of each metric."""

    given: int
    scored: int
    failed: int
    means: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class ArmDifference:
    """Trial less control in one metric, with an interval that holds however often one looks.

    The intervals of all metrics of a test together leave out a true difference with a probability of at most 5 %.
    """

    metric: str
    pairs: int
    difference: float
    low: float
    high: float

    @property
    def decided(self) -> bool:
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, slots=True)
class ABReport:
    """How a test stands. `words` say it in sentences, the most important first."""

    control: ArmFigures
    trial: ArmFigures
    differences: tuple[ArmDifference, ...] = ()
    words: tuple[str, ...] = ()


NOTHING_YET = ABReport(ArmFigures(0, 0, 0, {}), ArmFigures(0, 0, 0, {}))


@dataclass(frozen=True, slots=True)
class ABPlan:
    """What whoever starts a test decides.

    Attributes:
        run: an evaluation run that was made with the settings to be tried.
        share: of the questions, for the trial.
        metric: the one that is hoped to rise; the trial is also stopped where any other falls.
        most_answers, days: when the test ends undecided, counted over both arms.
        override_reason: why the run may be tried although it did not pass the gate.
    """

    run: str
    share: float = 0.1
    metric: str = "groundedness"
    judge: str = "local"
    most_answers: int = 5_000
    days: int = 14
    override_reason: str | None = None

    def check(self) -> None:
        """Raise `Invalid` for what cannot be used."""
        if self.metric not in METRICS:
            raise Invalid(f"metric is {self.metric!r}; use one of {', '.join(METRICS)}.", code="bad_setting")
        if not LEAST_SHARE <= self.share <= MOST_SHARE:
            raise Invalid(
                f"share is {self.share!r}; use a number from {LEAST_SHARE} to {MOST_SHARE}.", code="bad_setting"
            )
        for name, value, least, most in (
            ("most_answers", self.most_answers, LEAST_ANSWERS, MOST_ANSWERS),
            ("days", self.days, 1, MOST_DAYS),
        ):
            if not least <= value <= most:
                raise Invalid(f"{name} is {value!r}; use a whole number from {least} to {most}.", code="bad_setting")


@dataclass(frozen=True, slots=True)
class ABTest:
    """An A/B test of a collection (its id) as it stands.

    `control` and `trial` are the settings of `Answering`; `reason` says why it ended as it did, `ended_by` who ended
    it, None where the test did so itself.
    """

    id: str
    collection: str
    plan: ABPlan
    state: ABState
    control: Mapping[str, str | bool | int]
    trial: Mapping[str, str | bool | int]
    report: ABReport
    started_by: str
    started_at: datetime
    reason: str = ""
    ended_by: str | None = None
    ended_at: datetime | None = None
