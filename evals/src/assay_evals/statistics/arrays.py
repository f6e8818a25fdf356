"""Names of the arrays that the statistics take."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
"""float64 of any shape; NaN stands for a value that is missing, and is never counted as a number."""


def counted(values: Floats) -> Floats:
    """How many values of each column are there; shape (columns,)."""
    return np.asarray((~np.isnan(values)).sum(axis=0), dtype=np.float64)
