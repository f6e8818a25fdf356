"""Two evaluation runs side by side: what differs, by how much, how sure, and what was changed between them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Finding(StrEnum):
    """What a comparison says of one metric; anything but chance needs a p-value, adjusted, below 0.05."""

    WORSE = "worse"
    BETTER = "better"
    UNDECIDED = "no difference seen"
    NOT_COMPARABLE = "not comparable"


@dataclass(frozen=True, slots=True)
class MetricComparison:
    """A metric over the questions that have a value in both runs; the others are not in any figure here.

    `baseline` and `run` are means, `low` to `high` is the 95 % interval of `difference` (run - baseline). `p_adjusted`
    counts in that several metrics were looked at. `effect` is Cohen's d of the paired differences with its interval.
    `worse_questions` and `better_questions` are given for metrics of 0 and 1 only, with McNemar's exact p. Where
    `decides` is False the metric says what an answer costs, and no gate asks for it. `smallest_drop` is the smallest
    drop that so many questions would have shown in 80 % of cases; None if not even the loss of all would. The
    `failed_` counts are questions that could not be scored. Figures are None where fewer than two questions have both
    values.
    """

    metric: str
    finding: Finding
    questions: int
    failed_in_baseline: int
    failed_in_run: int
    decides: bool = True
    baseline: float | None = None
    run: float | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    p_adjusted: float | None = None
    effect: float | None = None
    effect_low: float | None = None
    effect_high: float | None = None
    worse_questions: int | None = None
    better_questions: int | None = None
    mcnemar_p: float | None = None
    smallest_drop: float | None = None


@dataclass(frozen=True, slots=True)
class SliceComparison:
    """The questions that have `value` in common. With fewer than are worth a test, `metrics` is empty."""

    by: str
    value: str
    questions: int
    too_small: bool
    metrics: tuple[MetricComparison, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """What is not the same in the configurations of two runs; `factor` is corpus, index, retrieval, prompt, model,
    judge or code."""

    factor: str
    what: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Experiment:
    """A run against a baseline, by the same golden set. `words` say it in sentences, the most important first."""

    baseline: str
    run: str
    collection: str
    dataset: str
    questions: int
    only_in_baseline: tuple[str, ...]
    only_in_run: tuple[str, ...]
    metrics: tuple[MetricComparison, ...]
    slices: tuple[SliceComparison, ...]
    changes: tuple[Change, ...]
    words: tuple[str, ...] = ()

    @property
    def regressions(self) -> tuple[str, ...]:
        """The metrics that decide and are worse, over all questions or in a slice."""
        return (
            *(m.metric for m in self.metrics if m.finding is Finding.WORSE and m.decides),
            *(
                f"{m.metric} where {s.by} is {s.value}"
                for s in self.slices
                for m in s.metrics
                if m.finding is Finding.WORSE
            ),
        )


@dataclass(frozen=True, slots=True)
class GateDecision:
    """Whether a run may take the place of its baseline, and why not."""

    passed: bool
    reasons: tuple[str, ...]
    experiment: Experiment


@dataclass(frozen=True, slots=True)
class Promotion:
    """The decision that a collection answers as a run did.

    `before` and `switched` are the settings of `Answering`; `recorded` is what the run was made with beside them, and
    what only the deployment decides. `baseline` is the run that it was held against, None for the first. Where it was
    not `passed`, `override_reason` says why it was promoted all the same.
    """

    id: str
    collection: str
    run: str
    baseline: str | None
    passed: bool
    reasons: tuple[str, ...]
    override_reason: str | None
    promoted_by: str
    promoted_at: datetime
    before: Mapping[str, str | bool | int]
    switched: Mapping[str, str | bool | int]
    recorded: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Baseline:
    """A run of a collection under a name, to be compared with."""

    collection: str
    name: str
    run: str
    dataset: str
    set_by: str
    set_at: datetime
