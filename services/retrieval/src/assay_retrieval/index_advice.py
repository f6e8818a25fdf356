"""Which index profiles are worth having for a collection, and which one to take."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any

from assay_core.index_profiles import IndexProfile

GRID = tuple(
    IndexProfile.parse(written)
    for written in (
        "flat",
        "hnsw:ef=64",
        "hnsw",
        "hnsw:ef=256",
        "hnsw:m=32",
        "ivf_sq8:nprobe=16",
        "ivf_sq8",
        "ivf_sq8:nprobe=128",
        "ivf_pq:nprobe=32",
        "ivf_pq",
        "ivf_pq:nprobe=128,rescore=10",
        "ivf_pq:per_byte=4",
    )
)
RECALL = 0.95
SLOWER = 1.25
"""How much more time a search may take for an index that takes less memory."""


@dataclass(frozen=True, slots=True)
class Point:
    """What one profile reached. `recall` chose, `recall_fresh` is of questions that were held back from choosing."""

    profile: str
    recall: float
    recall_fresh: float
    p50_ms: float
    p95_ms: float
    memory_mib: float


@dataclass(frozen=True, slots=True)
class Advice:
    """What was tried, on how many vectors and questions; `passages` of the questions are passages of the collection."""

    collection: str
    vectors: int
    of_vectors: int
    questions: int
    passages: int
    points: tuple[Point, ...]
    wanted_recall: float = RECALL

    @property
    def front(self) -> list[Point]:
        """Points that no other equals in everything and beats in something."""
        return [one for one in self.points if not any(_dominates(other, one) for other in self.points)]

    @property
    def choice(self) -> Point:
        """Of the points that reach the wanted recall, and are nearly as fast as the fastest such, the smallest in
        memory; if none reaches it, the one with most recall."""
        good = [one for one in self.points if one.recall >= self.wanted_recall]
        if not good:
            return max(self.points, key=lambda one: (one.recall, -one.memory_mib))
        limit_ms = SLOWER * min(one.p50_ms for one in good)
        return min((one for one in good if one.p50_ms <= limit_ms), key=lambda one: (one.memory_mib, one.p50_ms))

    def as_json(self) -> dict[str, Any]:
        """In the form that machines read."""
        return {
            **asdict(self),
            "front": [one.profile for one in self.front],
            "choice": self.choice.profile,
        }

    def as_text(self) -> str:
        """A table, fastest first, and what to do."""
        head = f"{'':2}{'profile':<32}{'recall@10':>10}{'fresh':>8}{'p50 ms':>9}{'p95 ms':>9}{'MiB':>9}"
        front = self.front
        rows = [
            f"{'* ' if one in front else '  '}{one.profile:<32}{one.recall:>10.4f}{one.recall_fresh:>8.4f}"
            f"{one.p50_ms:>9.1f}{one.p95_ms:>9.1f}{one.memory_mib:>9.1f}"
            for one in sorted(self.points, key=lambda one: one.p50_ms)
        ]
        choice = self.choice
        reached = "" if choice.recall >= self.wanted_recall else f"; none reaches recall {self.wanted_recall}"
        sampled = "" if self.vectors == self.of_vectors else f" (a sample of {self.of_vectors:,})"
        return "\n".join(
            [
                f"{self.collection}: {self.vectors:,} vectors{sampled}, {self.questions} questions,"
                f" of which {self.passages} are passages of its own",
                head,
                *rows,
                "* nothing else is as good in recall, time and memory. `fresh`: questions that did not choose.",
                f"Take {choice.profile}{reached}.",
            ]
        )


def by_build(profiles: Sequence[IndexProfile]) -> list[tuple[IndexProfile, ...]]:
    """Profiles together that can share the files of an index."""
    ordered = sorted(profiles, key=lambda one: one.built)
    return [tuple(group) for _, group in groupby(ordered, key=lambda one: one.built)]


def _dominates(one: Point, other: Point) -> bool:
    mine = (-one.recall, one.p50_ms, one.memory_mib)
    theirs = (-other.recall, other.p50_ms, other.memory_mib)
    return mine != theirs and all(a <= b for a, b in zip(mine, theirs, strict=True))
