"""Whether scores or embeddings have moved: population stability index and maximum mean discrepancy."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay_evals.statistics.arrays import Floats

PERMUTATIONS = 999
BINS = 10
MOST_ROWS = 1000
_AT_ONCE = 100
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class Drift:
    """How far two samples are apart (0: not at all), and how often chance alone would part them as far."""

    value: float
    p_value: float


def psi(reference: Floats, current: Floats, *, bins: int = BINS) -> float:
    """Population stability index, sum of (c - r) ln(c / r) over bins (Siddiqi 2006, section 10).

    Values of shape (n,). Bins are the quantiles of `reference`, and half a value is added to each so that none is
    empty. 0 or more; by custom below 0.1 is no change, above 0.25 a large one, but that depends on the sample's size:
    prefer the p-value of `psi_drift`. Raises `ValueError` for an empty sample.
    """
    _refuse_empty(reference, current)
    edges = np.unique(np.quantile(reference, np.linspace(0, 1, bins + 1)[1:-1]))
    return float(_psi_of(_shares(reference, edges), _shares(current, edges)))


def psi_drift(
    reference: Floats, current: Floats, *, seed: int, bins: int = BINS, permutations: int = PERMUTATIONS
) -> Drift:
    """`psi` with a permutation p-value: how often the same values, dealt out anew, are as far apart."""
    _refuse_empty(reference, current)
    both, first = np.concatenate([reference, current]), len(reference)
    draw = np.random.default_rng(seed)
    seen = psi(reference, current, bins=bins)
    as_far = 0
    for _ in range(permutations):
        dealt = draw.permutation(both)
        as_far += psi(dealt[:first], dealt[first:], bins=bins) >= seen - _ROUNDING
    return Drift(seen, (as_far + 1) / (permutations + 1))


def mmd_drift(reference: Floats, current: Floats, *, seed: int, permutations: int = PERMUTATIONS) -> Drift:
    """Squared maximum mean discrepancy, unbiased (Gretton et al. 2012, Lemma 6), with a permutation p-value.

    Rows of shape (n, dimensions), at least 2 each; of more than `MOST_ROWS` a random part is taken. The kernel is
    exp(-|x - y|² / 2s²), s the median distance of all pairs (their section 8). The value may be a little below 0.
    Raises `ValueError` for fewer than two rows.
    """
    if len(reference) < 2 or len(current) < 2:
        raise ValueError(f"{len(reference)} and {len(current)} rows; at least 2 each are needed")
    draw = np.random.default_rng(seed)
    first, second = _part(reference, draw), _part(current, draw)
    kernel = _kernel(np.concatenate([first, second]).astype(np.float64))
    seen = _mmd(kernel, np.arange(len(kernel))[None, :] < len(first))
    as_far = 0
    for done in range(0, permutations, _AT_ONCE):
        order = draw.permuted(np.tile(np.arange(len(kernel)), (min(_AT_ONCE, permutations - done), 1)), axis=1)
        as_far += int((_mmd(kernel, order < len(first)) >= seen[0] - _ROUNDING).sum())
    return Drift(float(seen[0]), (as_far + 1) / (permutations + 1))


def _mmd(kernel: Floats, chosen: NDArray[np.bool_]) -> Floats:
    """MMD² of several ways to deal out the rows, shape (ways, rows); the kernel's diagonal is 0."""
    member = chosen.astype(np.float64)
    n, m = float(member[0].sum()), float((1 - member[0]).sum())
    near = member @ kernel
    within, from_first = (near * member).sum(axis=1), near.sum(axis=1)
    across = from_first - within
    other = kernel.sum() - within - 2 * across
    return np.asarray(within / (n * (n - 1)) + other / (m * (m - 1)) - 2 * across / (n * m))


def _part(rows: Floats, draw: np.random.Generator) -> Floats:
    return rows if len(rows) <= MOST_ROWS else rows[draw.choice(len(rows), MOST_ROWS, replace=False)]


def _kernel(rows: Floats) -> Floats:
    squares = (rows**2).sum(axis=1)
    distances = np.maximum(squares[:, None] + squares[None, :] - 2 * rows @ rows.T, 0.0)
    median = float(np.median(distances[np.triu_indices(len(rows), 1)]))
    kernel = np.exp(-distances / (2 * median)) if median > 0 else (distances == 0).astype(np.float64)
    np.fill_diagonal(kernel, 0.0)
    return kernel


def _shares(values: Floats, edges: Floats) -> Floats:
    counts = np.bincount(np.searchsorted(edges, values, side="left"), minlength=len(edges) + 1)
    return np.asarray((counts + 0.5) / (len(values) + 0.5 * (len(edges) + 1)), dtype=np.float64)


def _psi_of(reference: Floats, current: Floats) -> float:
    return float(((current - reference) * np.log(current / reference)).sum())


def _refuse_empty(reference: Floats, current: Floats) -> None:
    if not len(reference) or not len(current):
        raise ValueError(f"{len(reference)} and {len(current)} values; neither sample may be empty")
