"""Replaced versions go when their collection has kept them for long enough.

They leave in the order in which a crash can do no harm: chunks leave the indexes (which they left before, when they
were replaced), vectors that stay move to a file of their own, then files and blobs go, and SQL last, since it is
where a crashed removal finds what is left to do.
"""

import time
from collections import Counter as Counted

import structlog
from assay_core.crash_points import reach
from assay_core.ports import BlobStore, LexicalIndex, VectorIndex
from assay_runtime.metrics import step
from assay_store import retention
from assay_store.database import Database
from assay_store.ids import new_id
from assay_store.pipeline import VectorPlace
from assay_store.retention import Expired, Leaving
from prometheus_client import Counter

from assay_ingestion import vectors

log = structlog.get_logger()
VERSIONS = Counter("assay_expired_versions_total", "Replaced versions that were removed after their time.")
CHUNKS = Counter("assay_expired_chunks_total", "Chunks that went with them.")

_DOCUMENTS = 20


class Retention:
    """Removes versions whose time is over, some documents a turn; needs the lock of the index writer."""

    def __init__(
        self,
        *,
        database: Database,
        blobs: BlobStore,
        dense: VectorIndex,
        lexical: LexicalIndex,
        dimension: int,
        every_s: float,
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._dense = dense
        self._lexical = lexical
        self._dimension = dimension
        self._every_s = every_s
        self._next_s = 0.0

    def work(self) -> int:
        """Remove what is due, if it is time to look. Returns how many versions went.

        Raises:
            Unavailable: a store does not answer; nothing is lost, call again.
        """
        if time.monotonic() < self._next_s:
            return 0
        with self._database.transaction() as connection:
            due = retention.expired(connection, limit=_DOCUMENTS)
        with step("retention"):
            removed = sum(self._remove(gone) for gone in due)
        if len(due) < _DOCUMENTS:
            self._next_s = time.monotonic() + self._every_s
        return removed

    def _remove(self, gone: Expired) -> int:
        with self._database.transaction() as connection:
            chunks = list(retention.leaving(connection, gone).chunks)
        if chunks:
            reach("expire.before_dense")
            self._dense.delete(gone.collection, chunks)
            reach("expire.before_lexical")
            self._lexical.delete(gone.collection, chunks)
        self._gather_vectors(gone)
        with self._database.transaction() as connection:
            if not retention.hold(connection, gone.document):
                return 0
            left = retention.leaving(connection, gone)
            self._drop_files(gone, left)
            reach("expire.before_sql")
            retention.forget(connection, gone, left.chunks)
            reach("expire.before_commit")
        VERSIONS.inc(len(gone.versions))
        CHUNKS.inc(len(left.chunks))
        log.info("versions.expired", document_id=gone.document.id, versions=len(gone.versions), chunks=len(left.chunks))
        return len(gone.versions)

    def _gather_vectors(self, gone: Expired) -> None:
        """Move the vectors that stay out of files that also hold some that go.

        A vector tells something of the text that it was made from, so none may stay for the sake of its neighbours.
        """
        with self._database.transaction() as connection:
            if not retention.hold(connection, gone.document):
                return
            left = retention.leaving(connection, gone)
            files = self._mixed_files(gone, left)
            mixed = {chunk: place for chunk, place in left.staying.items() if place.key in files}
            if not mixed:
                return
            key = f"{vectors.folder(gone.document)}/{vectors.GATHERED}-{new_id()}.f16"
            reach("expire.before_gather")
            vectors.gather(self._blobs, key, list(mixed.values()), self._dimension)
            reach("expire.before_move")
            retention.move_vectors(connection, {chunk: VectorPlace(key, row) for row, chunk in enumerate(mixed)})

    def _mixed_files(self, gone: Expired, left: Leaving) -> set[str]:
        """Vector files of a document that hold more than the chunks that stay."""
        there = set(self._blobs.keys(vectors.folder(gone.document)))
        staying = Counted(place.key for place in left.staying.values())
        return {
            key
            for key, count in staying.items()
            if key in there and vectors.rows_in(self._blobs, key, self._dimension) > count
        }

    def _drop_files(self, gone: Expired, left: Leaving) -> None:
        """Remove blobs of these versions, and vector files that nothing names (any more, or since a crash).

        A newer version's file may be there before SQL names it: a worker is at it.
        """
        for key in left.blob_keys:
            reach("expire.before_blobs")
            self._blobs.delete(key)
        named = {place.key for place in left.staying.values()}
        for key in list(self._blobs.keys(vectors.folder(gone.document))):
            version = vectors.version_of(key)
            if key not in named and version is not None and version <= max(gone.versions):
                reach("expire.before_vectors")
                self._blobs.delete(key)
