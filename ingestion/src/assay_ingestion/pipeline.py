"""START HERE. The way of a document: lease → read → parse → chunk → embed → store, ready for the indexer.

Documents come in batches, so that many small ones are embedded together; what goes wrong with one is only its own.

What a crash leaves behind, by step: before the last one, a lease that lapses and at most a vector file that nothing
names; after it, chunks, version and job are all done, for they are written in one transaction. So a job can be run
any number of times. A worker that lost its lease is refused in that transaction.
"""

import random
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import closing, nullcontext
from dataclasses import dataclass

import structlog
from assay_core.crash_points import reach
from assay_core.documents import ChunkId, CollectionId, DocumentId, VersionState
from assay_core.errors import AssayError, Conflict, Exhausted, Unavailable
from assay_core.jobs import MAX_ATTEMPTS, Lease
from assay_core.ports import BlobStore, Embedder
from assay_runtime.metrics import FAILURES, step
from assay_store import jobs, near_duplicates, passages, pipeline
from assay_store.database import Database
from assay_store.encryption import Vault
from assay_store.near_duplicates import Signature
from assay_store.pipeline import Source, StageProgress, VectorPlace
from prometheus_client import Counter
from sqlalchemy import Connection

from assay_ingestion import vectors
from assay_ingestion.embed import embed_new_chunks
from assay_ingestion.failures import Stopping, given_up, judge, retry_delay_s
from assay_ingestion.leases import LeaseKeeper
from assay_ingestion.prepare import Prepared, Preparer
from assay_ingestion.vectors import Rows

log = structlog.get_logger()
DOCUMENTS = Counter("assay_ingested_documents_total", "Documents that were taken in or failed.", ["outcome"])
CHUNKS = Counter("assay_embedded_chunks_total", "Chunks that were embedded.")

_PARSING, _EMBEDDING, _EMBEDDED = 0.05, 0.15, 0.85
_PROGRESS_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class GroupLimits:
    """What is in memory at once: up to `chunks` new chunks, save for one document with more, and one batch of more
    than `large_bytes`."""

    chunks: int = 2000
    embed_batch: int = 64
    large_bytes: int = 8 << 20


class Ingestion:
    """Takes in leased documents. Safe to use from several threads."""

    def __init__(
        self,
        *,
        database: Database,
        blobs: BlobStore,
        vault: Vault,
        prepare: Preparer,
        embedder: Embedder,
        keeper: LeaseKeeper,
        stop: threading.Event,
        limits: GroupLimits | None = None,
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._vault = vault
        self._prepare = prepare
        self._embedder = embedder
        self._keeper = keeper
        self._stop = stop
        self._limits = limits or GroupLimits()
        self._large = threading.Lock()

    def ingest(self, leases: Sequence[Lease]) -> None:
        """Take in documents; every lease is finished, given back or failed at the end.

        Raises:
            Unavailable: the database went away; the leases lapse, and the jobs are tried again.
        """
        with self._keeper.holding(leases):
            try:
                with closing(self._groups(leases)) as groups:
                    for group in groups:
                        self._embed_and_store(group)
            except Stopping:
                with self._database.transaction() as connection:
                    jobs.give_back(connection, leases)
                log.info("ingest.handed_back", jobs=len(leases))

    def _groups(self, leases: Sequence[Lease]) -> Generator[list[Prepared]]:
        """Parse and divide the documents, in groups that are embedded together."""
        with self._database.transaction() as connection:
            lost = jobs.lost(connection, leases)
            leases = [held for held in leases if held not in lost]
            sources = pipeline.sources(connection, leases, vault=self._vault)
            stored = pipeline.known_chunks(connection, [s.document for s in sources.values()])
            pipeline.show_progress(
                connection,
                VersionState.PARSING,
                {(s.document, s.version): StageProgress(_PARSING) for s in sources.values() if s.passage is None},
            )
        known = vectors.present(self._blobs, stored)
        large = sum(s.size_bytes for s in sources.values()) > self._limits.large_bytes
        with self._large if large else nullcontext():
            yield from self._grouped(self._prepared(leases, sources, known))

    def _prepared(
        self, leases: Sequence[Lease], sources: Mapping[str, Source], known: Set[ChunkId]
    ) -> Iterator[Prepared]:
        for held in leases:
            self._check_stop()
            if self._keeper.is_lost(held):
                log.info("document.left", document_id=held.document.id, version=held.version)
                continue
            source = sources.get(held.job)
            if source is None or source.deleted:
                self._dismiss(held)
                continue
            try:
                reach("parse.before")
                document = self._prepare(held, source, known)
                reach("parse.after")
            except Exception as error:  # noqa: BLE001 (the edge of one document: others go on, and it is reported)
                self._fail(held, source, error)
            else:
                yield document

    def _grouped(self, documents: Iterable[Prepared]) -> Iterator[list[Prepared]]:
        group: list[Prepared] = []
        for document in documents:
            group.append(document)
            if sum(len(one.new) for one in group) >= self._limits.chunks:
                yield group
                group = []
        if group:
            yield group

    def _embed_and_store(self, group: list[Prepared]) -> None:
        try:
            rows = embed_new_chunks(
                group,
                self._embedder,
                batch_size=self._limits.embed_batch,
                on_batch=_Progress(self._database, group, self._check_stop),
                wanted=lambda document: not self._keeper.is_lost(document.held),
            )
            files = [(d, own) for d, own in zip(group, rows, strict=True) if d.source.passage is None]
            ready = [(d, own) for d, own in zip(group, rows, strict=True) if d.source.passage is not None]
            places = [(document, self._write_vectors(document, own)) for document, own in files]
            reach("chunks.before_store")
            with step("store"), self._database.transaction() as connection:
                # In the order of ids, so that two workers with versions of the same documents cannot wait in a ring.
                for document, own in sorted(places, key=lambda pair: pair[0].source.document):
                    self._store(connection, document, own)
                self._store_passages(connection, ready)
                reach("chunks.before_commit")
            reach("chunks.after_commit")
        except Stopping:
            raise
        except (Unavailable, Exhausted) as error:
            for document in group:
                self._fail(document.held, document.source, error)
        except Exception as error:  # noqa: BLE001 (the edge of a group: each document gets its own verdict)
            self._divide(group, error)
        else:
            self._drop_leftovers(group)

    def _divide(self, group: list[Prepared], error: Exception) -> None:
        """Find out which document breaks a group, by taking each alone."""
        if len(group) == 1:
            self._fail(group[0].held, group[0].source, error)
            return
        log.warning("ingest.group_divided", documents=len(group), error=type(error).__name__)
        for document in group:
            self._check_stop()
            self._embed_and_store([document])

    def _drop_leftovers(self, group: list[Prepared]) -> None:
        """Remove vector files of earlier tries, whose workers died before they recorded them."""
        again = [document for document in group if document.held.epoch > 1 and document.source.passage is None]
        if not again:
            return
        with self._database.transaction() as connection:
            stored = pipeline.known_chunks(connection, [document.source.document for document in again])
        named = {place.key for place in stored.values()}
        for document in again:
            for epoch in range(1, document.held.epoch):
                key = vectors.file_key(document.held, epoch=epoch)
                if key not in named:
                    self._blobs.delete(key)

    def _write_vectors(self, document: Prepared, rows: Rows) -> dict[str, VectorPlace]:
        """Put the vectors of the new chunks among the blobs. Returns their places by chunk id."""
        if not document.new or self._keeper.is_lost(document.held):
            return {}
        key = vectors.file_key(document.held)
        reach("vectors.before_write")
        vectors.write(self._blobs, key, rows)
        return {chunk.id.id: VectorPlace(key, row) for row, chunk in enumerate(document.new)}

    def _store(self, connection: Connection, document: Prepared, places: dict[str, VectorPlace]) -> None:
        held, source = document.held, document.source
        if not _still_ours(connection, held):
            if document.new:
                self._blobs.delete(vectors.file_key(held))  # of this lease alone, so that nothing names it
            return
        if not pipeline.hold_document(connection, source.document):
            self._forget(connection, held)
            return
        own = {chunk.id: places[chunk.id.id] for chunk in document.new}
        pipeline.store_chunks(connection, source, document.key, document.parsed, document.chunks, own)
        if document.signature is not None:
            near_duplicates.keep_signature(
                connection, source.document, source.version, source.collection, document.signature
            )
        jobs.finish(connection, held)
        DOCUMENTS.labels("stored").inc()
        CHUNKS.inc(len(document.new))
        log.info(
            "document.stored",
            document_id=source.document.id,
            version=source.version,
            chunks=len(document.chunks),
            embedded=len(document.new),
        )

    def _store_passages(self, connection: Connection, ready: Sequence[tuple[Prepared, Rows]]) -> None:
        if not ready:
            return
        stored = passages.store(connection, [_embedded(document, rows) for document, rows in ready])
        _keep_signatures(connection, [one for one, _ in ready], {one.held.job for one in stored})
        DOCUMENTS.labels("stored").inc(len(stored))
        CHUNKS.inc(sum(len(one.vectors) for one in stored))
        log.info("passages.stored", passages=len(stored), refused=len(ready) - len(stored))

    def _dismiss(self, held: Lease) -> None:
        """End the job of a document that was deleted meanwhile."""
        with self._database.transaction() as connection:
            if _still_ours(connection, held):
                self._forget(connection, held)

    def _forget(self, connection: Connection, held: Lease) -> None:
        self._blobs.delete(vectors.folder(held.document))
        jobs.finish(connection, held)
        log.info("document.deleted_meanwhile", document_id=held.document.id)

    def _fail(self, held: Lease, source: Source, error: Exception) -> None:
        """Tell the owner of a document, or try it again later."""
        failure = judge(error, source.name)
        FAILURES.labels(failure.code).inc()
        log.warning(
            "document.failed",
            document_id=held.document.id,
            version=held.version,
            attempt=held.attempt,
            code=failure.code,
            lasting=failure.lasting,
            exc_info=None if isinstance(error, AssayError) else error,
        )
        with self._database.transaction() as connection:
            if not _still_ours(connection, held):
                return
            if failure.lasting:
                self._give_verdict(connection, source, failure.code, failure.reason)
                jobs.bury(connection, held, code=failure.code)
            elif held.attempt >= MAX_ATTEMPTS:
                last = given_up(failure, source.name)
                self._give_verdict(connection, source, last.code, last.reason)
                jobs.bury(connection, held, code=failure.code)
            else:
                delay_s = retry_delay_s(held.attempt, random.random())
                jobs.retry_later(connection, held, delay_s=delay_s, code=failure.code)

    def _give_verdict(self, connection: Connection, source: Source, code: str, reason: str) -> None:
        pipeline.fail(connection, self._vault, source.document, source.version, code=code, reason=reason)
        DOCUMENTS.labels("failed").inc()

    def _check_stop(self) -> None:
        if self._stop.is_set():
            raise Stopping


def _embedded(document: Prepared, rows: Rows) -> passages.Embedded:
    new = {chunk.id.id: vectors.as_bytes(row) for chunk, row in zip(document.new, rows, strict=True)}
    parsed = document.parsed
    return passages.Embedded(
        document.held, document.source, document.key, parsed.title, document.chunks, new, parsed.language
    )


def _keep_signatures(connection: Connection, documents: Sequence[Prepared], stored: Set[str]) -> None:
    signatures = defaultdict[CollectionId, dict[tuple[DocumentId, int], Signature]](dict)
    for one in documents:
        if one.signature is not None and one.held.job in stored:
            signatures[one.source.collection][one.source.document, one.source.version] = one.signature
    for collection, own in sorted(signatures.items()):
        near_duplicates.keep_signatures(connection, collection, own)


def _still_ours(connection: Connection, held: Lease) -> bool:
    try:
        jobs.hold(connection, held)
    except Conflict:
        log.warning("lease.lost", job=held.job)
        return False
    return True


class _Progress:
    """Shows how far the documents of a group are, at most once a second."""

    def __init__(self, database: Database, group: Sequence[Prepared], check_stop: Callable[[], None]) -> None:
        self._database = database
        self._group = group
        self._check_stop = check_stop
        self._shown_s = 0.0

    def __call__(self, done: Sequence[int]) -> None:
        reach("embed.before_batch")
        self._check_stop()
        if time.monotonic() - self._shown_s < _PROGRESS_EVERY_S:
            return
        self._shown_s = time.monotonic()
        progress = dict[tuple[DocumentId, int], StageProgress]()
        for document, n in zip(self._group, done, strict=True):
            if document.source.passage is not None:
                continue  # it is through in a moment
            share = n / max(1, len(document.new))
            kept = len(document.chunks) - len(document.new)
            progress[document.source.document, document.source.version] = StageProgress(
                _EMBEDDING + share * (_EMBEDDED - _EMBEDDING),
                pages=document.parsed.pages,
                chunks=len(document.chunks),
                chunks_done=kept + n,
            )
        leases = [document.held for document in self._group]
        with self._database.transaction() as connection:
            for held in jobs.lost(connection, leases):
                progress.pop((held.document, held.version or 0), None)
            pipeline.show_progress(connection, VersionState.EMBEDDING, progress)
