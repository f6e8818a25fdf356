"""What left every store is made to leave the stores' files too; then its erasure is complete.

Deletes of databases are notes beside what they delete. A round has Milvus compact, tantivy merge and PostgreSQL
rewrite the table of keys and let go of its log; it completes all erasures that had left the stores when it began.
While one waits for Milvus to let go of what nothing names any more, the next one may begin.
"""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import structlog
from assay_core.crash_points import reach
from assay_core.documents import ChunkId, CollectionId
from assay_core.ports import LexicalIndex
from assay_runtime.metrics import step
from assay_store import erasures, pipeline
from assay_store.database import Database
from assay_store.rewriting import rewrite_keys
from prometheus_client import Counter, Gauge

from assay_ingestion.rows import RowLoader

log = structlog.get_logger()
COMPLETE = Counter("assay_erasures_complete_total", "Erasures after which every store had rewritten its files.")
OLDEST = Gauge("assay_erasure_oldest_s", "How long ago the oldest deletion left the stores that is not complete yet.")

_ROWS = 2000
_LOOK_S = 5.0


class Purgeable(Protocol):
    """A vector index that can be made to rewrite its files."""

    def begin_purge(self) -> str:
        """Have the files rewritten without deleted rows. Returns what `purged` is to be asked."""
        ...

    def purged(self, purge: str) -> bool:
        """Whether that has ended."""
        ...


class PurgeableLexical(LexicalIndex, Protocol):
    """A lexical index that can be made to rewrite its files."""

    def purge(self, collection: CollectionId) -> list[ChunkId] | None:
        """Have deleted rows leave the files. Call it again until it returns an empty list.

        Returns the rows to be written again first, or None if it only takes time.
        """
        ...


@dataclass(slots=True)
class _Round:
    """What is left to do of a round; `began` is on the database's clock."""

    began: datetime
    began_s: float
    purge: str
    collections: deque[CollectionId]
    rows: deque[ChunkId]
    rewritten_s: float = 0.0


class Settling:
    """Completes erasures in rounds; needs the lock of the index writer.

    Args:
        gather_s: how long deletions are waited for, so that one round serves many.
        every_s: a round begins no sooner after the one before.
        files_s: how long the vector index may keep files that it has rewritten.
        log_s: how long its log may keep what was deleted when a round began.
        on_trial: whether vectors may lie in indexes that are only tried (`ScratchSweep.may_hold_vectors`).
    """

    def __init__(
        self,
        *,
        database: Database,
        loader: RowLoader,
        dense: Purgeable,
        lexical: PurgeableLexical,
        gather_s: float,
        every_s: float,
        files_s: float,
        log_s: float,
        on_trial: Callable[[], bool],
    ) -> None:
        self._database = database
        self._loader = loader
        self._dense = dense
        self._lexical = lexical
        self._gather_s = gather_s
        self._every_s = every_s
        self._files_s = files_s
        self._log_s = log_s
        self._on_trial = on_trial
        self._current: _Round | None = None
        self._lingering = deque[_Round]()
        self._latest: datetime | None = None
        self._next_s = 0.0

    def start_over(self) -> None:
        """Begin the round anew whose files may not be rewritten: a store was away."""
        self._current, self._next_s = None, 0.0
        self._latest = self._lingering[-1].began if self._lingering else None

    def work(self) -> None:
        """Do a step of what is due, if there is something.

        Raises:
            Unavailable: a store does not answer; call `start_over`, then again.
        """
        if self._current is not None:
            with step("settle"):
                self._go_on(self._current)
        elif time.monotonic() >= self._next_s:
            self._begin()
        if self._lingering and self._is_over(self._lingering[0]):
            if self._on_trial():
                self._lingering[0].rewritten_s = time.monotonic()
                log.info("erasure.waits_for_trial")
            else:
                self._finish(self._lingering[0])

    @property
    def idle_s(self) -> float:
        """How long there will be nothing to do."""
        return 0.0 if self._current is not None and self._current.rows else _LOOK_S

    def _begin(self) -> None:
        with self._database.transaction() as connection:
            waiting = erasures.settling(connection, after=self._latest)
            OLDEST.set(erasures.oldest_open_s(connection))
        if waiting is None or (waiting.now - waiting.since).total_seconds() < self._gather_s:
            self._next_s = time.monotonic() + min(_LOOK_S, self._gather_s)
            return
        began_s = time.monotonic()
        self._next_s = began_s + self._every_s
        reach("settle.before_purge")
        purge = self._dense.begin_purge()
        self._current = _Round(waiting.now, began_s, purge, deque(waiting.collections), deque())
        self._latest = waiting.now
        log.info("erasure.settling", collections=len(waiting.collections))

    def _go_on(self, current: _Round) -> None:
        if current.collections:
            self._merge(current, current.collections[0])
        elif self._dense.purged(current.purge):
            current.rewritten_s = time.monotonic()
            self._lingering.append(current)
            self._current = None

    def _is_over(self, lingering: _Round) -> bool:
        now_s = time.monotonic()
        return now_s >= lingering.rewritten_s + self._files_s and now_s >= lingering.began_s + self._log_s

    def _merge(self, current: _Round, collection: CollectionId) -> None:
        if not current.rows:
            again = self._lexical.purge(collection)
            if again is None:
                return
            current.rows.extend(again)
        if not current.rows:
            current.collections.popleft()
            return
        self._write_again(collection, [current.rows.popleft() for _ in range(min(_ROWS, len(current.rows)))])

    def _write_again(self, collection: CollectionId, chunks: list[ChunkId]) -> None:
        with self._database.transaction() as connection:
            stored = pipeline.live_among(connection, collection, chunks)
        loaded, broken = self._loader.load(stored)
        written: set[ChunkId] = set()
        for rows in loaded:
            self._lexical.upsert(rows.rows, rows.texts)
            written.update(row.chunk for row in rows.rows)
        # What is not live any more, or cannot be read, must not keep its neighbours' file alive.
        self._lexical.delete(collection, [chunk for chunk in chunks if chunk not in written])
        if broken:
            log.warning("erasure.unreadable_neighbours", collection=collection.id, documents=len(broken))

    def _finish(self, lingering: _Round) -> None:
        reach("settle.before_keys")
        if not rewrite_keys(self._database):
            log.warning("erasure.log_not_ended", way_out="grant pg_checkpoint and EXECUTE on pg_switch_wal()")
        reach("settle.before_complete")
        with self._database.transaction() as connection:
            count = erasures.complete(connection, left_before=lingering.began)
        self._lingering.popleft()
        COMPLETE.inc(count)
        log.info("erasure.complete", documents=count)
