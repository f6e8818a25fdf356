"""PSI and MMD: by hand, false alarms and power."""

from math import exp, log

import numpy as np
import pytest
from assay_evals.statistics.drift import mmd_drift, psi, psi_drift
from scipy import stats


def test_psi_by_hand() -> None:
    reference, current = np.array([0.0] * 50 + [1.0] * 50), np.array([0.0] * 20 + [1.0] * 80)
    r, c = [50.5 / 101, 50.5 / 101], [20.5 / 101, 80.5 / 101]
    assert psi(reference, current, bins=2) == pytest.approx(
        sum((b - a) * log(b / a) for a, b in zip(r, c, strict=True))
    )
    assert psi(reference, reference) == 0


def test_mmd_by_hand() -> None:
    x, y = np.array([[0.0], [1.0]]), np.array([[3.0], [5.0]])
    pairs = [1, 3, 5, 2, 4, 2]
    median = np.median([d * d for d in pairs])

    def k(distance: float) -> float:
        return exp(-(distance**2) / (2 * median))

    by_hand = k(1) + k(2) - 2 * (k(3) + k(5) + k(2) + k(4)) / 4
    assert mmd_drift(x, y, seed=1).value == pytest.approx(by_hand)


@pytest.mark.parametrize("what", ["psi", "mmd"])
def test_false_alarms_are_as_rare_as_promised(what: str) -> None:
    draw = np.random.default_rng(9)
    alarms = 0
    for trial in range(100):
        first, second = draw.normal(0, 1, (60, 8)), draw.normal(0, 1, (40, 8))
        found = (
            psi_drift(first[:, 0], second[:, 0], seed=trial, permutations=99)
            if what == "psi"
            else mmd_drift(first, second, seed=trial, permutations=99)
        )
        alarms += found.p_value < 0.05
    assert alarms <= stats.binom.ppf(0.999, 100, 0.05)


def test_what_has_moved_is_seen() -> None:
    draw = np.random.default_rng(9)
    assert psi_drift(draw.normal(0, 1, 500), draw.normal(0.4, 1, 500), seed=1).p_value < 0.01
    assert mmd_drift(draw.normal(0, 1, (100, 20)), draw.normal(0.4, 1, (100, 20)), seed=1).p_value < 0.01


def test_mmd_sees_a_shape_that_means_do_not_show() -> None:
    draw = np.random.default_rng(9)
    wide = draw.normal(0, 2, (200, 5))
    assert mmd_drift(draw.normal(0, 1, (200, 5)), wide, seed=1).p_value < 0.01


def test_equal_rows_are_no_drift_and_many_are_sampled() -> None:
    assert mmd_drift(np.ones((5, 3)), np.ones((7, 3)), seed=1).p_value == 1
    rows = np.random.default_rng(1).normal(0, 1, (3000, 4))
    assert mmd_drift(rows[:1500], rows[1500:], seed=1, permutations=99).p_value > 0.01


def test_empty_samples_are_refused() -> None:
    with pytest.raises(ValueError, match="empty"):
        psi(np.array([]), np.array([1.0]))
    with pytest.raises(ValueError, match="at least 2"):
        mmd_drift(np.ones((1, 3)), np.ones((7, 3)), seed=1)
