"""A/B tests of equal arms, and of a trial that loses answers, drawn from a pool: false alarms, and answers needed."""

from dataclasses import asdict, dataclass

import numpy as np
from assay_core.ab_tests import METRICS

from assay_evals.ab import FOR_EACH_METRIC
from assay_evals.pool import Pool
from assay_evals.statistics.power import POWER
from assay_evals.statistics.sequential import difference_by_betting
from assay_evals.statistics.shares import Share

ANSWERS = (250, 500, 1_000, 2_000, 4_000)
DROP = 0.1
SHARE = 0.5


@dataclass(frozen=True, slots=True)
class ArmsDrop:
    """An A/B test with half of the answers for the trial, which is worse by `drop` in this metric.

    `answers` is the first number in `ANSWERS` within which `POWER` of the trials said so; None if none was enough.
    `false_alarms` counts tests of equal arms that were ever decided, looked at after each of the most answers.
    """

    metric: str
    drop: float
    answers: int | None
    false_alarms: Share

    def as_json(self) -> dict[str, object]:
        found: dict[str, object] = asdict(self)
        return found | {"false_alarms": self.false_alarms.as_json(), "share": SHARE, "alpha": FOR_EACH_METRIC}


def arms_drop(pool: Pool, draw: np.random.Generator, trials: int) -> ArmsDrop | None:
    """Of the first metric that A/B tests compare and that most questions have a value of; None if there is none."""
    for metric in METRICS:
        if metric not in pool.metrics:
            continue
        values = pool.scores[:, :, pool.metrics.index(metric)]
        values = values[~np.isnan(values)]
        if len(values) >= len(pool.questions):
            return _arms_drop(metric, values, draw, trials)
    return None


def _arms_drop(metric: str, values: np.ndarray, draw: np.random.Generator, trials: int) -> ArmsDrop:
    alarms = 0
    decided = dict.fromkeys(ANSWERS, 0)
    lost = min(1.0, DROP / float(values.mean())) if values.mean() > 0 else 0.0
    for _ in range(trials):
        # The interval only ever shrinks, so what was decided at any time is decided at the end.
        alarms += difference_by_betting(_arrivals(values, draw, 0.0), alpha=FOR_EACH_METRIC).decided
        worse = _arrivals(values, draw, lost)
        for number in ANSWERS:
            decided[number] += difference_by_betting(worse[:number], alpha=FOR_EACH_METRIC).high < 0
    enough = (number for number in ANSWERS if decided[number] >= POWER * trials)
    return ArmsDrop(metric, DROP, next(enough, None), Share(alarms, trials))


def _arrivals(values: np.ndarray, draw: np.random.Generator, lost: float) -> list[tuple[bool, float]]:
    number = ANSWERS[-1]
    trial = draw.random(number) < SHARE
    given = draw.choice(values, number)
    given = np.where(trial & (draw.random(number) < lost), 0.0, given)
    return [(bool(is_new), float(value)) for is_new, value in zip(trial, given, strict=True)]
