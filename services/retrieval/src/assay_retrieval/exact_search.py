"""The nearest vectors by looking at every one, a batch at a time: what an approximate index is held against."""

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]
TIE = 1e-5


class ExactSearch:
    """The `top_k` greatest cosines of each query over all vectors that were shown.

    Args:
        queries: float32 (queries, dimension), rows of unit length.
    """

    def __init__(self, queries: Matrix, *, top_k: int) -> None:
        self._queries = queries
        self._top_k = top_k
        self._best = np.full((len(queries), 0), -np.inf, dtype=np.float32)

    def show(self, vectors: Matrix) -> None:
        """Look at some more vectors: float32 (n, dimension), rows of unit length."""
        cosines = np.concatenate([self._best, self._queries @ vectors.T], axis=1)
        surplus = cosines.shape[1] - self._top_k
        self._best = np.partition(cosines, surplus, axis=1)[:, surplus:] if surplus > 0 else cosines

    def recalls(self, found: list[list[float]]) -> list[float | None]:
        """For each query the share of its exact nearest that were found; None where there is nothing to find.

        Args:
            found: the true cosines of what the approximate search returned, each vector once.

        What is as near as the last of the exact nearest counts as found, whichever of several equals it is
        (Aumüller, Bernhardsson and Faithfull 2018, section 3.2).
        """
        return [self._recall(best, cosines) for best, cosines in zip(self._best, found, strict=True)]

    @staticmethod
    def _recall(best: NDArray[np.float32], cosines: list[float]) -> float | None:
        if not best.size:
            return None
        near_enough = sum(cosine >= float(best.min()) - TIE for cosine in cosines)
        return min(near_enough, best.size) / best.size
