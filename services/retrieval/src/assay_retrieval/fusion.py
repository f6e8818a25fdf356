"""One ranking out of several."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from assay_core.documents import ChunkId
from assay_core.search import IndexHit, StageRank


@dataclass(frozen=True, slots=True)
class Candidate:
    """A chunk with its fused score and how each stage saw it."""

    chunk: ChunkId
    score: float
    stages: tuple[StageRank, ...]


def reciprocal_rank_fusion(rankings: Mapping[str, Sequence[IndexHit]], *, k: int = 60) -> list[Candidate]:
    """Fuse rankings by rank alone: score = Σ 1 / (k + rank), best first; ties by chunk id, so that it is repeatable.

    Cormack, Clarke and Büttcher, "Reciprocal rank fusion outperforms Condorcet and individual rank learning
    methods", SIGIR 2009; k = 60 is theirs.
    """
    stages: dict[ChunkId, list[StageRank]] = {}
    for name, hits in rankings.items():
        for rank, hit in enumerate(hits, start=1):
            stages.setdefault(hit.chunk, []).append(StageRank(name, rank, hit.score))
    fused = [
        Candidate(chunk, sum(1 / (k + seen.rank) for seen in ranks), tuple(ranks)) for chunk, ranks in stages.items()
    ]
    return sorted(fused, key=lambda c: (-c.score, c.chunk))


def reranking_order(candidates: Sequence[Candidate], *, size: int, first: str, share: int = 4) -> list[Candidate]:
    """The `size` candidates that are most worth reranking, then the others as they were.

    `share` of the best of stage `first` come for each one of the best of the other stages. A reranker needs the right
    passage to be among its candidates, not to be high up; rank fusion would fill them with what both stages find
    middling, and lose what meaning alone finds: see docs/measurements.md.
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
    return [Candidate(hit.chunk, hit.score, (StageRank(name, rank, hit.score),)) for rank, hit in enumerate(hits, 1)]
