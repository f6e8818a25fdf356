"""What a sample could have found. "No significant drop" says little without it."""

from math import floor, log2

import numpy as np
from scipy import special

from assay_evals.statistics.arrays import Floats

ALPHA = 0.05
POWER = 0.8


def smallest_drop(old: Floats, new: Floats, *, alpha: float = ALPHA, power: float = POWER) -> float | None:
    """The smallest drop of the mean that a two-sided paired test at `alpha` finds with probability `power`.

    Args:
        old, new: values of the same questions, between 0 and 1, shape (questions,); pairs with a NaN are left out.

    A drop d of the mean may come from many answers that are a little worse or from a few that are lost. The second
    is the harder to see, since it spreads the differences, so that is what is counted with: a share of the answers,
    whatever their value, goes to 0. With s the spread of the differences seen and m = E[old²] / E[old]

        d = (t(1 - alpha / 2) + t(power)) · sqrt((s² + d·m - d²) / n)

    which is solved for d (normal-theory power with quantiles of t, Chow et al. 2008, section 3.1, with the spread that
    the drop itself brings). Sign flips need k answers that changed, 2^(1 - k) < alpha, whatever the spread: the drop is
    at least the one that loses k of them with that probability. Returns None where even the loss of every answer would
    not be found, or nothing is there to be lost.
    """
    pairs = ~np.isnan(old) & ~np.isnan(new)
    before, after = old[pairs], new[pairs]
    size = len(before)
    level = float(before.mean()) if size > 1 else 0.0
    if level <= 0:
        return None
    spread = float((after - before).var(ddof=1))
    factor = float(special.stdtrit(size - 1, 1 - alpha / 2) + special.stdtrit(size - 1, power)) ** 2 / size
    lost = float((before**2).mean()) / level
    # d² = f · (s² + d·m - d²), so (1 + f)·d² - f·m·d - f·s² = 0
    half = factor * lost / 2
    found = (half + np.sqrt(half * half + (1 + factor) * factor * spread)) / (1 + factor)
    least, losable = floor(1 - log2(alpha)) + 1, int((before > 0).sum())
    if found > level or losable < least:
        return None
    return max(float(found), level * float(special.betaincinv(least, losable - least + 1, power)))
