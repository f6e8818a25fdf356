"""What retrieval asks of a dense index."""

from collections.abc import Sequence
from typing import Protocol

from assay_core.documents import ChunkId, CollectionId
from assay_core.ports import Vector
from assay_core.search import IndexHit, IndexScope


class DenseSearch(Protocol):
    """A vector index that is only searched."""

    def search(self, scope: IndexScope, vector: Vector, *, top_k: int, timeout_s: float) -> list[IndexHit]:
        """The nearest rows of the scope by cosine, best first."""
        ...


class DenseIndex(DenseSearch, Protocol):
    """A vector index that also shows what it holds."""

    def stored(self, collection: CollectionId, chunks: Sequence[ChunkId]) -> dict[ChunkId, bytes]:
        """The float32 vectors that are stored for these chunks, as bytes."""
        ...
