import math

import numpy as np
import pytest
from assay_evals.agreement import agreement
from sklearn import metrics

LABELS = [1, 1, 1, 0, 0, 0, 0, 1]
SCORES = [0.9, 0.8, 0.3, 0.1, 0.2, 0.7, 0.4, 0.6]


def test_figures_of_a_case_computed_by_hand() -> None:
    found = agreement(LABELS, SCORES).metrics
    # Decided positive: 0.9 0.8 0.7 0.6; of them three are; of four positives three are found.
    assert found["precision"] == found["recall"] == found["f1"] == 0.75
    assert found["balanced_accuracy"] == 0.75
    assert found["kappa"] == 0.5
    # Pairs (positive, negative) in the right order: 4 + 4 + 2 + 3 of 16.
    assert found["auc"] == 13 / 16
    squares = [0.01, 0.04, 0.49, 0.01, 0.04, 0.49, 0.16, 0.16]
    assert found["brier"] == pytest.approx(sum(squares) / 8)
    gaps = [0.1, 0.2, 0.7, 0.1, 0.2, 0.7, 0.4, 0.4]
    assert found["ece"] == pytest.approx(sum(gaps) / 8)


def test_one_class_has_no_ranking_and_no_nan() -> None:
    found = agreement([1, 1], [0.9, 0.2])
    assert "auc" not in found.metrics
    assert "kappa" not in found.metrics
    assert all(math.isfinite(value) for value in found.metrics.values())


def test_intervals_hold_the_value_and_come_again_with_the_seed() -> None:
    found = agreement(LABELS * 5, SCORES * 5, seed=3)
    low, high = found.intervals["balanced_accuracy"]
    assert low < 0.75 < high
    assert found == agreement(LABELS * 5, SCORES * 5, seed=3)


def test_nothing_to_agree_on_is_an_error() -> None:
    with pytest.raises(ValueError, match="0 labels"):
        agreement([], [])


@pytest.mark.parametrize("seed", range(20))
def test_figures_are_those_of_scikit_learn(seed: int) -> None:
    draw = np.random.default_rng(seed)
    labels = [0, 1, *draw.integers(0, 2, 40).tolist()]
    scores = [0.3, 0.6, *draw.integers(0, 6, 40) / 5]
    decided = [int(score >= 0.5) for score in scores]
    found = agreement(labels, scores, resamples=2).metrics
    assert {name: found[name] for name in ("precision", "recall", "f1", "balanced_accuracy", "kappa", "auc")} == (
        pytest.approx(
            {
                "precision": metrics.precision_score(labels, decided),
                "recall": metrics.recall_score(labels, decided),
                "f1": metrics.f1_score(labels, decided),
                "balanced_accuracy": metrics.balanced_accuracy_score(labels, decided),
                "kappa": metrics.cohen_kappa_score(labels, decided),
                "auc": metrics.roc_auc_score(labels, scores),
            }
        )
    )
