"""Whether the last of several nights is like the others: exact where nothing changed, and quick to see a drop."""

import numpy as np
import pytest
from assay_evals.statistics.permutation import last_night, sign_flip


def nights(count: int, questions: int, *, last: float, seed: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    draw = np.random.default_rng(seed)
    rights = np.full((count, 1), 0.9)
    rights[-1] = last
    return (draw.random((count, questions)) < rights).astype(float)


def test_equal_nights_raise_few_false_alarms_though_their_differences_are_skewed() -> None:
    p_values = [last_night(nights(8, 40, last=0.9, seed=seed), seed=seed, permutations=399) for seed in range(300)]
    assert sum(p < 0.05 for p in p_values) <= 24  # 15 are expected; 24 is 2.4 standard deviations above


def test_a_drop_is_found_more_surely_the_more_nights_there_are() -> None:
    found = [
        sum(last_night(nights(n, 60, last=0.72, seed=s), seed=s, permutations=399) < 0.01 for s in range(60))
        for n in (2, 8)
    ]
    assert found[0] < found[1]
    assert found[1] >= 42


def test_of_two_nights_it_is_the_sign_flip_test() -> None:
    two = nights(2, 40, last=0.7, seed=3)
    assert last_night(two, seed=1) == pytest.approx(sign_flip(two[1] - two[0], seed=1), abs=0.02)


def test_missing_scores_say_nothing() -> None:
    scores = nights(3, 5, last=0.0, seed=1)
    scores[-1] = np.nan
    assert last_night(scores, seed=1) == 1.0
    assert last_night(np.ones((1, 4)), seed=1) == 1.0
