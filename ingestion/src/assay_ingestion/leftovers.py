"""Blobs that nothing names: what a process that was killed had written, or what was replaced.

A blob is written before SQL names it, so only those that have lain unnamed for a while are removed. Its document is
locked meanwhile: an interrupted upload that is sent again puts new bytes under the old key.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Sequence

import structlog
from assay_core.documents import DocumentId, TenantId
from assay_core.ports import BlobStore
from assay_store import pipeline
from assay_store.database import Database
from assay_store.intake import UPLOADS_PREFIX
from prometheus_client import Counter

log = structlog.get_logger()
REMOVED = Counter("assay_leftover_blobs_total", "Blobs that nothing named, removed.")

_OF_DOCUMENTS = ("documents", "vectors")
_TOGETHER = 200


class Leftovers:
    """Looks for unnamed blobs at its first use, and every `every_s` after that; removes those older than `kept_s`."""

    def __init__(
        self,
        *,
        database: Database,
        blobs: BlobStore,
        every_s: float,
        kept_s: float,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._every_s = every_s
        self._kept_s = kept_s
        self._now_s = now_s
        self._next_s = now_s()

    def remove_if_due(self) -> int:
        """Look if it is time to. Returns how many were removed. Raises `Unavailable` if the database is away."""
        if self._now_s() < self._next_s:
            return 0
        self._next_s = self._now_s() + self._every_s
        return self.remove()

    def remove(self) -> int:
        """Look now. Returns how many were removed. Raises `Unavailable` if the database is away."""
        removed = sum(self._blobs.delete(key) for key in self._old(UPLOADS_PREFIX))
        by_document = defaultdict[DocumentId, list[str]](list)
        for key in (key for prefix in _OF_DOCUMENTS for key in self._old(prefix)):
            by_document[_document(key)].append(key)
        documents = list(by_document)
        for start in range(0, len(documents), _TOGETHER):
            removed += self._remove_of({d: by_document[d] for d in documents[start : start + _TOGETHER]})
        if removed:
            REMOVED.inc(removed)
            log.warning("leftovers.removed", blobs=removed)
        return removed

    def _remove_of(self, keys: dict[DocumentId, list[str]]) -> int:
        with self._database.transaction() as connection:
            named = pipeline.named_blobs(connection, list(keys))
        suspects = (document for document, own in keys.items() if not named.issuperset(own))
        return sum(self._remove_from(document) for document in suspects)

    def _remove_from(self, document: DocumentId) -> int:
        with self._database.transaction() as connection:
            pipeline.lock_document(connection, document)
            named = pipeline.named_blobs(connection, [document])
            folders = [f"{prefix}/{document.tenant}/{document.id}" for prefix in _OF_DOCUMENTS]
            doomed = [key for folder in folders for key in self._old(folder) if key not in named]
            return sum(self._blobs.delete(key) for key in doomed)

    def _old(self, prefix: str) -> Sequence[str]:
        return list(self._blobs.keys(prefix, older_than_s=self._kept_s))


def _document(key: str) -> DocumentId:
    _, tenant, document, *_ = key.split("/")
    return DocumentId(TenantId(tenant), document)
