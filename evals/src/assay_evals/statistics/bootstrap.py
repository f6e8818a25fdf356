"""How sure a mean or a difference is: percentile bootstrap (Efron and Tibshirani 1993, chapters 13 and 16)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assay_evals.statistics.arrays import Floats

RESAMPLES = 2000
_ROUNDING = 1e-12
_AT_ONCE = 4_000_000


@dataclass(frozen=True, slots=True)
class Comparison:
    """Mean of `new - old` over the same questions, its interval, and how often chance alone would do as much."""

    difference: float
    low: float
    high: float
    p_value: float


def mean(values: Sequence[float]) -> float:
    """Arithmetic mean. Raises `ValueError` if there are no values: an empty sample has no mean."""
    if not values:
        raise ValueError("an empty sample has no mean")
    return sum(values) / len(values)


def percentile(values: Sequence[float], share: float) -> float:
    """Linear interpolation between the closest ranks; `share` is between 0 and 1."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def interval(
    values: Sequence[float], *, seed: int, confidence: float = 0.95, resamples: int = RESAMPLES
) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean. Raises `ValueError` for fewer than two values."""
    if len(values) < 2:
        raise ValueError(f"{len(values)} values say nothing of their spread; at least 2 are needed")
    return _middle(_resampled_means(values, seed=seed, resamples=resamples), confidence)


def compare(
    old: Sequence[float],
    new: Sequence[float],
    *,
    seed: int,
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
) -> Comparison:
    """Paired bootstrap: `old[i]` and `new[i]` belong to the same question.

    The p-value is two-sided: how often resampled differences, moved to a mean of 0, are at least as far from 0 as
    the one seen (Efron and Tibshirani 1993, section 16.4), counting the sample itself.
    """
    return compare_sets([(old, new)], seed=seed, confidence=confidence, resamples=resamples)


def compare_sets(
    sets: Sequence[tuple[Sequence[float], Sequence[float]]],
    *,
    seed: int,
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
) -> Comparison:
    """As `compare`, of the mean over several sets of (old, new) values; each set is resampled within itself."""
    differences = [_differences(old, new) for old, new in sets]
    seen = mean([mean(of_set) for of_set in differences])
    # A seed a set: sets of one size would be resampled alike.
    each = [
        _resampled_means(of_set, seed=seed + number, resamples=resamples) for number, of_set in enumerate(differences)
    ]
    means = np.mean(each, axis=0)
    low, high = _middle(means, confidence)
    as_far = int((np.abs(means - seen) >= abs(seen) - _ROUNDING).sum())
    return Comparison(seen, low, high, (as_far + 1) / (resamples + 1))


def _differences(old: Sequence[float], new: Sequence[float]) -> list[float]:
    if len(old) != len(new):
        raise ValueError(f"{len(old)} old and {len(new)} new values; a paired comparison needs one of each a question")
    mean(old)
    if len(old) < 2:
        raise ValueError("one question says nothing of the spread; at least 2 are needed")
    return [b - a for a, b in zip(old, new, strict=True)]


def _resampled_means(values: Sequence[float], *, seed: int, resamples: int) -> Floats:
    # Sorted first, so that the order in which questions were scored does not matter.
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    draw = np.random.default_rng(seed)
    rows = max(1, _AT_ONCE // len(ordered))
    parts = [
        ordered[draw.integers(len(ordered), size=(min(rows, resamples - done), len(ordered)))].mean(axis=1)
        for done in range(0, resamples, rows)
    ]
    # A mean of equal values may leave them by rounding.
    return np.clip(np.concatenate(parts), ordered[0], ordered[-1])


def _middle(means: Floats, confidence: float) -> tuple[float, float]:
    tail = (1 - confidence) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)
