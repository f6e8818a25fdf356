"""How well a judge's word agrees with labels of people.

The positive class is "something is not supported": that is what a judge is there to find. Precision, recall, F1,
balanced accuracy and Cohen's kappa are of decisions; AUC (the area below the ROC curve), ECE (expected calibration
error, ten bins of equal width; Guo et al. 2017) and the Brier score are of probabilities. A test holds them against
scikit-learn, which is too slow for a bootstrap. Intervals are percentile bootstrap over cases.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

RESAMPLES = 500
_BINS = 10
Array = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
Classes = np.ndarray[tuple[int, ...], np.dtype[np.int64]]


@dataclass(frozen=True, slots=True)
class Agreement:
    """`metrics` and `intervals` by name; a metric that the sample cannot have (AUC of one class) is absent."""

    cases: int
    positives: int
    metrics: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]


def agreement(
    labels: Sequence[int], scores: Sequence[float], *, threshold: float = 0.5, seed: int = 0, resamples: int = RESAMPLES
) -> Agreement:
    """Agreement of `scores` (probability that a case is positive; decided at `threshold`) with labels of 0 and 1.

    Raises:
        ValueError: there are no cases, or not one score for each label.
    """
    if not labels or len(labels) != len(scores):
        raise ValueError(
            f"{len(labels)} labels and {len(scores)} scores; agreement needs one of each a case, and a case"
        )
    truth = np.asarray(labels, dtype=np.int64)
    probability = np.asarray(scores, dtype=np.float64)
    metrics = _metrics(truth, probability, threshold)
    draw = np.random.default_rng(seed)
    found: dict[str, list[float]] = {name: [] for name in metrics}
    for _ in range(resamples if len(labels) > 1 else 0):
        picked = draw.integers(0, len(truth), len(truth))
        for name, value in _metrics(truth[picked], probability[picked], threshold).items():
            if name in found:
                found[name].append(value)
    intervals = {
        name: (float(np.quantile(values, 0.025)), float(np.quantile(values, 0.975)))
        for name, values in found.items()
        if len(values) > 1
    }
    return Agreement(len(truth), int(truth.sum()), metrics, intervals)


def expected_calibration_error(truth: Classes, probability: Array) -> float:
    """Mean gap between probability and frequency over `_BINS` equal bins, weighted by their cases."""
    bins = np.minimum((probability * _BINS).astype(int), _BINS - 1)
    gaps = [
        abs(float(truth[bins == b].mean() - probability[bins == b].mean())) * int((bins == b).sum())
        for b in range(_BINS)
        if (bins == b).any()
    ]
    return sum(gaps) / len(truth)


def _metrics(truth: Classes, probability: Array, threshold: float) -> dict[str, float]:
    decided = probability >= threshold
    positive = truth == 1
    hits, misses = int((decided & positive).sum()), int((~decided & positive).sum())
    alarms, passes = int((decided & ~positive).sum()), int((~decided & ~positive).sum())
    found = {
        "precision": _share(hits, hits + alarms),
        "recall": _share(hits, hits + misses),
        "f1": _share(2 * hits, 2 * hits + alarms + misses),
    }
    if 0 < hits + misses < len(truth):
        found |= {
            "balanced_accuracy": (hits / (hits + misses) + passes / (passes + alarms)) / 2,
            "kappa": _kappa(hits, misses, alarms, passes),
            "auc": _auc(positive, probability),
        }
    error = float(np.mean((probability - truth) ** 2))
    return {**found, "brier": error, "ece": expected_calibration_error(truth, probability)}


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _kappa(hits: int, misses: int, alarms: int, passes: int) -> float:
    """Cohen 1960."""
    cases = hits + misses + alarms + passes
    same = (hits + passes) / cases
    chance = ((hits + misses) * (hits + alarms) + (passes + alarms) * (passes + misses)) / cases**2
    return (same - chance) / (1 - chance)


def _auc(positive: np.ndarray[Any, np.dtype[np.bool_]], probability: Array) -> float:
    """Share of pairs of a positive and a negative that are in order, ties counting half (Mann and Whitney 1947)."""
    count = int(positive.sum())
    above = float(stats.rankdata(probability)[positive].sum()) - count * (count + 1) / 2
    return above / (count * (len(positive) - count))
