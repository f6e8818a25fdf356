"""Comparisons, baselines and gates in the public API."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from assay_wire.public import Reply, Request, Text


class MetricComparison(Reply):
    """A metric over the questions that both runs have a value for; figures are null with fewer than two of them."""

    metric: str
    finding: Annotated[str, Field(description="worse, better, no difference seen, or not comparable")]
    questions: int
    failed_in_baseline: int
    failed_in_run: int
    decides: Annotated[bool, Field(description="Whether the gate asks for it; what an answer costs is only told.")]
    baseline: float | None
    run: float | None
    difference: Annotated[float | None, Field(description="run - baseline")]
    low: Annotated[float | None, Field(description="End of the 95 % interval of the difference.")]
    high: float | None
    p_value: Annotated[float | None, Field(description="Of the paired sign-flip permutation test, two-sided.")]
    p_adjusted: Annotated[float | None, Field(description="The same, adjusted by Holm for all that was tested.")]
    effect: Annotated[float | None, Field(description="Cohen's d of the paired differences.")]
    effect_low: float | None
    effect_high: float | None
    worse_questions: Annotated[int | None, Field(description="Metrics of 0 and 1: questions that turned to 0.")]
    better_questions: int | None
    mcnemar_p: float | None
    smallest_drop: Annotated[
        float | None, Field(description="The smallest drop that would have been found in 80 % of cases; null: none.")
    ]


class SliceComparison(Reply):
    by: str
    value: str
    questions: int
    too_small: bool
    metrics: list[MetricComparison]


class Change(Reply):
    factor: str
    what: str
    before: str
    after: str


class Experiment(Reply):
    """A run against a baseline; `words` say it in sentences, and `collection` is its name."""

    baseline: str
    run: str
    collection: str
    dataset: str
    questions: int
    only_in_baseline: list[str]
    only_in_run: list[str]
    metrics: list[MetricComparison]
    slices: list[SliceComparison]
    changes: list[Change]
    words: list[str]


class GateDecision(Reply):
    passed: bool
    reasons: list[str]
    experiment: Experiment


class NameBaseline(Request):
    run: Annotated[Text, Field(max_length=100, description="The run that the name is to stand for.")]


class Baseline(Reply):
    collection: str
    name: str
    run: str
    dataset: str
    set_by: str
    set_at: datetime


class BaselineList(Reply):
    baselines: list[Baseline]


class Promote(Request):
    run: Annotated[Text, Field(max_length=100, description="A run that is done; its collection answers as it did.")]
    override_reason: Annotated[
        Text | None,
        Field(min_length=3, max_length=2_000, description="Promote it although the gate says no; kept with your name."),
    ] = None


class Promotion(Reply):
    """`switched` holds the settings that the collection answers by from then on; `recorded` what the run was made with
    beside them, which the deployment decides and promotion cannot switch."""

    id: str
    collection: str
    run: str
    baseline: Annotated[str | None, Field(description="The run that it was held against; null for the first.")]
    passed: bool
    reasons: Annotated[list[str], Field(description="Why the gate was not passed.")]
    override_reason: str | None
    promoted_by: str
    promoted_at: datetime
    before: dict[str, str | bool | int]
    switched: dict[str, str | bool | int]
    recorded: dict[str, object]


class PromotionList(Reply):
    promotions: list[Promotion]
