"""Candidates of one index alone, and in the order that a reranker should see them."""

from collections.abc import Sequence
from itertools import islice

from assay_core.documents import ChunkId
from assay_core.fusion import Candidate
from assay_core.search import IndexHit, StageRank


def reranking_order(candidates: Sequence[Candidate], *, size: int, first: str, share: int = 2) -> list[Candidate]:
    """The `size` candidates that are most worth reranking, then the others as they were.

    `share` of the best of stage `first` come for each one of the best of the other stages. A reranker needs the right
    passage to be among its candidates, not to be high up; fusion would fill them with what both stages find middling,
    and lose what meaning alone finds: see decision 27.
    """
    by_rank = sorted(
        ((seen.rank, seen.stage != first, c) for c in candidates for seen in c.stages), key=lambda one: one[0]
    )
    main = (c for _, other, c in by_rank if not other)
    others = (c for _, other, c in by_rank if other)
    pool: dict[ChunkId, Candidate] = {}
    while len(pool) < size and (turn := [*islice(main, share), *islice(others, 1)]):
        pool |= {c.chunk: c for c in turn}
    chosen = list(pool.values())[:size]
    ids = {one.chunk for one in chosen}
    return chosen + [c for c in candidates if c.chunk not in ids]


def single_ranking(name: str, hits: Sequence[IndexHit]) -> list[Candidate]:
    """One index's ranking as candidates, with its own scores."""
    return [
        Candidate(hit.chunk, hit.score, (StageRank(name, rank, hit.score, normalized=hit.share),))
        for rank, hit in enumerate(hits, 1)
    ]
