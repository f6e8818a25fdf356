"""Permutation, several tests at once, effect sizes and power: against scipy, by hand and by simulation."""

import numpy as np
import pytest
from assay_evals.statistics.effect import Discordant, cohens_d, discordant
from assay_evals.statistics.multiple import benjamini_hochberg, holm
from assay_evals.statistics.permutation import sign_flip, sign_flips
from assay_evals.statistics.power import smallest_drop
from scipy import stats


def noisy(draw: np.random.Generator, questions: int) -> tuple[np.ndarray, np.ndarray]:
    """Two runs of one system: graded scores between 0 and 1 that waver."""
    level = draw.uniform(0.3, 1, questions)
    first, second = (np.clip(level + draw.normal(0, 0.15, questions), 0, 1) for _ in range(2))
    return first, second


def test_few_questions_are_flipped_in_every_way() -> None:
    assert sign_flip(np.ones(5), seed=1) == 2 / 32
    values = np.array([0.3, -0.1, 0.25, 0.4, 0.05, -0.2, 0.3])
    exact = stats.permutation_test((values,), np.mean, permutation_type="samples", n_resamples=10_000)
    assert sign_flip(values, seed=1) == pytest.approx(exact.pvalue)


def test_differences_of_one_sign_have_the_exact_p_value() -> None:
    lost = np.zeros((60, 2))
    lost[:14, 0] = -1
    lost[:14, 1] = [-1] * 13 + [1]
    found = sign_flips(lost, seed=1, flips=999)
    assert found[0] == 2.0**-13
    assert found[1] >= 0.001


def test_many_questions_agree_with_the_t_test() -> None:
    draw = np.random.default_rng(5)
    columns = draw.normal([0.0, 0.02, 0.04], 0.2, (200, 3))
    expected = 2 * stats.t.sf(np.abs(columns.mean(axis=0) / columns.std(axis=0, ddof=1) * 200**0.5), 199)
    assert sign_flips(columns, seed=1) == pytest.approx(expected, abs=0.02)


def test_what_is_missing_counts_for_nothing() -> None:
    draw = np.random.default_rng(5)
    values = draw.normal(0.05, 0.2, 30)
    with_gaps = np.concatenate([values, np.full(10, np.nan)])[:, None]
    assert sign_flips(with_gaps, seed=1)[0] == pytest.approx(sign_flip(values, seed=2), abs=0.02)
    assert sign_flips(np.full((40, 1), np.nan), seed=1)[0] == 1
    assert sign_flip(np.zeros(40), seed=1) == 1


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert list(holm([0.9, 0.8])) == [1, 1]
    assert list(holm([])) == []


def test_benjamini_hochberg_agrees_with_scipy() -> None:
    given = np.random.default_rng(2).random(40) ** 3
    assert benjamini_hochberg(given) == pytest.approx(stats.false_discovery_control(given))


@pytest.mark.parametrize("adjust", [holm, benjamini_hochberg])
def test_what_is_no_p_value_is_refused(adjust: object) -> None:
    assert callable(adjust)
    with pytest.raises(ValueError, match="between 0 and 1"):
        adjust([0.5, 1.5])


def test_cohens_d_and_its_interval_fit_the_noncentral_t() -> None:
    values = np.random.default_rng(3).normal(0.4, 1, 50)
    found = cohens_d(values)
    assert found is not None
    assert found.size == pytest.approx(values.mean() / values.std(ddof=1))
    t = found.size * 50**0.5
    assert stats.nct.sf(t, 49, found.low * 50**0.5) == pytest.approx(0.025, abs=1e-6)
    assert stats.nct.cdf(t, 49, found.high * 50**0.5) == pytest.approx(0.025, abs=1e-6)


def test_without_spread_there_is_no_effect_size() -> None:
    assert cohens_d(np.zeros(10)) is None
    assert cohens_d(np.array([0.5, np.nan])) is None


def test_a_huge_effect_has_a_finite_interval() -> None:
    found = cohens_d(np.random.default_rng(1).normal(5, 0.01, 1000))
    assert found is not None
    assert 0 < found.low < found.size < found.high < 1000


def test_changed_answers_are_counted_as_mcnemar_does() -> None:
    old = np.array([1.0] * 15 + [0.0] * 5 + [1.0] * 30 + [np.nan])
    new = np.array([0.0] * 15 + [1.0] * 5 + [1.0] * 30 + [0.0])
    found = discordant(old, new)
    assert found is not None
    assert (found.worse, found.better) == (15, 5)
    assert found.p_value == pytest.approx(stats.binomtest(5, 20).pvalue)
    assert discordant(old, old) == Discordant(0, 0, 1.0)
    assert discordant(np.array([0.5]), np.array([1.0])) is None


def test_false_alarms_of_the_permutation_test_are_as_rare_as_promised() -> None:
    draw = np.random.default_rng(11)
    differences = np.stack([np.subtract(*noisy(draw, 40)) for _ in range(400)], axis=1)
    alarms = int((sign_flips(differences, seed=1, flips=999) < 0.05).sum())
    assert alarms <= stats.binom.ppf(0.999, 400, 0.05)


@pytest.mark.parametrize("questions", [60, 300])
def test_the_smallest_drop_is_found_as_often_as_it_says(questions: int) -> None:
    draw = np.random.default_rng(questions)
    found = 0
    for trial in range(200):
        old, new = noisy(draw, questions)
        drop = smallest_drop(old, new)
        assert drop is not None
        lost = draw.random(questions) < drop / new.mean()
        found += sign_flip(np.where(lost, 0, new) - old, seed=trial, flips=499) < 0.05
    assert found >= 0.8 * 200 - 3 * (200 * 0.8 * 0.2) ** 0.5
    assert found < 0.97 * 200


def test_a_larger_sample_finds_less() -> None:
    draw = np.random.default_rng(1)
    drops = [smallest_drop(*noisy(draw, size)) for size in (30, 100, 1000)]
    assert drops[0] is not None
    assert drops[1] is not None
    assert drops[2] is not None
    assert drops[0] > drops[1] > drops[2]


def test_what_no_drop_could_show_is_said() -> None:
    assert smallest_drop(np.zeros(50), np.zeros(50)) is None
    assert smallest_drop(np.array([1.0, 1.0, 1.0]), np.array([1.0, 0.0, 1.0])) is None
