"""How well a judge's word agrees with labels of people.

The positive class is "something is not supported": that is what a judge is there to find. Precision, recall, F1,
balanced accuracy and Cohen's kappa are of decisions; AUC (the area below the ROC curve), ECE (expected calibration
error, ten bins of equal width; Guo et al. 2017) and the Brier score are of probabilities. All but ECE are
scikit-learn's. Intervals are percentile bootstrap over cases.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

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
    from sklearn import metrics

    decided = (probability >= threshold).astype(np.int64)
    both = len(np.unique(truth)) == 2
    of_decisions: dict[str, Callable[[], float]] = {
        "precision": lambda: metrics.precision_score(truth, decided, zero_division=0),  # pyright: ignore[reportArgumentType] a number is documented
        "recall": lambda: metrics.recall_score(truth, decided, zero_division=0),  # pyright: ignore[reportArgumentType] a number is documented
        "f1": lambda: metrics.f1_score(truth, decided, zero_division=0),  # pyright: ignore[reportArgumentType] a number is documented
    }
    of_two_classes: dict[str, Callable[[], float]] = {
        "balanced_accuracy": lambda: metrics.balanced_accuracy_score(truth, decided),
        "kappa": lambda: metrics.cohen_kappa_score(truth, decided),
        "auc": lambda: metrics.roc_auc_score(truth, probability),
    }
    of_probabilities: dict[str, Callable[[], float]] = {
        "brier": lambda: float(np.mean((probability - truth) ** 2)),
        "ece": lambda: expected_calibration_error(truth, probability),
    }
    chosen = {**of_decisions, **(of_two_classes if both else {}), **of_probabilities}
    return {name: float(measure()) for name, measure in chosen.items()}
