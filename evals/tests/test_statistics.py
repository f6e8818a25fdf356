import random

import pytest
from assay_evals.statistics import compare, interval, mean, percentile
from hypothesis import given, settings
from hypothesis import strategies as st

QUICK = settings(max_examples=40, deadline=None)

values = st.lists(st.floats(0, 1), min_size=2, max_size=20)


def test_percentile_interpolates_between_ranks() -> None:
    assert percentile([4, 1, 3, 2], 0.5) == 2.5
    assert percentile([1, 2, 3, 4, 5], 0.25) == 2
    assert percentile([7], 0.99) == 7


def test_an_empty_sample_is_refused_not_averaged() -> None:
    with pytest.raises(ValueError, match="empty"):
        mean([])
    with pytest.raises(ValueError, match="at least 2"):
        interval([0.5], seed=1)


def test_interval_agrees_with_the_normal_one_for_many_values() -> None:
    coin = [0.0, 1.0] * 200
    low, high = interval(coin, seed=1)
    half_width = 1.96 * 0.5 / 400**0.5
    assert low == pytest.approx(0.5 - half_width, abs=0.01)
    assert high == pytest.approx(0.5 + half_width, abs=0.01)


@QUICK
@given(values)
def test_interval_holds_to_its_seed_whatever_the_order(found: list[float]) -> None:
    turned = list(reversed(found))
    assert interval(found, seed=7, resamples=50) == interval(turned, seed=7, resamples=50)


@QUICK
@given(values)
def test_interval_stays_within_the_values(found: list[float]) -> None:
    low, high = interval(found, seed=3, resamples=50)
    assert min(found) - 1e-9 <= low <= high <= max(found) + 1e-9


def test_a_pair_of_equal_systems_shows_no_difference() -> None:
    same = [0.1, 0.5, 0.9, 0.4]
    found = compare(same, same, seed=1)
    assert (found.difference, found.low, found.high, found.p_value) == (0, 0, 0, 1)


def test_a_steady_gain_is_seen_although_questions_differ_widely() -> None:
    old = [i / 100 for i in range(80)]
    new = [value + 0.05 + 0.01 * (i % 3) for i, value in enumerate(old)]
    found = compare(old, new, seed=1)
    assert found.difference == pytest.approx(0.06, abs=0.001)
    assert 0.05 < found.low < found.high < 0.07
    assert found.p_value < 0.01


def test_comparison_turns_its_sign_with_the_systems() -> None:
    old, new = [0.2, 0.4, 0.9, 0.3], [0.3, 0.8, 0.7, 0.6]
    there, back = compare(old, new, seed=5), compare(new, old, seed=5)
    assert there.difference == pytest.approx(-back.difference)


def test_unpaired_values_are_refused() -> None:
    with pytest.raises(ValueError, match="paired"):
        compare([1.0, 0.0], [1.0], seed=1)


def test_false_alarms_are_as_rare_as_promised() -> None:
    draw = random.Random(11)
    alarms = sum(
        compare(
            [draw.gauss(0, 1) for _ in range(40)], [draw.gauss(0, 1) for _ in range(40)], seed=trial, resamples=200
        ).p_value
        < 0.05
        for trial in range(100)
    )
    assert alarms <= 11
