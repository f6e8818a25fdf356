"""Tests that may be looked at as often as one likes: the chance that they ever raise a false alarm is bounded.

All keep evidence E against "nothing is different": where that is true, E ever reaches 1 / alpha with probability of
at most alpha (Ville 1939). So the alarm is E >= 20 for alpha = 0.05.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log, sqrt

import numpy as np
from scipy import special

from assay_evals.statistics.arrays import Floats

ALPHA = 0.05
_MIXING_SD = 1.0
_GRID = 401
_ROUNDING = 1e-12
_PRIOR_DRAWS = 10
_MOST = 0.5  # of what may be bet without ever losing all; truncation as in Waudby-Smith and Ramdas, section 4


@dataclass(frozen=True, slots=True)
class Nights:
    """Evidence for a drop after each night; `alarm` is the index of the first night on which it suffices, or None."""

    evidence: tuple[float, ...]
    alarm: int | None


@dataclass(frozen=True, slots=True)
class Difference:
    """Mean of `new - old` with an interval that holds at every look; `decided` once the interval leaves out 0."""

    pairs: int
    difference: float
    low: float
    high: float

    @property
    def decided(self) -> bool:
        return self.low > 0 or self.high < 0


def drop_over_nights(scores: Floats, *, alpha: float = ALPHA) -> Nights:
    """Whether a metric has fallen since the first nights, slowly or at once.

    Args:
        scores: shape (nights, questions), the same questions every night, NaN where a score is missing.

    Night k (from 0) is compared with the mean of all nights before it, question by question. If nothing changes, these
    recursive residuals, times sqrt(k / (k + 1)), are uncorrelated and equally spread (Brown, Durbin and Evans 1975), so
    their sums over questions, divided by the spread of all so far, are all but independent standard normal z. With S
    the sum of T of them, the evidence is the likelihood ratio mixed over half-normal drops (Robbins 1970; the mixture
    SPRT of Johari et al. 2017, one-sided):

        E = 2 / sqrt(1 + T) · exp(S² / (2 (1 + T))) · Phi(-S / sqrt(1 + T))

    The first night has nothing to be compared with: its evidence is 1.
    """
    evidence, total, spread = [1.0] * min(1, len(scores)), 0.0, _Spread()
    for night in range(1, len(scores)):
        total += spread.normal_score(_residuals(scores[night], scores[:night]))
        grown = 1 + night * _MIXING_SD**2
        logged = log(2 / sqrt(grown)) + total**2 / (2 * grown) + float(special.log_ndtr(-total / sqrt(grown)))
        evidence.append(float(np.exp(min(logged, 700.0))))
    return Nights(tuple(evidence), next((i for i, e in enumerate(evidence) if e >= 1 / alpha), None))


def difference_by_betting(arrivals: Sequence[tuple[bool, float]], *, alpha: float = ALPHA) -> Difference:
    """How much two arms differ, from values between 0 and 1 in order of arrival, each with whether its arm is the new.

    A turn ends as soon as both arms have had something: the means of a turn make a pair, so that nothing is wasted
    where one arm gets a tenth of the traffic, and no later value changes an earlier pair. The interval is the
    confidence sequence of hedged betting with predictable plug-in bets (Waudby-Smith and Ramdas 2024, "Estimating means
    of bounded random variables by betting", section 4.2): it covers the true difference at all times with
    probability of at least 1 - alpha, with no assumption but bounded values with a constant mean.

    Raises:
        ValueError: a value is not between 0 and 1.
    """
    before, after = _turns(arrivals)
    if not len(before):
        return Difference(0, 0.0, -1.0, 1.0)
    values = (after - before + 1) / 2
    means = np.linspace(0, 1, _GRID)
    kept = means[_most_capital(values, means, alpha) < 1 / alpha]
    seen = float(values.mean())
    # The running intersection may be empty where the mean has moved: then the last word is the mean itself.
    low, high = (float(kept[0]), float(kept[-1])) if len(kept) else (seen, seen)
    step = 1 / (_GRID - 1)
    return Difference(len(values), 2 * seen - 1, max(2 * (low - step) - 1, -1.0), min(2 * (high + step) - 1, 1.0))


def evidence_against_share(times: int, of: int, share: float) -> float:
    """Evidence that something that is drawn with probability `share` was drawn otherwise, after `times` in `of` draws.

    The likelihood ratio mixed over a Beta prior around the share (Lindon and Malek 2022, "Anytime-valid inference for
    multinomial count data", with two categories); above 1 / alpha it is an alarm.
    """
    a, b = _PRIOR_DRAWS * share, _PRIOR_DRAWS * (1 - share)
    mixed = special.betaln(a + times, b + of - times) - special.betaln(a, b)
    return float(np.exp(min(float(mixed) - times * log(share) - (of - times) * log(1 - share), 700.0)))


class _Spread:
    """Sum of squares of all residuals so far: one night's own would be small on a night when few things happen."""

    def __init__(self) -> None:
        self._squares = 0.0
        self._number = 0

    def normal_score(self, residuals: Floats) -> float:
        self._squares += float((residuals**2).sum())
        self._number += len(residuals)
        if self._squares < _ROUNDING:
            return 0.0
        t = float(residuals.sum()) / sqrt(len(residuals) * self._squares / self._number)
        tail = max(float(special.stdtr(self._number, -abs(t))), 1e-300)
        return -float(np.sign(t)) * float(special.ndtri(tail))


def _residuals(tonight: Floats, before: Floats) -> Floats:
    known = ~np.isnan(before)
    sums, counts = np.where(known, before, 0.0).sum(axis=0), known.sum(axis=0)
    both = (counts > 0) & ~np.isnan(tonight)
    return np.asarray((tonight[both] - sums[both] / counts[both]) * np.sqrt(counts[both] / (counts[both] + 1)))


def _turns(arrivals: Sequence[tuple[bool, float]]) -> tuple[Floats, Floats]:
    """The mean of what each arm got in each turn; a turn ends as soon as both have something."""
    waiting: tuple[list[float], list[float]] = ([], [])
    means: tuple[list[float], list[float]] = ([], [])
    for is_new, value in arrivals:
        if not 0 <= value <= 1:
            raise ValueError(f"a value is {value!r}; it must be between 0 and 1")
        waiting[is_new].append(value)
        if waiting[0] and waiting[1]:
            for mean, values in zip(means, waiting, strict=True):
                mean.append(sum(values) / len(values))
                values.clear()
    return np.asarray(means[0]), np.asarray(means[1])


def _most_capital(values: Floats, means: Floats, alpha: float) -> Floats:
    """The largest capital ever held by a gambler against each candidate mean, shape (means,)."""
    bets = _bets(values, alpha)
    with np.errstate(divide="ignore"):
        up, down = _MOST / means, _MOST / (1 - means)
    rising = np.zeros_like(means)
    falling = np.zeros_like(means)
    most = np.full_like(means, -np.inf)
    for bet, value in zip(bets, values, strict=True):
        gain = value - means
        rising += np.log1p(np.minimum(bet, up) * gain)
        falling += np.log1p(-np.minimum(bet, down) * gain)
        most = np.maximum(most, np.maximum(rising, falling))
    # Half of the capital is on either side, and the larger half is a lower bound of both together.
    return np.exp(np.minimum(most, 700.0)) / 2


def _bets(values: Floats, alpha: float) -> Floats:
    """lambda_t = sqrt(2 log(2 / alpha) / (variance_{t-1} · t · log(1 + t))), from earlier values alone."""
    number = np.arange(1, len(values) + 1)
    means = (0.5 + np.cumsum(values)) / (number + 1)
    variances = (0.25 + np.cumsum((values - means) ** 2)) / (number + 1)
    before = np.concatenate([[0.25], variances[:-1]])
    return np.sqrt(2 * log(2 / alpha) / (before * number * np.log1p(number)))
