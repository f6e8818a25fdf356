"""Curve, area and calibration, worked out by hand."""

import pytest
from assay_evals.abstention import Given, Point, area, calibration_error, figures, intervals, risk_coverage

FOUR = [Given(0.9, True), Given(0.8, False), Given(0.4, True), Given(0.2, False)]


def test_the_curve_takes_the_surest_answers_first() -> None:
    assert risk_coverage(FOUR) == [Point(0.25, 0), Point(0.5, 0.5), Point(0.75, 1 / 3), Point(1, 0.5)]
    assert area(risk_coverage(FOUR)) == pytest.approx((0 + 0.5 + 1 / 3 + 0.5) / 4)


def test_equally_sure_answers_have_no_order() -> None:
    tied = [Given(0.5, True), Given(0.5, False)]
    assert risk_coverage(tied) == risk_coverage(tied[::-1]) == [Point(1, 0.5)]


def test_calibration_compares_confidence_with_the_share_that_is_right() -> None:
    # Bins: 0.9 (1 right of 1: 0.1 off), 0.8 (0 of 1: 0.8), 0.4 (0.6), 0.2 (0.2).
    assert calibration_error(FOUR) == pytest.approx((0.1 + 0.8 + 0.6 + 0.2) / 4)
    assert calibration_error([Given(0.75, True)] * 3 + [Given(0.75, False)]) == pytest.approx(0)
    assert calibration_error([Given(1.0, True)]) == 0


def test_few_answers_have_no_figures() -> None:
    assert figures(FOUR) == {}
    assert figures(FOUR * 3).keys() == {"aurc", "ece"}


def test_more_answers_narrow_the_intervals_which_hold_the_figures() -> None:
    few, many = FOUR * 4, FOUR * 64
    for name, value in figures(few).items():
        (low, high), (closer, nearer) = intervals(few, seed=1)[name], intervals(many, seed=1)[name]
        assert low < value < high
        assert nearer - closer < (high - low) / 2
    assert intervals(FOUR, seed=1) == {}
    assert intervals(few[::-1], seed=1) == intervals(few, seed=1)
