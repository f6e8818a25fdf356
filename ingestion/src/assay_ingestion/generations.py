"""Filling a generation of indexes beside the one that is asked, a page at a time, and removing old ones.

From the moment that a generation is there, its indexes are written to like the active ones (`DenseIndexes`,
`LexicalIndexes`), by the same process; so it lacks only what was live before, and a pass over that which finds nothing
missing makes it ready.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from math import inf

import structlog
from assay_core.index_generations import GenerationState
from assay_core.index_profiles import IndexProfile
from assay_core.ports import LexicalIndex
from assay_runtime.metrics import step
from assay_store import index_generations, pipeline
from assay_store.database import Database
from assay_store.index_generations import Due
from prometheus_client import Counter

from assay_ingestion.index_kinds import SealableIndex
from assay_ingestion.rows import RowLoader

log = structlog.get_logger()
COPIED = Counter("assay_generation_rows_total", "Rows written to fill a generation of an index.")

_PAGE = 2000
_LOOK_S = 1.0


@dataclass(slots=True)
class _Build:
    """A generation that is filled: up to where this pass came, and how many rows it wrote. It is `sealed` after one
    that wrote none."""

    of: Due
    after: str = ""
    written: int = 0
    sealed: bool = False


class Generations:
    """Does what is due about generations; needs the lock of the index writer."""

    def __init__(
        self,
        *,
        database: Database,
        loader: RowLoader,
        of_kind: Callable[[str], SealableIndex],
        of_language: Callable[[str], LexicalIndex],
    ) -> None:
        self._database = database
        self._loader = loader
        self._of_kind = of_kind
        self._of_language = of_language
        self._build: _Build | None = None
        self._next_s = 0.0

    @property
    def idle_s(self) -> float:
        """How long there will be nothing to do."""
        return inf if self._build is None else max(0.0, self._next_s - time.monotonic())

    def start_over(self) -> None:
        """Fill from the beginning: an index was away."""
        self._build = None

    def work(self) -> None:
        """Do a step of what is due.

        Raises:
            Unavailable: an index or the database does not answer; call `start_over`, then again.
        """
        if self._build is None:
            self._begin()
        if self._build is not None and self.idle_s == 0.0:
            began_s = time.monotonic()
            with step("generation"):
                self._fill(self._build)
            # Half of the time is left to those who search.
            self._next_s = max(self._next_s, 2 * time.monotonic() - began_s)

    def _begin(self) -> None:
        with self._database.transaction() as connection:
            due = index_generations.due(connection)
        for one in due:
            match one.state:
                case GenerationState.BUILDING if self._build is None:
                    log.info("generation.building", collection=one.collection.id, kind=one.index_kind)
                    self._build = _Build(one)
                case GenerationState.KEPT:
                    self._advance(one, GenerationState.LEAVING)
                case GenerationState.LEAVING:
                    self._remove(one)
                case _:
                    pass

    def _fill(self, build: _Build) -> None:
        one = build.of
        with self._database.transaction() as connection:
            if not index_generations.is_due(connection, one):
                self._build = None
                return
            through = build.sealed or not (one.vectors or one.terms)
            rows = [] if through else pipeline.live_rows(connection, one.collection, after=build.after, limit=_PAGE)
        dense, lexical = self._indexes(one)
        if rows:
            build.after = rows[-1].row.chunk.id
            chunks = [row.row.chunk for row in rows]
            counts = [index.count(one.collection, chunks) for index in (dense, lexical) if index]
            missing = {chunk for count in counts for chunk in count.missing}
            loaded, broken = self._loader.load([row for row in rows if row.row.chunk in missing], texts=one.terms)
            for document, error in broken.items():
                log.error("document.unreadable", document_id=document.id, code=error.code)
            for part in loaded:
                if dense:
                    dense.upsert(part.rows, part.vectors)
                if lexical:
                    lexical.upsert(part.rows, part.texts)
                build.written += len(part.rows)
                COPIED.inc(len(part.rows))
        elif build.written:
            self._build = _Build(one)
        elif dense and not build.sealed:
            dense.seal()
            build.sealed = True
        elif not dense or dense.indexed():
            self._advance(one, GenerationState.READY)
            self._build = None
        else:
            # Until then it looks through rows one by one, which is slow.
            self._next_s = time.monotonic() + _LOOK_S

    def _remove(self, one: Due) -> None:
        for index in self._indexes(one):
            if index:
                index.drop(one.collection)
        self._advance(one, GenerationState.DROPPED)

    def _indexes(self, one: Due) -> tuple[SealableIndex | None, LexicalIndex | None]:
        """Those that are its own, not the active one's too."""
        profile = IndexProfile.parse(one.index_kind)
        return (
            self._of_kind(profile.vectors) if one.vectors else None,
            self._of_language(profile.language) if one.terms else None,
        )

    def _advance(self, one: Due, state: GenerationState) -> None:
        with self._database.transaction() as connection:
            moved = index_generations.advance(connection, one, state)
        if moved:
            log.info(f"generation.{state}", collection=one.collection.id, kind=one.index_kind)
