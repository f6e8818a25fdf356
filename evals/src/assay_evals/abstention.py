"""Whether the platform knows when it knows: risk at each coverage, and how well its confidence is calibrated.

An answer has a confidence between 0 and 1 and is right or wrong. The risk-coverage curve (Geifman and El-Yaniv 2017)
takes answers by falling confidence and tells the share of wrong ones among the first so many. The expected calibration
error (Naeini et al. 2015) compares confidence with the share of right answers in bins of equal width.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from random import Random

from assay_evals.statistics import percentile

BINS = 10
FEWEST = 10
"""Fewer answers than this have neither curve nor calibration."""


@dataclass(frozen=True, slots=True)
class Given:
    """An answer that was given."""

    confidence: float
    right: bool


@dataclass(frozen=True, slots=True)
class Point:
    """So much of the answers is given (`coverage`), and so much of what is given is wrong (`risk`)."""

    coverage: float
    risk: float


def risk_coverage(answers: Sequence[Given]) -> list[Point]:
    """The curve by rising coverage; answers of equal confidence are taken together, for no order is theirs."""
    points: list[Point] = []
    taken = wrong = 0
    for _, same in groupby(sorted(answers, key=_falling), key=_falling):
        tied = list(same)
        taken += len(tied)
        wrong += sum(not answer.right for answer in tied)
        points.append(Point(taken / len(answers), wrong / taken))
    return points


def area(curve: Sequence[Point]) -> float:
    """Mean risk over all coverages: each point stands for the coverage since the one before it."""
    before = [0.0, *(point.coverage for point in curve)]
    return sum(point.risk * (point.coverage - start) for point, start in zip(curve, before, strict=False))


def calibration_error(answers: Sequence[Given], *, bins: int = BINS) -> float:
    """Mean distance of confidence and share of right answers over bins, weighted by their answers."""
    found: dict[int, list[Given]] = {}
    for answer in answers:
        found.setdefault(min(int(answer.confidence * bins), bins - 1), []).append(answer)
    return sum(abs(sum(a.confidence - a.right for a in same)) for same in found.values()) / len(answers)


def figures(answers: Sequence[Given]) -> Mapping[str, float]:
    """`aurc` and `ece`; nothing if there are fewer than `FEWEST` answers."""
    if len(answers) < FEWEST:
        return {}
    return {"aurc": area(risk_coverage(answers)), "ece": calibration_error(answers)}


def intervals(answers: Sequence[Given], *, seed: int, resamples: int = 400) -> Mapping[str, tuple[float, float]]:
    """95 % percentile bootstrap of `figures`, answers drawn with replacement.

    That of `ece` lies somewhat high: a resample never looks better calibrated than
    chance allows (Kumar et al. 2019).
    """
    if len(answers) < FEWEST:
        return {}
    # Sorted first, so that the order in which questions were scored does not matter.
    ordered = sorted(answers, key=lambda answer: (answer.confidence, answer.right))
    draw = Random(seed)
    drawn = [figures(draw.choices(ordered, k=len(ordered))) for _ in range(resamples)]
    return {
        name: (percentile(values, 0.025), percentile(values, 0.975))
        for name in ("aurc", "ece")
        for values in ([found[name] for found in drawn],)
    }


def _falling(answer: Given) -> float:
    return -answer.confidence
