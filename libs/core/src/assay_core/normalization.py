"""Scores of one ranking on a scale that another's can share."""

from collections.abc import Sequence
from statistics import fmean, pstdev

from assay_core.search import IndexHit

LEAST_COSINE, MOST_COSINE, LEAST_BM25 = -1.0, 1.0, 0.0


def normalized_scores(hits: Sequence[IndexHit], *, normalization: str, lexical: bool) -> tuple[list[float], float]:
    """A ranking's scores, best first, on one scale, and what a chunk counts that the ranking lacks.

    `absolute`: from the least to the most that any passage could reach, as 0 to 1, whatever else was found; for BM25 of
        an index that does not know the most, `theoretical`.
    `theoretical`: from the least that the scorer can give to the best one found, as 0 to 1.
    `min-max`: from the least to the best one found, as 0 to 1.
    `z`: in standard deviations above the mean.
    """
    if not hits:
        return [], 0.0
    scores = [hit.score for hit in hits]
    shares = [hit.share for hit in hits if hit.share is not None]
    if normalization == "absolute" and lexical and len(shares) == len(hits):
        return shares, 0.0
    start, width = _scale(scores, normalization, lexical=lexical)
    if width == 0:
        # All alike: being found is all that there is to tell.
        return [1.0] * len(scores), 0.0
    absent = LEAST_BM25 if lexical and normalization != "min-max" else min(scores)
    return [(score - start) / width for score in scores], (absent - start) / width


def _scale(scores: Sequence[float], normalization: str, *, lexical: bool) -> tuple[float, float]:
    """Where 0 is and how long 1 is."""
    match normalization:
        case "absolute" if not lexical:
            return LEAST_COSINE, MOST_COSINE - LEAST_COSINE
        case "absolute" | "theoretical":
            floor = LEAST_BM25 if lexical else LEAST_COSINE
            return floor, max(scores) - floor
        case "min-max":
            return min(scores), max(scores) - min(scores)
        case "z":
            return fmean(scores), pstdev(scores)
        case other:
            raise ValueError(f"{other!r} is no normalization")
