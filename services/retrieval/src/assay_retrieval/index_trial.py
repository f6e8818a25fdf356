"""Measures index profiles on vectors of a collection: recall against exact search, and the time of a search."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from assay_core.documents import AclId, ChunkId, CollectionId
from assay_core.errors import Exhausted
from assay_core.index_profiles import IndexProfile
from assay_core.ports import Vectors
from assay_core.search import IndexRow, IndexScope

from assay_retrieval.dense_indexes import DenseIndex
from assay_retrieval.exact_search import ExactSearch, Matrix
from assay_retrieval.index_advice import Point, by_build
from assay_retrieval.rescoring import ReadableVectors, Rescored

TOP_K = 10
DEPTH = 50
"""As deep as a search for ten looks."""
_ACL = AclId(1)
_BATCH = 5000
_WARM_UP = 10
_POLL_S = 0.5
_PATIENCE_S = 1800.0


class ScratchIndex(DenseIndex, Protocol):
    """A vector index that is made for a trial and removed after it."""

    def upsert(self, rows: Sequence[IndexRow], vectors: Vectors) -> None: ...

    def seal(self) -> None: ...

    def indexed(self) -> bool:
        """Whether all rows have their index."""
        ...

    def load_again(self) -> None:
        """Have searches use what was just built."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Sample:
    """Vectors and queries, float32 rows of unit length. Every other query is held back from choosing."""

    collection: CollectionId
    chunks: Sequence[ChunkId]
    vectors: Matrix
    queries: Matrix


class Trial:
    """Tries profiles on scratch indexes. `opened` gives those of profiles with equal `built` the same files."""

    def __init__(
        self,
        *,
        opened: Callable[[IndexProfile], ScratchIndex],
        remove: Callable[[], object],
        kept: ReadableVectors,
        say: Callable[[str], None],
    ) -> None:
        self._opened = opened
        self._remove = remove
        self._kept = kept
        self._say = say

    def run(self, sample: Sample, profiles: Sequence[IndexProfile]) -> list[Point]:
        """Measure each profile. Raises `Unavailable` if the index does not answer, `Exhausted` if it is not built."""
        exact = ExactSearch(sample.queries, top_k=TOP_K)
        exact.show(sample.vectors)
        points: list[Point] = []
        for alike in by_build(profiles):
            self._say(f"Building {alike[0].built} …")
            try:
                self._build(self._opened(alike[0]), sample)
                points += [self._measured(profile, sample, exact) for profile in alike]
            finally:
                self._remove()
        return points

    def _build(self, index: ScratchIndex, sample: Sample) -> None:
        rows = [IndexRow(chunk, sample.collection, _ACL) for chunk in sample.chunks]
        for start in range(0, len(rows), _BATCH):
            index.upsert(rows[start : start + _BATCH], list(sample.vectors[start : start + _BATCH]))
        index.seal()
        until_s = time.monotonic() + _PATIENCE_S
        while not index.indexed():
            if time.monotonic() > until_s:
                raise Exhausted(f"The index was not built within {_PATIENCE_S:.0f} s.", code="deadline")
            time.sleep(_POLL_S)
        index.load_again()
        index.close()

    def _measured(self, profile: IndexProfile, sample: Sample, exact: ExactSearch) -> Point:
        index = self._opened(profile)
        search: DenseIndex = index
        if profile.compressed:
            search = Rescored(index, kept=self._kept, narrow=lambda _: False, factor=profile["rescore"])
        scope = IndexScope(sample.collection, frozenset({_ACL}))
        places = {chunk: row for row, chunk in enumerate(sample.chunks)}
        found: list[list[float]] = []
        times_ms: list[float] = []
        for query in [*sample.queries[:_WARM_UP], *sample.queries]:
            begun = time.perf_counter()
            hits = search.search(scope, query, top_k=DEPTH, timeout_s=30.0)[:TOP_K]
            times_ms.append(1000 * (time.perf_counter() - begun))
            found.append([float(sample.vectors[places[hit.chunk]] @ query) for hit in hits])
        index.close()
        recalls = [one or 0.0 for one in exact.recalls(found[_WARM_UP:])]
        p50_ms, p95_ms = (float(one) for one in np.percentile(times_ms[_WARM_UP:], [50, 95]))
        chosen, fresh = (float(np.mean(recalls[half::2])) for half in (0, 1))
        mib = len(sample.chunks) * profile.bytes_each(sample.vectors.shape[1]) / 2**20
        self._say(f"  {profile}: recall@10 {chosen:.4f}, p50 {p50_ms:.1f} ms")
        return Point(str(profile), chosen, fresh, p50_ms, p95_ms, mib)
