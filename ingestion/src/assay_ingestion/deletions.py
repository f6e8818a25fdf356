"""Deleted documents leave every store: both indexes, the cache, the blobs, and last SQL.

Nobody can read them from the moment that deletion was asked for: their keys went with it. SQL goes last, since it is
where a crashed deletion finds what is left to remove; such a job is never given up. Fingerprints of what leaves the
vector index are kept, to look for it in the stores' files afterwards.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

import structlog
from assay_core.crash_points import reach
from assay_core.documents import ChunkId, CollectionId, DocumentId
from assay_core.errors import Unavailable
from assay_core.jobs import JobKind, Lease
from assay_core.ports import BlobStore, LexicalIndex, SemanticCache
from assay_runtime.metrics import step
from assay_store import erasures, jobs, pipeline
from assay_store.database import Database
from prometheus_client import Counter

from assay_ingestion import vectors
from assay_ingestion.index_kinds import SealableIndex

Mark = Callable[[bytes], int]
"""Makes a keyed fingerprint of the first 16 bytes."""

log = structlog.get_logger()
ERASED = Counter("assay_erased_documents_total", "Documents that were removed from every store.")

_TOGETHER = 64
_LEASE_S = 120.0
_PAUSE_S = 15.0


class Deletions:
    """Runs the jobs of deleted documents; needs the lock of the index writer."""

    def __init__(
        self,
        *,
        database: Database,
        dense: SealableIndex,
        lexical: LexicalIndex,
        blobs: BlobStore,
        cache: SemanticCache | None,
        mark: Mark,
    ) -> None:
        self._database = database
        self._dense = dense
        self._lexical = lexical
        self._blobs = blobs
        self._cache = cache
        self._mark = mark

    def take_over(self) -> None:
        """Go on at once with what the holder of the lock before was at when it died."""
        with self._database.transaction() as connection:
            jobs.reopen(connection, JobKind.DELETE)

    def run(self) -> int:
        """Erase the documents whose deletion was asked for longest ago. Returns how many.

        Raises:
            Unavailable: a store does not answer; the jobs are open again.
        """
        with self._database.transaction() as connection:
            leases = jobs.lease(
                connection,
                JobKind.DELETE,
                owner="indexer",
                lease_s=_LEASE_S,
                limit=_TOGETHER,
                max_attempts=None,
            )
        if not leases:
            return 0
        reach("erase.after_lease")
        try:
            with step("erase"):
                self._leave_indexes([held.document for held in leases])
                for held in leases:
                    self._erase(held)
        except Unavailable:
            with self._database.transaction() as connection:
                jobs.give_back(connection, leases, delay_s=_PAUSE_S)
            raise
        return len(leases)

    def _leave_indexes(self, documents: Sequence[DocumentId]) -> None:
        leaving = defaultdict[CollectionId, dict[DocumentId, list[ChunkId]]](dict)
        with self._database.transaction() as connection:
            for document in documents:
                collection, own = pipeline.chunks_of(connection, document)
                if own:
                    leaving[collection][document] = own
        for collection, chunks_of in leaving.items():
            self._remember(collection, chunks_of)
            chunks = [chunk for own in chunks_of.values() for chunk in own]
            reach("erase.before_dense")
            self._dense.delete(collection, chunks)
            reach("erase.before_lexical")
            self._lexical.delete(collection, chunks)

    def _remember(self, collection: CollectionId, chunks_of: Mapping[DocumentId, Sequence[ChunkId]]) -> None:
        # All at once: a strongly consistent read of Milvus takes 200 ms, however little it reads.
        stored = self._dense.stored(collection, [chunk for own in chunks_of.values() for chunk in own])
        with self._database.transaction() as connection:
            for document, chunks in chunks_of.items():
                vectors = [self._mark(stored[chunk]) for chunk in chunks if chunk in stored]
                ids = [self._mark(chunk.id.encode()) for chunk in chunks]
                erasures.remember(connection, document, chunks=ids, vectors=vectors)
                erasures.count(connection, document, {"vector_index": len(vectors), "lexical_index": len(ids)})

    def _erase(self, held: Lease) -> None:
        document = held.document
        reach("erase.before_cache")
        evicted = self._leave_cache(document)
        reach("erase.before_blobs")
        blobs = self._blobs.delete(f"documents/{document.tenant}/{document.id}")
        reach("erase.before_vectors")
        blobs += self._blobs.delete(vectors.folder(document))
        reach("erase.before_sql")
        with self._database.transaction() as connection:
            jobs.hold(connection, held)
            erasures.count(connection, document, {"blobs": blobs, "cache": evicted})
            pipeline.erase(connection, document)
            jobs.finish(connection, held)
            reach("erase.before_commit")
        reach("erase.after_commit")
        ERASED.inc()
        log.info("document.erased", document_id=document.id)

    def _leave_cache(self, document: DocumentId) -> int:
        """A cache that is down loses nothing: its entries are served only while every document is live."""
        if self._cache is None:
            return 0
        try:
            return self._cache.evict_document(document)
        except Unavailable as error:
            log.info("cache.not_evicted", document_id=document.id, reason=error.message)
            return 0
