"""From which score on an index names a passage among its candidates: what a later passage must reach to matter."""

from collections.abc import Sequence

from assay_core.search import IndexHit

_LEAST = {"dense": -1.0, "lexical": 0.0}


def floor_of(index: str, ranking: Sequence[IndexHit], depth: int) -> float:
    """The score of the last of `depth` candidates; the least that there is if any passage would still be taken."""
    return ranking[-1].score if len(ranking) >= depth else _LEAST[index]
