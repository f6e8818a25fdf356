"""How large a difference is, beside how sure it is."""

from dataclasses import dataclass

import numpy as np
from scipy import special

from assay_evals.statistics.arrays import Floats


@dataclass(frozen=True, slots=True)
class Effect:
    """Mean difference over the spread of the differences, with its interval."""

    size: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Discordant:
    """Questions that were right and are wrong, and the reverse; `p_value` as of McNemar's exact test."""

    worse: int
    better: int
    p_value: float


def cohens_d(differences: Floats, *, confidence: float = 0.95) -> Effect | None:
    """Cohen's d of paired differences, d = mean / standard deviation (Cohen 1988, section 2.3.5, his d_z).

    The interval turns the noncentral t distribution round (Cumming and Finch 2001). None for fewer than two values,
    or if all are equal: then there is no spread to measure by.
    """
    found = differences[~np.isnan(differences)]
    size = len(found)
    spread = float(found.std(ddof=1)) if size > 1 else 0.0
    if spread < 1e-12:
        return None
    root = float(np.sqrt(size))
    t = float(found.mean()) / spread * root
    tail = (1 - confidence) / 2
    # nctdtrinc gives NaN far from 0; there the distribution is all but normal.
    low, high = special.nctdtrinc(size - 1, [1 - tail, tail], t)
    half = special.ndtri(1 - tail) * np.sqrt(1 + t * t / (2 * (size - 1)))
    return Effect(t / root, _finite(low, t - half) / root, _finite(high, t + half) / root)


def discordant(old: Floats, new: Floats) -> Discordant | None:
    """McNemar's exact test (McNemar 1947) of values that are all 0 or 1; None if some are neither.

    P = how often so many coins, one for each question whose value changed, would be as uneven.
    """
    both = ~np.isnan(old) & ~np.isnan(new)
    before, after = old[both], new[both]
    if not bool(np.all(np.isin(before, (0.0, 1.0)) & np.isin(after, (0.0, 1.0)))):
        return None
    worse, better = int((before > after).sum()), int((after > before).sum())
    return Discordant(worse, better, min(1.0, 2 * float(special.bdtr(min(worse, better), worse + better, 0.5))))


def _finite(value: float, otherwise: float) -> float:
    return float(value) if np.isfinite(value) else float(otherwise)
