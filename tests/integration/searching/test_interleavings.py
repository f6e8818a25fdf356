"""Eight writers edit, delete, hide, file and ask at random: the cache serves nothing stale and nothing forbidden.

The long form: `.venv/bin/pytest -m nightly tests/integration/searching/test_interleavings.py`.
"""

import asyncio
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import pytest
from assay_core.collection_settings import FieldType
from assay_core.documents import ChunkId, CollectionId, DocumentId
from assay_core.errors import Conflict, Invalid, NotFound
from assay_core.index_generations import GenerationState
from assay_core.metadata_filter import parse_filter
from assay_core.principals import Principal
from assay_core.search import CacheEntry, CacheScope, Mode, SearchRequest, SearchResult
from assay_store import collections, document_changes, document_fields, index_generations, visibility
from sqlalchemy import text

pytestmark = pytest.mark.integration

WRITERS = 8
ROUND = 100
THINGS = ("pump", "valve", "gate", "crane", "lock", "bridge", "dredger", "buoy")
COLOURS = ("red", "blue", "green", "white")
DOINGS = ("insert", "edit", "delete", "access", "file", "index", "ask")
FIELDS = {"kind": FieldType.STRING}
KINDS = ("memo", "letter")
QUESTIONS = tuple(f"when is the {colour} {thing} inspected" for colour in COLOURS for thing in THINGS)


@dataclass(frozen=True, slots=True)
class Truth:
    """What SQL says of a document at one moment; `changed` moves with each change of it.

    `filed` is how often it was filed, and as what: None while that is not sure.
    """

    version: int | None
    readable: bool
    changed: Any
    filed: tuple[int, str | None] | None


Filed = dict[DocumentId, tuple[int, str | None]]


@dataclass
class Watch:
    """Notes at which sequence passages arrived, and which entry was served last."""

    arrived: dict[ChunkId, int] = field(default_factory=dict[ChunkId, int])
    last: CacheEntry | None = None

    def over(self, house: Any) -> None:
        run, lookup = house.percolator.run, house.cache.lookup

        def noted_run(advanced: Iterable[CollectionId], arrived: Sequence[Any]) -> None:
            with house.database.transaction() as connection:
                sequence = collections.sequence_of(connection, house.library.collection)
            self.arrived.update({chunk: sequence for rows in arrived for chunk in rows.chunks})
            run(advanced, arrived)

        def noted_lookup(scope: CacheScope, question: str, vector: Any, *, sequence: int) -> CacheEntry | None:
            self.last = lookup(scope, question, vector, sequence=sequence)
            return self.last

        house.percolator.run, house.cache.lookup = noted_run, noted_lookup


class Writer:
    """One of the eight; it alone changes its own documents."""

    def __init__(
        self, house: Any, number: int, ask: Callable[[SearchRequest, Principal], SearchResult], filed: Filed
    ) -> None:
        self.house, self.number, self.ask = house, number, ask
        self.random = random.Random(number)
        self.own: dict[str, DocumentId] = {}
        self.filed = filed
        self.made = 0
        self.counts: Counter[str] = Counter()
        self.faults: list[str] = []

    def work(self, operations: int) -> None:
        for _ in range(operations):
            what = self.random.choices(DOINGS, (2, 2, 1, 2, 1, 1, 6))[0]
            self.counts[what] += 1
            getattr(self, f"_{what}")()

    def _sentence(self) -> str:
        colour, thing = self.random.choice(COLOURS), self.random.choice(THINGS)
        return f"The {colour} {thing} is inspected {self.random.choice(('daily', 'weekly', 'at noon', 'in May'))}."

    def _insert(self) -> None:
        self.made += 1
        name = f"{self.number}-{self.made}.md"
        self.own[name] = self.house.put(name, f"{self._sentence()} {self.made}.")

    def _edit(self) -> None:
        if self.own:
            self.house.put(self.random.choice(sorted(self.own)), f"{self._sentence()} {self.random.random()}.")

    def _delete(self) -> None:
        if len(self.own) > 2:
            self.house.library.delete(self.own.pop(self.random.choice(sorted(self.own))))

    def _access(self) -> None:
        if self.own:
            document = self.own[self.random.choice(sorted(self.own))]
            self.house.allow(document, self.random.choice((["ann"], ["everyone"])))

    def _file(self) -> None:
        """Give a document a kind; a filter finds it by that from the commit on, and not from before."""
        if not self.own:
            return
        document, kind = self.own[self.random.choice(sorted(self.own))], self.random.choice(KINDS)
        times = self.filed.get(document, (0, None))[0] + 1
        self.filed[document] = (times, None)
        who, vault = self.house.library.librarian, self.house.library.vault
        with self.house.database.transaction() as connection:
            document_changes.change_metadata(connection, vault, who, document, {"kind": kind})
            document_fields.replace(connection, vault, document, FIELDS, {"kind": kind})
        self.filed[document] = (times, kind)

    def _index(self) -> None:
        """Build another kind of index, ask it, or go back, if that can be done now."""
        begin = partial(index_generations.begin, kind=self.random.choice(("hnsw", "flat", "ivf_sq8")))
        switch = partial(index_generations.switch, reason="why not")
        step = self.random.choice((begin, switch, index_generations.roll_back))
        with suppress(Conflict, Invalid, NotFound), self.house.database.transaction() as connection:
            collection = collections.by_id(connection, self.house.library.librarian, self.house.library.collection)
            self.counts["switch"] += step(connection, collection, by="ann").state is GenerationState.ACTIVE

    def _ask(self) -> None:
        who = self.random.choice((self.house.library.librarian, self.house.bob))
        kind = self.random.choice((None, None, *KINDS))
        before = truth(self.house, who, self.filed)
        asked = replace(
            self.house.request(self.random.choice(QUESTIONS[:4] if kind else QUESTIONS)),
            mode=self.random.choice((Mode.HYBRID, Mode.DENSE)),
            filter=parse_filter(FIELDS, {"kind": kind}) if kind else (),
        )
        found = self.ask(asked, who)
        after = truth(self.house, who, self.filed)
        self.counts[f"filtered {found.cache}"] += kind is not None
        self.counts[found.cache] += 1
        for hit in found.hits:
            was, then = before.get(hit.document), after.get(hit.document)
            if was is not None and (was.version or 0) > hit.version:
                self.faults.append(f"stale: {hit.document_name} {hit.version} < {was.version} ({found.cache})")
            if was is not None and was == then and not was.readable:
                self.faults.append(f"forbidden: {hit.document_name} for {who.id} ({found.cache})")
            if kind and was is not None and was == then and (was.filed is None or was.filed[1] not in (None, kind)):
                self.faults.append(f"misfiled: {hit.document_name} is {was.filed}, not {kind} ({found.cache})")


def truth(house: Any, who: Principal, filed: Filed) -> dict[DocumentId, Truth]:
    known = dict(filed)
    with house.database.snapshot() as connection:
        acls = visibility.readable_acls(connection, who)
        rows = connection.execute(text("SELECT tenant, id, live_version, acl, deleted_at, updated_at FROM documents"))
        return {
            DocumentId(row.tenant, row.id): Truth(
                row.live_version,
                row.acl in acls and row.deleted_at is None,
                row.updated_at,
                known.get(DocumentId(row.tenant, row.id)),
            )
            for row in rows
        }


async def left_out(house: Any, watch: Watch) -> list[str]:
    """With everything at rest: cached results that lack a passage which arrived after they were made.

    By vectors alone, whose order no deletion changes: a passage below the evidence stays below it.
    """
    faults: list[str] = []
    for who in (house.library.librarian, house.bob):
        for question in QUESTIONS:
            asked = replace(house.request(question), mode=Mode.DENSE)
            cached, fresh = await house.cached.search(who, asked), await house.plain.search(who, asked)
            if cached.cache != "hit":
                continue
            assert watch.last is not None
            newer = {hit.chunk for hit in fresh.hits if watch.arrived[hit.chunk] > watch.last.made_at}
            if not newer <= {hit.chunk for hit in cached.hits}:
                faults.append(f"left out: what arrived after {watch.last.made_at} for {question!r}")
    return faults


async def campaign(house: Any, operations: int) -> tuple[Counter[str], list[str]]:
    """So many operations in rounds, with the indexer beside them. Returns what was done, and what went wrong."""
    watch, loop, stop = Watch(), asyncio.get_running_loop(), threading.Event()
    watch.over(house)

    def ask(asked: SearchRequest, who: Principal) -> SearchResult:
        return asyncio.run_coroutine_threadsafe(house.cached.search(who, asked), loop).result(timeout=60)

    def index() -> None:
        while not stop.is_set():
            house.settle()
            stop.wait(0.01)

    filed: Filed = {}
    writers = [Writer(house, number, ask, filed) for number in range(WRITERS)]
    left: list[str] = []
    with ThreadPoolExecutor(WRITERS + 1) as pool:
        for done in range(0, operations, ROUND):
            stop.clear()
            indexing = loop.run_in_executor(pool, index)
            share = min(ROUND, operations - done) // WRITERS + 1
            try:
                await asyncio.gather(*(loop.run_in_executor(pool, writer.work, share) for writer in writers))
            finally:
                stop.set()
                await indexing
            await asyncio.to_thread(house.settle)
            left += await left_out(house, watch)
    counts = sum((writer.counts for writer in writers), Counter[str]())
    return counts, [fault for writer in writers for fault in writer.faults] + left


@pytest.mark.parametrize("operations", [300, pytest.param(10_000, marks=pytest.mark.nightly)])
async def test_nothing_stale_and_nothing_forbidden_is_served(house: Any, operations: int) -> None:
    counts, faults = await campaign(house, operations)
    assert faults == []
    assert counts["hit"] > 0
    assert (counts["filtered hit"] > 0 and counts["switch"] > 0) or operations < 1000
    print(f"{operations} operations: {dict(counts)}")


async def test_on_an_unchanged_corpus_every_repeated_question_is_a_hit(house: Any) -> None:
    """As with a cache that goes by time alone."""
    for number, question in enumerate(QUESTIONS):
        house.put(f"{number}.md", question)
    house.settle()
    chosen = random.Random(1).choices(QUESTIONS, k=150)
    hits = [(await house.ask(question)).cache == "hit" for question in chosen]
    assert sum(hits) == len(chosen) - len(set(chosen))
