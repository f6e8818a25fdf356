"""Whether chance alone would do as much: the paired sign-flip permutation test (Fisher 1935, section 21; Good 2005,
section 3.2). If a change does nothing, each question's difference might as well have had the other sign.
"""

import numpy as np
from numpy.typing import NDArray

from assay_evals.statistics.arrays import Floats

FLIPS = 9999
EXACT_UP_TO = 13
_ROUNDING = 1e-12
_AT_ONCE = 4_000_000


def sign_flips(differences: Floats, *, seed: int, flips: int = FLIPS) -> Floats:
    """Two-sided p-values of the means of columns, each between 0 and 1.

    Args:
        differences: new - old, shape (questions, columns); NaN where a question has no pair of values. The same flips
            serve all columns, so the p-values may be compared with each other.
        flips: how many random flips, from which p is at least 1 / (flips + 1), counting the sample itself. Exact are
            the p-values of up to `EXACT_UP_TO` questions, and of columns whose differences all have one sign.

    A column without a pair, or in which nothing differs, has p = 1.
    """
    known = np.nan_to_num(differences)  # a zero turns into itself, so it is as if it were not there
    questions = len(known)
    if questions <= EXACT_UP_TO:
        signs = 1.0 - 2.0 * ((np.arange(2**questions)[:, None] >> np.arange(questions)) & 1)
        return _as_far(signs @ known, known) / len(signs)
    draw = np.random.default_rng(seed)
    rows = max(1, _AT_ONCE // questions)
    as_far = np.zeros(known.shape[1])
    for done in range(0, flips, rows):
        size = (min(rows, flips - done), questions)
        signs = draw.integers(0, 2, size=size, dtype=np.int8) * 2.0 - 1.0
        as_far += _as_far(signs @ known, known)
    return np.where(_one_way(known), 2.0 ** (1 - np.count_nonzero(known, axis=0)), (as_far + 1) / (flips + 1))


def sign_flip(differences: Floats, *, seed: int, flips: int = FLIPS) -> float:
    """`sign_flips` of one column, shape (questions,)."""
    return float(sign_flips(differences[:, None], seed=seed, flips=flips)[0])


def _one_way(known: Floats) -> NDArray[np.bool_]:
    """Columns whose differences all have one sign: only two of all flips are as far, so p is known exactly. It matters
    for a few lost answers among many tests, where random flips cannot tell 0.0002 from 0.0003."""
    up, down = (known > 0).any(axis=0), (known < 0).any(axis=0)
    return np.asarray(up != down)


def _as_far(sums: Floats, known: Floats) -> Floats:
    # What differs by rounding is the same.
    slack = _ROUNDING * (1 + np.abs(known).sum(axis=0))
    return np.asarray((np.abs(sums) >= np.abs(known.sum(axis=0)) - slack).sum(axis=0), dtype=np.float64)


def last_night(scores: Floats, *, seed: int, permutations: int = FLIPS) -> float:
    """Two-sided p-value of "the last night is like the others", between 0 and 1.

    Args:
        scores: shape (nights, questions), NaN where a score is missing; what the last night lacks says nothing.

    If nothing has changed, the nights of a question are exchangeable, so any of its scores might have been the last
    night's. The statistic is the sum over questions of the last score's distance from the question's mean. Of two
    nights this is `sign_flip`; of more it needs no symmetry, which distances from a mean of several nights do not have
    (Pitman 1937; Good 2005, section 3.2).
    """
    known = scores[:, ~np.isnan(scores[-1])]
    known = known[:, (~np.isnan(known)).sum(axis=0) > 1]
    if not known.size:
        return 1.0
    distances = known - np.nanmean(known, axis=0)
    seen = abs(float(distances[-1].sum()))
    draw = np.random.default_rng(seed)
    drawn = np.zeros(permutations)
    for column in distances.T:
        drawn += draw.choice(column[~np.isnan(column)], permutations)
    return float((np.sum(np.abs(drawn) >= seen - _ROUNDING) + 1) / (permutations + 1))
