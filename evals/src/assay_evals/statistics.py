"""How sure a mean or a difference is: percentile bootstrap (Efron and Tibshirani 1993, chapters 13 and 16)."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

RESAMPLES = 2000


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
    means = _resampled_means(values, seed=seed, resamples=resamples)
    return _middle(means, confidence)


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
    if len(old) != len(new):
        raise ValueError(f"{len(old)} old and {len(new)} new values; a paired comparison needs one of each a question")
    differences = [b - a for a, b in zip(old, new, strict=True)]
    seen = mean(differences)
    if len(differences) < 2:
        raise ValueError("one question says nothing of the spread; at least 2 are needed")
    means = _resampled_means(differences, seed=seed, resamples=resamples)
    low, high = _middle(means, confidence)
    rounding = 1e-12
    as_far = sum(1 for m in means if abs(m - seen) >= abs(seen) - rounding)
    return Comparison(seen, low, high, (as_far + 1) / (resamples + 1))


def _resampled_means(values: Sequence[float], *, seed: int, resamples: int) -> list[float]:
    # Sorted first, so that the order in which questions were scored does not matter.
    ordered = sorted(values)
    draw = random.Random(seed)
    size = len(ordered)
    return [sum(draw.choices(ordered, k=size)) / size for _ in range(resamples)]


def _middle(means: Sequence[float], confidence: float) -> tuple[float, float]:
    tail = (1 - confidence) / 2
    return percentile(means, tail), percentile(means, 1 - tail)
