"""Tests that may be looked at all the time: false alarms over every look, and power, by simulation."""

import numpy as np
import pytest
from assay_evals.statistics.sequential import difference_by_betting, drop_over_nights
from scipy import integrate, stats

NIGHTS = 40


def wavering(draw: np.random.Generator, kind: str, questions: int) -> np.ndarray:
    """Nights of a system that does not change."""
    size = (NIGHTS, questions)
    match kind:
        case "graded":
            return np.clip(draw.uniform(0.3, 0.9, questions) + draw.normal(0, 0.15, size), 0, 1)
        case "seldom wrong":
            return (draw.random(size) < np.where(np.arange(questions) < questions / 10, 0.9, 1.0)).astype(float)
        case _:
            return (draw.random(size) < np.where(np.arange(questions) < questions / 10, 0.1, 0.0)).astype(float)


def test_the_first_night_tells_nothing_and_the_second_what_the_formula_says() -> None:
    scores = np.random.default_rng(1).random((2, 50))
    found = drop_over_nights(scores)
    residuals = (scores[1] - scores[0]) / 2**0.5
    t = residuals.sum() / (residuals**2).sum() ** 0.5
    z = stats.norm.ppf(stats.t.cdf(t, 50))
    mixed, _ = integrate.quad(lambda m: 2 * stats.norm.pdf(m) * np.exp(-m * z - m * m / 2), 0, 30)
    assert found.evidence == (1, pytest.approx(mixed, rel=1e-6))


@pytest.mark.parametrize("kind", ["graded", "seldom wrong", "seldom right"])
def test_looking_every_night_raises_few_false_alarms(kind: str) -> None:
    draw = np.random.default_rng(7)
    alarms = sum(drop_over_nights(wavering(draw, kind, 60)).alarm is not None for _ in range(150))
    assert alarms <= stats.binom.ppf(0.999, 150, 0.05)


@pytest.mark.parametrize("kind", ["graded", "seldom wrong"])
def test_a_slow_drop_of_three_points_is_found_within_three_weeks(kind: str) -> None:
    draw = np.random.default_rng(3)
    healthy, falling = 7, 14
    found = 0
    for _ in range(50):
        scores = wavering(draw, kind, 300)
        drop = 0.03 * np.clip((np.arange(NIGHTS) - healthy + 1) / falling, 0, 1)
        lost = draw.random(scores.shape) < (drop / scores.mean())[:, None]
        alarm = drop_over_nights(np.where(lost, 0, scores)).alarm
        found += alarm is not None and healthy <= alarm < healthy + 21
    assert found >= 40


def test_a_system_without_noise_is_quiet_and_a_lost_answer_each_night_is_not() -> None:
    scores = np.ones((20, 50))
    quiet = drop_over_nights(scores).evidence
    assert quiet == pytest.approx([(1 + night) ** -0.5 for night in range(20)])
    for night in range(5, 20):
        scores[night, : night - 4] = 0
    assert drop_over_nights(scores).alarm is not None


def test_a_rise_is_no_drop() -> None:
    scores = np.clip(np.random.default_rng(1).normal(0.5, 0.1, (30, 100)) + np.arange(30)[:, None] / 100, 0, 1)
    assert drop_over_nights(scores).alarm is None


def test_missing_scores_are_no_zeros() -> None:
    scores = np.random.default_rng(1).normal(0.8, 0.05, (20, 100)).clip(0, 1)
    scores[10:, :50] = np.nan
    assert drop_over_nights(scores).alarm is None


def arms(draw: np.random.Generator, *, size: int, share: float, old: float, new: float) -> list[tuple[bool, float]]:
    arrived = draw.random(size) < share
    return [(bool(is_new), float(draw.random() < (new if is_new else old))) for is_new in arrived]


def test_peeking_at_two_equal_arms_raises_few_false_alarms() -> None:
    draw = np.random.default_rng(5)
    alarms = 0
    for _ in range(60):
        arrivals = arms(draw, size=300, share=0.3, old=0.8, new=0.8)
        alarms += any(difference_by_betting(arrivals[:look]).decided for look in range(30, 301, 30))
    assert alarms <= stats.binom.ppf(0.999, 60, 0.05)


def test_two_arms_that_differ_are_told_apart_with_the_true_difference_inside() -> None:
    draw = np.random.default_rng(5)
    found = [difference_by_betting(arms(draw, size=1000, share=0.5, old=0.8, new=0.6)) for _ in range(20)]
    assert sum(one.high < 0 for one in found) >= 18
    assert sum(one.low <= -0.2 <= one.high for one in found) >= 18


def test_a_tenth_of_the_traffic_is_compared_with_all_of_the_rest() -> None:
    draw = np.random.default_rng(5)
    arrivals = arms(draw, size=1000, share=0.1, old=0.8, new=0.8)
    found = difference_by_betting(arrivals)
    assert 60 <= found.pairs <= 130
    assert difference_by_betting([(False, 0.5)]).pairs == 0


def test_a_value_out_of_bounds_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        difference_by_betting([(False, 0.5), (True, 1.5)])
