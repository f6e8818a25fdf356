"""The front, the choice, and a trial whose indexes are exact."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from assay_core.documents import ChunkId, CollectionId
from assay_core.errors import Unavailable
from assay_core.index_profiles import IndexProfile
from assay_core.ports import Vector
from assay_core.search import IndexHit, IndexScope
from assay_retrieval.exact_search import Matrix
from assay_retrieval.index_advice import GRID, Advice, Point, by_build
from assay_retrieval.index_trial import Sample, Trial
from assay_retrieval.kept_vectors import Row
from assay_testing.fake_indexes import FakeVectorIndex
from assay_testing.ids import new_chunks, new_collection


def point(profile: str, recall: float, p50_ms: float, memory_mib: float) -> Point:
    return Point(profile, recall, recall, p50_ms, 2 * p50_ms, memory_mib)


def advice(*points: Point, wanted: float = 0.95) -> Advice:
    return Advice("handbook", 1000, 1000, 100, 50, points, wanted)


EXACT = point("flat", 1.0, 9.0, 80)
GRAPH = point("hnsw", 0.99, 5.0, 90)
SMALL = point("ivf_pq", 0.96, 6.0, 3)
POOR = point("ivf_pq:nprobe=32", 0.90, 5.5, 3)
WORSE = point("hnsw:ef=64", 0.97, 5.0, 90)


def test_the_front_leaves_out_what_another_beats() -> None:
    assert advice(EXACT, GRAPH, SMALL, POOR, WORSE).front == [EXACT, GRAPH, SMALL, POOR]
    assert advice(GRAPH, GRAPH).front == [GRAPH, GRAPH]


def test_the_smallest_is_taken_of_what_is_good_and_nearly_as_fast_as_the_fastest() -> None:
    assert advice(EXACT, GRAPH, SMALL, POOR).choice == SMALL
    assert advice(EXACT, GRAPH, SMALL, POOR, wanted=0.98).choice == GRAPH
    slow = point("ivf_pq", 0.96, 6.3, 3)
    assert advice(EXACT, GRAPH, slow).choice == GRAPH


def test_where_nothing_is_good_enough_the_best_is_taken_and_said_so() -> None:
    found = advice(SMALL, POOR, wanted=0.99)
    assert found.choice == SMALL
    assert "none reaches recall 0.99" in found.as_text()


def test_text_and_json_name_the_front_and_the_choice() -> None:
    found = advice(EXACT, WORSE, GRAPH, SMALL)
    marked = [line.split()[1] for line in found.as_text().splitlines() if line.startswith("* ")]
    assert marked[:3] == ["hnsw", "ivf_pq", "flat"]
    assert "Take ivf_pq." in found.as_text()
    assert (found.as_json()["choice"], found.as_json()["front"]) == ("ivf_pq", ["flat", "hnsw", "ivf_pq"])


def test_profiles_that_differ_in_the_search_alone_are_built_once() -> None:
    groups = by_build(GRID)
    assert sorted(one for group in groups for one in map(str, group)) == sorted(map(str, GRID))
    assert len({group[0].built for group in groups}) == len(groups) < len(GRID)


@dataclass
class Kept:
    rows: dict[ChunkId, Row]

    def of(self, collection: CollectionId, chunks: Sequence[ChunkId]) -> dict[ChunkId, Row | None]:  # noqa: ARG002
        return {one: self.rows[one] for one in chunks}


@dataclass
class Scratch(FakeVectorIndex):
    """Exact, but it leaves out every hit whose place is in `lost`."""

    lost: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        super().__init__()

    def search(self, scope: IndexScope, vector: Vector, *, top_k: int, timeout_s: float) -> list[IndexHit]:
        hits = super().search(scope, vector, top_k=top_k, timeout_s=timeout_s)
        return [hit for place, hit in enumerate(hits) if place not in self.lost]

    def stored(self, collection: CollectionId, chunks: Sequence[ChunkId]) -> dict[ChunkId, bytes]:  # noqa: ARG002
        return dict.fromkeys(chunks, b"")

    def seal(self) -> None: ...

    def indexed(self) -> bool:
        return True

    def load_again(self) -> None: ...

    def close(self) -> None: ...


@dataclass
class Shelf:
    """Scratch indexes by what they are built as; `removed` counts how often all were."""

    lost: frozenset[int] = frozenset()
    indexes: dict[str, Scratch] = field(default_factory=dict[str, Scratch])
    removed: int = 0

    def opened(self, profile: IndexProfile) -> Scratch:
        return self.indexes.setdefault(profile.built, Scratch(self.lost))

    def remove(self) -> None:
        self.indexes.clear()
        self.removed += 1


def unit(rows: int, seed: int) -> Matrix:
    found = np.random.default_rng(seed).standard_normal((rows, 8)).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


@pytest.fixture
def sample() -> Sample:
    collection = new_collection()
    return Sample(collection, new_chunks(collection, 120), unit(120, 1), unit(20, 2))


def trial(shelf: Shelf, sample: Sample, say: Callable[[str], None] = lambda _: None) -> Trial:
    kept = Kept(dict(zip(sample.chunks, sample.vectors, strict=True)))
    return Trial(opened=shelf.opened, remove=shelf.remove, kept=kept, say=say)


def test_a_trial_measures_each_profile_and_removes_what_it_made(sample: Sample) -> None:
    shelf = Shelf()
    profiles = [IndexProfile.parse(one) for one in ("flat", "ivf_pq", "ivf_pq:nprobe=128")]
    points = trial(shelf, sample).run(sample, profiles)
    assert {one.profile for one in points} == {str(one) for one in profiles}
    assert {(one.recall, one.recall_fresh) for one in points} == {(1.0, 1.0)}
    assert (shelf.removed, shelf.indexes) == (2, {})


def test_recall_is_the_share_that_is_not_lost(sample: Sample) -> None:
    (point,) = trial(Shelf(frozenset({0, 3, 9})), sample).run(sample, [IndexProfile.parse("hnsw")])
    assert (point.recall, point.recall_fresh) == (pytest.approx(0.7), pytest.approx(0.7))


def test_a_trial_that_fails_removes_what_it_made(sample: Sample) -> None:
    shelf = Shelf()
    shelf.opened(IndexProfile()).down = True
    with pytest.raises(Unavailable):
        trial(shelf, sample).run(sample, [IndexProfile()])
    assert (shelf.removed, shelf.indexes) == (1, {})
