"""Do the statistics keep their promises on this pool? Equal runs are compared, and drops of known size are planted.

A drop is planted as lost answers: values, whichever they are, become 0. That is the hardest kind to see (`power`).
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from assay_evals.experiments import ALPHA, MIN_QUESTIONS, Pairs, divided
from assay_evals.pool import Pool
from assay_evals.selftest_arms import ArmsDrop, arms_drop
from assay_evals.statistics.arrays import Floats
from assay_evals.statistics.multiple import holm
from assay_evals.statistics.permutation import FLIPS, sign_flips
from assay_evals.statistics.power import POWER, smallest_drop
from assay_evals.statistics.sequential import drop_over_nights
from assay_evals.statistics.shares import Share

PAIRS = 200
SLICE_TRIALS = 50
NIGHT_TRIALS = 100
HEALTHY_NIGHTS = 7
FALLING_NIGHTS = 14
MOST_NIGHTS = 60
SLOW_DROP = 0.03
_TOLERANCE_SD = 2.0


@dataclass(frozen=True, slots=True)
class PlantedDrop:
    """The printed smallest drop of a metric, on average, and how often it was found when it was planted."""

    metric: str
    drop: float
    found: Share


@dataclass(frozen=True, slots=True)
class SlowDrop:
    """A drop that grows over nights. `nights` is the number, from its first night, within which `POWER` of the trials
    raised the alarm; None if they never did. `false_alarms` counts trials of as many nights without a drop."""

    metric: str
    drop: float
    nights: int | None
    false_alarms: Share


@dataclass(frozen=True, slots=True)
class PlantedSlice:
    """A drop in one slice only: how often that slice was named, and how often another of its division was instead."""

    by: str
    value: str
    metric: str
    questions: int
    drop: float
    named: Share
    wrongly: Share


@dataclass(frozen=True, slots=True)
class SelfTest:
    """What was tried on a pool. `any_alarm` counts pairs of equal runs with a metric called worse or better."""

    runs: int
    questions: int
    any_alarm: Share
    gate_alarm: Share
    drops: tuple[PlantedDrop, ...]
    slow_drops: tuple[SlowDrop, ...]
    slices: tuple[PlantedSlice, ...]
    without_power: tuple[str, ...]
    arms: ArmsDrop | None = None

    @property
    def failures(self) -> list[str]:
        """The promises that were not kept, beyond what the number of trials lets expect."""
        broken: list[str] = []
        if _above(self.any_alarm, ALPHA):
            broken.append(f"equal runs were told apart in {self.any_alarm.share:.1%} of pairs")
        broken += [
            f"a drop of {one.drop:.3f} in {one.metric} was found in {one.found.share:.0%} only"
            for one in self.drops
            if _below(one.found, POWER)
        ]
        broken += [
            f"{one.metric} raised false alarms over nights in {one.false_alarms.share:.0%}"
            for one in self.slow_drops
            if _above(one.false_alarms, ALPHA)
        ]
        broken += [
            f"a drop where {one.by} is {one.value} was named in {one.named.share:.0%} only"
            for one in self.slices
            if _below(one.named, POWER)
        ]
        if self.arms is not None and _above(self.arms.false_alarms, ALPHA):
            broken.append(f"A/B tests of equal arms were decided in {self.arms.false_alarms.share:.0%}")
        return broken

    def as_json(self) -> dict[str, object]:
        return {
            "runs": self.runs,
            "questions": self.questions,
            "any_alarm": self.any_alarm.as_json(),
            "gate_alarm": self.gate_alarm.as_json(),
            "drops": [asdict(one) | {"found": one.found.as_json()} for one in self.drops],
            "slow_drops": [asdict(one) | {"false_alarms": one.false_alarms.as_json()} for one in self.slow_drops],
            "slices": [
                asdict(one) | {"named": one.named.as_json(), "wrongly": one.wrongly.as_json()} for one in self.slices
            ],
            "without_power": list(self.without_power),
            "arms": self.arms and self.arms.as_json(),
            "failures": self.failures,
        }


def self_test(
    pool: Pool,
    *,
    seed: int = 1,
    pairs: int = PAIRS,
    slice_trials: int = SLICE_TRIALS,
    trials: int = NIGHT_TRIALS,
    ab_tests: int = 0,
) -> SelfTest:
    """Try everything on a pool, and so many A/B tests; every draw follows from `seed`."""
    draw = np.random.default_rng(seed)
    alarms, gates, drops, without = _pairs(pool, draw, pairs)
    deciding = [drop.metric for drop in drops]
    return SelfTest(
        runs=len(pool.scores),
        questions=len(pool.questions),
        any_alarm=alarms,
        gate_alarm=gates,
        drops=tuple(drops),
        slow_drops=tuple(_slow_drop(pool, draw, metric, trials) for metric in deciding),
        slices=tuple(_slices(pool, draw, deciding, slice_trials)),
        without_power=tuple(without),
        arms=arms_drop(pool, draw, ab_tests) if ab_tests else None,
    )


def plant(values: Floats, drop: float, draw: np.random.Generator) -> Floats:
    """The values after a drop of their mean by about `drop` (shape (…, questions)), by losing answers at random."""
    level = float(np.nanmean(values))
    lost = draw.random(values.shape) < (drop / level if level > 0 else 0)
    return np.where(lost & ~np.isnan(values), 0.0, values)


def _pairs(pool: Pool, draw: np.random.Generator, number: int) -> tuple[Share, Share, list[PlantedDrop], list[str]]:
    alarms = gates = 0
    tried: dict[str, list[tuple[float, bool]]] = {}
    without = set[str]()
    for _ in range(number):
        pairs, _ = pool.draw_pair(draw)
        tests = pairs.deciding
        drops = {c: smallest_drop(*pairs.values(c), alpha=ALPHA / len(tests)) for c in tests}
        without |= {pairs.metrics[c] for c, drop in drops.items() if drop is None}
        plantable = [c for c in tests if drops[c] is not None]
        planted = [plant(pairs.new[:, c], drops[c] or 0, draw) - pairs.old[:, c] for c in plantable]
        differences = pairs.new - pairs.old
        # All in one go: the signs that are flipped cost more than the sums.
        p_values = sign_flips(np.column_stack([differences, *planted]), seed=int(draw.integers(2**31)))
        adjusted = holm(p_values[tests])
        means = np.nanmean(differences[:, tests], axis=0)
        alarms += bool((adjusted < ALPHA).any())
        gates += bool(((adjusted < ALPHA) & (means < 0)).any())
        for place, c in enumerate(plantable):
            others = np.array([p_values[len(pairs.metrics) + place] if o == c else p_values[o] for o in tests])
            sure = holm(others)[tests.index(c)] < ALPHA and np.nanmean(planted[place]) < 0
            tried.setdefault(pairs.metrics[c], []).append((drops[c] or 0, bool(sure)))
    found = [
        PlantedDrop(metric, float(np.mean([drop for drop, _ in all_])), Share(sum(sure for _, sure in all_), len(all_)))
        for metric, all_ in tried.items()
        if len(all_) >= number / 2
    ]
    return Share(alarms, number), Share(gates, number), found, sorted(without - {one.metric for one in found})


def _slow_drop(pool: Pool, draw: np.random.Generator, metric: str, trials: int) -> SlowDrop:
    column = pool.metrics.index(metric)
    growing = np.clip((np.arange(MOST_NIGHTS) - HEALTHY_NIGHTS + 1) / FALLING_NIGHTS, 0, 1)
    alarms = 0
    after: list[int] = []
    for _ in range(trials):
        alarms += drop_over_nights(pool.draw_nights(draw, MOST_NIGHTS, column)).alarm is not None
        nights = pool.draw_nights(draw, MOST_NIGHTS, column)
        hurt = np.stack([plant(night, SLOW_DROP * share, draw) for night, share in zip(nights, growing, strict=True)])
        alarm = drop_over_nights(hurt).alarm
        if alarm is not None and alarm >= HEALTHY_NIGHTS:
            after.append(alarm - HEALTHY_NIGHTS + 1)
    needed = int(np.ceil(POWER * trials))
    nights_needed = sorted(after)[needed - 1] if len(after) >= needed else None
    return SlowDrop(metric, SLOW_DROP, nights_needed, Share(alarms, trials))


def _slices(pool: Pool, draw: np.random.Generator, metrics: Sequence[str], trials: int) -> list[PlantedSlice]:
    """For each slice that is large enough: the drop planted in the first metric that has the power for it."""
    parts = {key: ids for key, ids in divided(pool.slices).items() if len(ids) >= MIN_QUESTIONS}
    tried: dict[tuple[str, str, str], list[tuple[float, bool, bool]]] = {}
    for _ in range(trials if len(parts) > 1 else 0):
        pairs, origins = pool.draw_pair(draw)
        drawn = {key: _rows(pairs, origins, ids) for key, ids in parts.items()}
        drawn = {key: part for key, part in drawn.items() if len(part.questions) >= MIN_QUESTIONS}
        tests = [(key, c) for key, part in drawn.items() for c in part.deciding]
        flips = max(FLIPS, round(4 * len(tests) / ALPHA))
        seed = int(draw.integers(2**31))
        p_values = {key: sign_flips(part.new - part.old, seed=seed, flips=flips) for key, part in drawn.items()}
        for key, part in drawn.items():
            chosen = _with_power(part, metrics, len(tests))
            if chosen is None:
                continue
            column, drop = chosen
            hurt = plant(part.new[:, column], drop, draw) - part.old[:, column]
            p = float(sign_flips(hurt[:, None], seed=seed, flips=flips)[0])
            adjusted = holm([p if (k, c) == (key, column) else float(p_values[k][c]) for k, c in tests])
            named = {test[0] for test, a in zip(tests, adjusted, strict=True) if a < ALPHA}
            right = adjusted[tests.index((key, column))] < ALPHA and float(np.nanmean(hurt)) < 0
            wrong = any(k != key and k[0] == key[0] for k in named)
            tried.setdefault((*key, part.metrics[column]), []).append((drop, bool(right), wrong))
    return [
        PlantedSlice(
            by=by,
            value=value,
            metric=metric,
            questions=len(parts[by, value]),
            drop=float(np.mean([drop for drop, _, _ in all_])),
            named=Share(sum(right for _, right, _ in all_), len(all_)),
            wrongly=Share(sum(wrong for _, _, wrong in all_), len(all_)),
        )
        for (by, value, metric), all_ in tried.items()
        if len(all_) >= trials / 2
    ]


def _rows(pairs: Pairs, origins: Sequence[str], ids: set[str]) -> Pairs:
    return pairs.part({name for name, origin in zip(pairs.questions, origins, strict=True) if origin in ids})


def _with_power(part: Pairs, metrics: Sequence[str], tests: int) -> tuple[int, float] | None:
    for column in part.deciding:
        if part.metrics[column] in metrics:
            drop = smallest_drop(*part.values(column), alpha=ALPHA / tests)
            if drop is not None:
                return column, drop
    return None


def _above(found: Share, promised: float) -> bool:
    return found.share > promised + _TOLERANCE_SD * (promised * (1 - promised) / found.of) ** 0.5


def _below(found: Share, promised: float) -> bool:
    return found.share < promised - _TOLERANCE_SD * (promised * (1 - promised) / found.of) ** 0.5
