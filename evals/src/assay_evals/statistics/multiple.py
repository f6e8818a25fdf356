"""P-values of several tests at once, adjusted: compare an adjusted one with 0.05 as if it were alone."""

from collections.abc import Sequence

import numpy as np

from assay_evals.statistics.arrays import Floats


def holm(p_values: Sequence[float] | Floats) -> Floats:
    """Adjusted so that the chance of even one false alarm among them is bounded (Holm 1979), in input order."""
    given = _checked(p_values)
    order = np.argsort(given, kind="stable")
    steps = given[order] * np.arange(len(given), 0, -1)
    return _back(np.minimum(np.maximum.accumulate(steps), 1.0), order)


def benjamini_hochberg(p_values: Sequence[float] | Floats) -> Floats:
    """Adjusted so that the share of false ones among the alarms is bounded (Benjamini and Hochberg 1995), in input
    order. For tests that are independent or positively dependent."""
    given = _checked(p_values)
    order = np.argsort(given, kind="stable")
    steps = given[order] * len(given) / np.arange(1, len(given) + 1)
    return _back(np.minimum(np.minimum.accumulate(steps[::-1])[::-1], 1.0), order)


def _checked(p_values: Sequence[float] | Floats) -> Floats:
    given = np.asarray(p_values, dtype=np.float64)
    if given.ndim != 1 or not bool(np.all((given >= 0) & (given <= 1))):
        raise ValueError("p-values are between 0 and 1, in one row")
    return given


def _back(adjusted: Floats, order: np.ndarray[tuple[int, ...], np.dtype[np.intp]]) -> Floats:
    found = np.empty_like(adjusted)
    found[order] = adjusted
    return found
