"""Comparing the indexes with SQL, and repairing them: a page at a time, so that documents need not wait for it."""

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog
from assay_core.documents import ChunkId, CollectionId
from assay_core.errors import Broken
from assay_core.ports import LexicalIndex, VectorIndex
from assay_runtime.metrics import step
from assay_store import collections, pipeline, repairs
from assay_store.database import Database, clock
from prometheus_client import Counter

from assay_ingestion.rows import RowLoader

log = structlog.get_logger()
REPAIRED = Counter("assay_index_repaired_total", "Rows missing from or left over in an index.", ["index", "what"])

_PAGE = 2000
_WHOLE_EVERY = timedelta(hours=24)
# Transactions commit later than the time that they write.
_OVERLAP = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class _Seen:
    """When a collection was last compared, at which epoch, and when as a whole."""

    epoch: int
    at: datetime
    whole_at: datetime


@dataclass(frozen=True, slots=True)
class _Page:
    """What is to be compared next of a collection; `since` is None for all of it."""

    collection: CollectionId
    since: datetime | None
    after: str = ""


class Reconciler:
    """Finds rows that an index lacks or should not have, by chunk id.

    Every `every_s` it looks at the documents that changed since in collections whose epoch moved; at the start, after
    an index was away (see `start_over`), and once a day at all of them.
    """

    def __init__(
        self, *, database: Database, loader: RowLoader, dense: VectorIndex, lexical: LexicalIndex, every_s: float
    ) -> None:
        self._database = database
        self._loader = loader
        self._dense = dense
        self._lexical = lexical
        self._indexes: dict[str, VectorIndex | LexicalIndex] = {"dense": dense, "lexical": lexical}
        self._every_s = every_s
        self._next_s = 0.0
        self._seen: dict[CollectionId, _Seen] = {}
        self._dropped: set[CollectionId] = set()
        self._pages = deque[_Page]()

    @property
    def idle_s(self) -> float:
        """How long there will be nothing to do."""
        return 0.0 if self._pages else max(0.0, self._next_s - time.monotonic())

    def start_over(self) -> None:
        """Compare everything again: an index was away, and may have come back without its rows."""
        self._seen.clear()
        self._pages.clear()
        self._next_s = 0.0

    def work(self) -> None:
        """Compare one page, if there is one to compare.

        Raises:
            Unavailable: an index does not answer; call again later.
        """
        if not self._pages and time.monotonic() >= self._next_s:
            self._plan()
            self._next_s = time.monotonic() + self._every_s
        if self._pages:
            with step("reconcile"):
                following = self._compare(self._pages[0])
            self._pages.popleft()
            if following:
                self._pages.appendleft(following)

    def _plan(self) -> None:
        with self._database.transaction() as connection:
            now = clock(connection)
            collections = pipeline.indexed_collections(connection)
        for collection in collections:
            if collection.deleted:
                self._drop_if_empty(collection.id)
                continue
            seen = self._seen.get(collection.id)
            if seen is None or now - seen.whole_at > _WHOLE_EVERY:
                self._pages.append(_Page(collection.id, None))
                self._seen[collection.id] = _Seen(collection.epoch, now, now)
            elif seen.epoch != collection.epoch:
                self._pages.append(_Page(collection.id, seen.at - _OVERLAP))
                self._seen[collection.id] = replace(seen, epoch=collection.epoch, at=now)

    def _compare(self, page: _Page) -> _Page | None:
        """Compare and repair a page. Returns the next one of its collection."""
        with self._database.transaction() as connection:
            truth = pipeline.index_truth(
                connection, page.collection, after=page.after, limit=_PAGE, changed_since=page.since
            )
        wanted = [chunk for chunk, live in truth if live]
        unwanted = [chunk for chunk, live in truth if not live]
        for name, index in self._indexes.items() if truth else ():
            try:
                counts = index.count(page.collection, wanted + unwanted)
            except Broken as error:
                return self._made_anew(page, name, error)
            missing = set(counts.missing)
            self._restore(page.collection, name, [chunk for chunk in wanted if chunk in missing])
            nowhere = missing.difference(counts.partly)
            self._remove(page.collection, name, [chunk for chunk in unwanted if chunk not in nowhere])
        return replace(page, after=truth[-1][0].id) if len(truth) == _PAGE else None

    def _made_anew(self, page: _Page, name: str, error: Broken) -> _Page:
        """Drop a damaged lexical index; all of the collection is restored from SQL by the pages that follow."""
        if name != "lexical":
            raise error
        log.error("index.damaged", index=name, collection=page.collection.id, reason=error.message)
        self._lexical.drop(page.collection)
        return _Page(page.collection, None)

    def _restore(self, collection: CollectionId, name: str, chunks: Sequence[ChunkId]) -> None:
        if not chunks:
            return
        with self._database.transaction() as connection:
            stored = pipeline.live_among(connection, collection, chunks)
        loaded, broken = self._loader.load(stored)
        for rows in loaded:
            if name == "dense":
                self._dense.upsert(rows.rows, rows.vectors)
            else:
                self._lexical.upsert(rows.rows, rows.texts)
        with self._database.transaction() as connection:
            # The cache sees that it missed this, and forgets what was found while the rows were missing.
            collections.advance_sequence(connection, collection)
        self._count(collection, name, "missing", len(chunks))
        log.warning("index.restored", index=name, collection=collection.id, rows=len(chunks), unreadable=len(broken))

    def _remove(self, collection: CollectionId, name: str, chunks: Sequence[ChunkId]) -> None:
        if chunks:
            self._indexes[name].delete(collection, chunks)
            self._count(collection, name, "orphan", len(chunks))
            log.warning("index.orphans_removed", index=name, collection=collection.id, rows=len(chunks))

    def _count(self, collection: CollectionId, index: str, what: str, number: int) -> None:
        REPAIRED.labels(index, what).inc(number)
        with self._database.transaction() as connection:
            repairs.count(connection, collection.tenant, index, what, number)

    def _drop_if_empty(self, collection: CollectionId) -> None:
        """The last of a deleted collection: what its index keeps beside the rows of documents."""
        if collection in self._dropped:
            return
        with self._database.transaction() as connection:
            emptied = pipeline.is_emptied(connection, collection)
        if emptied:
            for index in self._indexes.values():
                index.drop(collection)
            self._dropped.add(collection)
