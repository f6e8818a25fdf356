"""One ranking out of several, as the collection's settings say: by ranks, or by scores on one scale."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from assay_core.collection_settings import Searching
from assay_core.documents import ChunkId
from assay_core.normalization import normalized_scores
from assay_core.search import IndexHit, Scorer, StageRank

DENSE, LEXICAL = "dense", "lexical"
RRF_K = 60


@dataclass(frozen=True, slots=True)
class Candidate:
    """A chunk with its fused score and how each stage saw it."""

    chunk: ChunkId
    score: float
    stages: tuple[StageRank, ...]


def fuse(rankings: Mapping[str, Sequence[IndexHit]], searching: Searching, *, rrf_k: int = RRF_K) -> list[Candidate]:
    """Best first; ties by chunk id, so that it is repeatable."""
    weights = {name: searching.dense_weight if name == DENSE else 1 - searching.dense_weight for name in rankings}
    if searching.fusion == "rrf":
        return reciprocal_rank_fusion(rankings, k=rrf_k, weights=weights)
    return convex_combination(rankings, normalization=searching.normalization, weights=weights)


def fused_by(searching: Searching) -> Scorer:
    """Who makes the scores of a fused ranking."""
    return Scorer.RRF if searching.fusion == "rrf" else Scorer.CONVEX


def reciprocal_rank_fusion(
    rankings: Mapping[str, Sequence[IndexHit]], *, k: int = RRF_K, weights: Mapping[str, float] | None = None
) -> list[Candidate]:
    """Fuse rankings by rank alone: score = Σ weight / (k + rank), where equal weights are 1 each.

    Cormack, Clarke and Büttcher, "Reciprocal rank fusion outperforms Condorcet and individual rank learning
    methods", SIGIR 2009; k = 60 is theirs.
    """
    weights = weights or dict.fromkeys(rankings, 1 / max(len(rankings), 1))
    stages = {
        name: [
            StageRank(name, rank, hit.score, normalized=1 / (k + rank), weight=len(rankings) * weights[name])
            for rank, hit in enumerate(hits, start=1)
        ]
        for name, hits in rankings.items()
    }
    return _summed(rankings, stages)


def convex_combination(
    rankings: Mapping[str, Sequence[IndexHit]], *, normalization: str, weights: Mapping[str, float]
) -> list[Candidate]:
    """Fuse rankings by their scores on one scale: score = Σ weight · normalized score.

    Bruch, Gai and Ingber, "An Analysis of Fusion Functions for Hybrid Retrieval", TOIS 2023. A chunk that a ranking
    lacks counts there as its last one does in the dense ranking, for each chunk has a cosine and that one bounds it
    from above; in the lexical one as sharing no word with the question.
    """
    stages: dict[str, list[StageRank]] = {}
    absent: dict[str, float] = {}
    for name, hits in rankings.items():
        scaled, absent[name] = normalized_scores(hits, normalization=normalization, lexical=name == LEXICAL)
        stages[name] = [
            StageRank(name, rank, hit.score, normalized=scale, weight=weights[name])
            for rank, (hit, scale) in enumerate(zip(hits, scaled, strict=True), start=1)
        ]
    lowest = {name: weights[name] * scale for name, scale in absent.items()}
    return _summed(rankings, stages, absent=lowest)


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


def _summed(
    rankings: Mapping[str, Sequence[IndexHit]],
    stages: Mapping[str, Sequence[StageRank]],
    absent: Mapping[str, float] | None = None,
) -> list[Candidate]:
    found: dict[ChunkId, dict[str, StageRank]] = {}
    for name, hits in rankings.items():
        for hit, seen in zip(hits, stages[name], strict=True):
            found.setdefault(hit.chunk, {})[name] = seen
    absent = absent or {}
    fused = [
        Candidate(
            chunk,
            sum(_part(seen[name]) if name in seen else absent.get(name, 0.0) for name in sorted(rankings)),
            tuple(seen.values()),
        )
        for chunk, seen in found.items()
    ]
    return sorted(fused, key=lambda c: (-c.score, c.chunk))


def _part(seen: StageRank) -> float:
    return (seen.normalized or 0.0) * (seen.weight or 0.0)
