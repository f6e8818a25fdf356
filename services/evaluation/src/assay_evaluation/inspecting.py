"""The retrieval service as one principal sees it, for the nightly probes: embeddings, the index's recall, vectors."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import numpy as np
from anyio.from_thread import BlockingPortal
from assay_core.documents import CollectionId
from assay_core.principals import Principal
from assay_wire import internal
from numpy.typing import NDArray

Rows = NDArray[np.float64]
CHECK_DEADLINE_S = 600.0
_TEXTS_AT_ONCE = 200


class Retrieval(Protocol):
    """What is asked of `RetrievalClient`."""

    async def embed(self, principal: Principal, texts: Sequence[str], *, kind: str) -> internal.EmbedResult: ...

    async def check_index(
        self, principal: Principal, check: internal.IndexCheck, *, deadline_s: float
    ) -> internal.IndexReport: ...

    async def sample_vectors(self, principal: Principal, sample: internal.VectorSample) -> internal.Vectors: ...


class Inspecting:
    """Synchronous calls, whose requests run in the portal's event loop."""

    def __init__(
        self, retrieval: Retrieval, portal: BlockingPortal, principal: Principal, collection: CollectionId
    ) -> None:
        self._retrieval = retrieval
        self._portal = portal
        self._principal = principal
        self._collection = collection

    def embed(self, questions: Sequence[str]) -> Rows:
        """Their vectors, shape (questions, dimension)."""
        rows: list[tuple[float, ...]] = []
        for start in range(0, len(questions), _TEXTS_AT_ONCE):
            some = questions[start : start + _TEXTS_AT_ONCE]
            found = self._portal.call(lambda s=some: self._retrieval.embed(self._principal, s, kind="query"))
            rows.extend(found.vectors)
        return np.asarray(rows, dtype=np.float64)

    def check_index(self, questions: Sequence[str]) -> internal.IndexReport:
        """How much of the exact ten nearest the index finds. Raises `Exhausted` if that takes too long."""
        check = internal.IndexCheck(self._collection.id, tuple(questions))
        return self._portal.call(
            lambda: self._retrieval.check_index(self._principal, check, deadline_s=CHECK_DEADLINE_S)
        )

    def vectors(self, since: datetime | None, until: datetime | None, *, limit: int) -> Rows:
        """A sample of the vectors of what went live within a time, shape (vectors, dimension)."""
        sample = internal.VectorSample(self._collection.id, since, until, limit)
        found = self._portal.call(lambda: self._retrieval.sample_vectors(self._principal, sample))
        return np.asarray(found.vectors, dtype=np.float64)
