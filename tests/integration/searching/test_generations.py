"""Another kind of index is built beside the one that is asked, takes its place, and gives it back."""

from typing import Any

import pytest
from assay_core.documents import ChunkId, Collection, DocumentId
from assay_core.errors import Conflict, Invalid, NotFound, Unavailable
from assay_core.index_generations import GenerationComparison, GenerationState, IndexGeneration
from assay_core.search import CacheUse, Mode
from assay_store import collections, index_generations
from assay_store.database import clock
from sqlalchemy import text

pytestmark = pytest.mark.integration

PUMP = "how often is the blue pump inspected"
NEW = "ivf_sq8:nlist=16,nprobe=16"


class Desk:
    """What an operator does with a house's index."""

    def __init__(self, house: Any) -> None:
        self.house = house

    def collection(self) -> Collection:
        with self.house.database.transaction() as connection:
            return collections.by_id(connection, self.house.library.librarian, self.house.library.collection)

    def do(self, what: Any, *given: Any, **named: Any) -> IndexGeneration:
        found = self.collection()
        with self.house.database.transaction() as connection:
            return what(connection, found, *given, by="ann", **named)

    def build(self, kind: str = NEW) -> IndexGeneration:
        made = self.do(index_generations.begin, kind)
        self.house.settle()
        return made

    def states(self) -> dict[int, str]:
        with self.house.database.transaction() as connection:
            return {one.number: one.state for one in index_generations.listing(connection, self.collection())}

    def compared(self, number: int, *, low: float) -> None:
        found = self.collection()
        with self.house.database.transaction() as connection:
            comparison = GenerationComparison("golden", 40, 0.8, 0.8 + low, low, 0.01, clock(connection))
            index_generations.keep_comparison(connection, found.id, number, comparison)

    def rows(self, kind: str) -> set[ChunkId]:
        return set(self.house.kinds[kind]._rows)

    def sql(self, statement: str) -> None:
        with self.house.database.transaction() as connection:
            connection.execute(text(statement))

    def worded(self, language: str) -> set[ChunkId]:
        return set(self.house.languages[language]._rows)

    async def found(self, question: str = PUMP, mode: Mode = Mode.DENSE) -> list[DocumentId]:
        asked = self.house.request(question, mode=mode, cache=CacheUse.BYPASS)
        return [hit.document for hit in (await self.house.plain.search(self.house.library.librarian, asked)).hits]


@pytest.fixture
def desk(house: Any) -> Desk:
    for number in range(5):
        house.put(f"{number}.md", f"The blue pump number {number} is inspected weekly.")
    house.settle()
    return Desk(house)


def test_a_generation_is_ready_once_it_holds_what_was_there_and_what_came_meanwhile(desk: Desk) -> None:
    assert desk.states() == {1: "active"}
    desk.do(index_generations.begin, NEW)
    desk.house.put("meanwhile.md", "The red pump is inspected daily.")
    desk.house.settle()
    assert desk.states() == {2: "ready", 1: "active"}
    assert len(desk.rows(NEW)) == 6
    assert desk.rows(NEW) == desk.rows("hnsw")
    gone = desk.house.put("later.md", "The green pump is inspected hourly.")
    desk.house.settle()
    assert len(desk.rows(NEW)) == len(desk.rows("hnsw")) == 7
    desk.house.library.delete(gone)
    desk.house.settle()
    assert len(desk.rows(NEW)) == len(desk.rows("hnsw")) == 6


async def test_a_switch_asks_the_new_one_and_one_can_go_back(desk: Desk) -> None:
    desk.build()
    desk.compared(2, low=-0.01)
    before, epoch = await desk.found(), desk.collection().epoch
    desk.house.kinds["hnsw"].drop(desk.house.library.collection)
    assert await desk.found() == []
    assert desk.do(index_generations.switch).state is GenerationState.ACTIVE
    assert (desk.collection().index_kind, desk.collection().epoch) == (NEW, epoch + 1)
    assert await desk.found() == before
    assert desk.states() == {2: "active", 1: "kept"}
    desk.do(index_generations.roll_back)
    assert (desk.collection().index_kind, desk.states()) == ("hnsw", {2: "kept", 1: "active"})
    desk.do(index_generations.roll_back)
    assert desk.collection().index_kind == NEW


async def test_what_is_cached_of_one_generation_is_not_served_of_the_other(desk: Desk) -> None:
    house = desk.house
    assert [(await house.ask(PUMP)).cache for _ in range(2)] == ["miss", "hit"]
    desk.build()
    assert (await house.ask(PUMP)).cache == "hit"
    desk.do(index_generations.switch, reason="tried elsewhere")
    assert [(await house.ask(PUMP)).cache for _ in range(2)] == ["miss", "hit"]


def test_the_gate_wants_a_comparison_that_shows_it_is_no_worse(desk: Desk) -> None:
    desk.do(index_generations.begin, NEW)
    with pytest.raises(Conflict, match="wait until it is ready"):
        desk.do(index_generations.switch)
    desk.house.settle()
    with pytest.raises(Conflict, match="was not compared"):
        desk.do(index_generations.switch)
    desk.compared(2, low=-0.05)
    with pytest.raises(Conflict, match=r"may lose 0\.050 of nDCG@10 on 'golden' \(0\.800 to 0\.750 over 40"):
        desk.do(index_generations.switch)
    switched = desk.do(index_generations.switch, reason="memory is short")
    assert (switched.reason, switched.changed_by) == ("memory is short", "ann")


def test_the_old_one_is_kept_for_a_day_and_then_removed_without_a_trace(desk: Desk) -> None:
    desk.build()
    desk.do(index_generations.switch, reason="x")
    desk.sql("UPDATE index_generations SET kept_until = kept_until - interval '23 hours'")
    desk.house.settle()
    assert desk.states()[1] == "kept"
    assert len(desk.rows("hnsw")) == 5
    desk.sql("UPDATE index_generations SET kept_until = kept_until - interval '1 hour'")
    desk.house.settle()
    assert (desk.states()[1], len(desk.rows("hnsw"))) == ("leaving", 5)
    with pytest.raises(Conflict, match="is leaving"):
        desk.do(index_generations.roll_back)
    desk.sql("UPDATE index_generations SET changed_at = changed_at - interval '61 seconds'")
    desk.house.settle()
    assert (desk.states(), desk.rows("hnsw")) == ({2: "active", 1: "dropped"}, set())
    with desk.house.database.transaction() as connection:
        assert {"hnsw", NEW} <= set(index_generations.kinds_ever(connection))


def test_one_that_is_let_go_is_built_no_further_and_another_can_follow(desk: Desk) -> None:
    desk.do(index_generations.begin, NEW)
    with pytest.raises(Conflict, match="let it go with `assay index drop`"):
        desk.do(index_generations.begin, "flat")
    desk.do(index_generations.let_go)
    desk.house.settle()
    assert desk.rows(NEW) == set()
    desk.sql("UPDATE index_generations SET changed_at = changed_at - interval '61 seconds'")
    desk.house.settle()
    assert desk.build("flat").number == 3
    assert desk.states() == {3: "ready", 2: "dropped", 1: "active"}


def test_an_index_that_is_away_only_delays_it(desk: Desk) -> None:
    index = desk.house.kinds[NEW]
    desk.do(index_generations.begin, NEW)
    index.down = True
    with pytest.raises(Unavailable):
        desk.house.settle()
    desk.house.generations.start_over()
    assert desk.states()[2] == "building"
    index.down = False
    desk.house.settle()
    assert desk.states()[2] == "ready"


def test_it_is_not_ready_before_it_has_its_index(desk: Desk) -> None:
    desk.house.kinds[NEW].unindexed = True
    desk.do(index_generations.begin, NEW)
    for _ in range(5):
        desk.house.generations._next_s = 0.0
        desk.house.generations.work()
    assert desk.states()[2] == "building"
    desk.house.kinds[NEW].unindexed = False
    desk.house.settle()
    assert desk.states()[2] == "ready"


def test_rows_that_one_of_both_lost_are_restored_and_left_overs_removed(desk: Desk) -> None:
    desk.build()
    house, before = desk.house, dict(desk.house.kinds[NEW]._rows)
    house.put("0.md", "The blue pump is not inspected.")
    house.settle()
    live = desk.rows("hnsw")
    (replaced,) = set(before) - live
    some, other = sorted(live, key=lambda chunk: chunk.id)[:2]
    house.kinds[NEW].upsert([before[replaced].row], [before[replaced].vector])
    house.kinds[NEW].delete(house.library.collection, [some])
    house.kinds["hnsw"].delete(house.library.collection, [other])
    house.reconciler.start_over()
    house.reconciler.work()
    assert desk.rows(NEW) == desk.rows("hnsw") == live


def test_kinds_that_are_searched_otherwise_only_need_no_copy(desk: Desk) -> None:
    desk.build("hnsw:ef=64")
    assert desk.states()[2] == "ready"
    assert "hnsw:ef=64" not in desk.house.kinds or not desk.rows("hnsw:ef=64")
    desk.do(index_generations.switch, reason="x")
    desk.house.kinds["hnsw:ef=64"] = desk.house.kinds["hnsw"]
    desk.do(index_generations.let_go)
    desk.sql("UPDATE index_generations SET changed_at = changed_at - interval '61 seconds'")
    desk.house.settle()
    assert desk.states() == {2: "active", 1: "dropped"}
    assert len(desk.rows("hnsw")) == 5


def test_there_is_nothing_to_do_without_a_second_one(desk: Desk) -> None:
    with pytest.raises(Invalid, match="is indexed as hnsw already"):
        desk.do(index_generations.begin, "hnsw")
    for what in (index_generations.switch, index_generations.roll_back, index_generations.let_go):
        with pytest.raises(NotFound, match="none beside it"):
            desk.do(what)


async def test_another_language_of_terms_is_a_generation_too(desk: Desk) -> None:
    house = desk.house
    made = desk.do(index_generations.begin, None, language="de")
    assert made.index_kind == "hnsw/de"
    house.put("meanwhile.md", "The red pump is inspected daily.")
    house.settle()
    assert desk.states()[2] == "ready"
    assert desk.worded("de") == desk.worded("en") == desk.rows("hnsw")
    before = await desk.found(mode=Mode.LEXICAL)
    house.languages["en"].drop(house.library.collection)
    assert await desk.found(mode=Mode.LEXICAL) == []
    desk.do(index_generations.switch, reason="they write German")
    assert await desk.found(mode=Mode.LEXICAL) == before != []
    assert len(desk.rows("hnsw")) == 6, "the vectors are the same ones"
    gone = house.put("later.md", "The green pump is inspected hourly.")
    house.settle()
    assert len(desk.worded("de")) == 7
    house.library.delete(gone)
    house.settle()
    desk.do(index_generations.let_go)
    desk.sql("UPDATE index_generations SET changed_at = changed_at - interval '61 seconds'")
    house.settle()
    assert (desk.states(), len(desk.rows("hnsw"))) == ({2: "active", 1: "dropped"}, 6)
    assert (len(desk.worded("de")), desk.worded("en")) == (6, set())


def test_what_is_not_named_stays_as_it_is(desk: Desk) -> None:
    desk.do(index_generations.begin, "hnsw/fr")
    desk.house.settle()
    desk.do(index_generations.switch, reason="x")
    desk.do(index_generations.let_go)
    desk.sql("UPDATE index_generations SET changed_at = changed_at - interval '61 seconds'")
    desk.house.settle()
    assert desk.do(index_generations.begin, "flat").index_kind == "flat/fr"
    with pytest.raises(Invalid, match="'xx' is no language here; use one of en, ar"):
        desk.do(index_generations.begin, None, language="xx")
    with pytest.raises(Invalid, match="indexed as hnsw/fr already"):
        desk.do(index_generations.begin, "hnsw")


def test_rows_that_one_language_lost_are_restored(desk: Desk) -> None:
    desk.do(index_generations.begin, None, language="de")
    house = desk.house
    house.settle()
    live = desk.worded("en")
    some, other = sorted(live, key=lambda chunk: chunk.id)[:2]
    house.languages["de"].delete(house.library.collection, [some])
    house.languages["en"].delete(house.library.collection, [other])
    house.reconciler.start_over()
    house.reconciler.work()
    assert desk.worded("de") == desk.worded("en") == live


async def test_what_is_cached_is_percolated_in_the_language_that_is_asked(desk: Desk) -> None:
    house = desk.house
    desk.do(index_generations.begin, None, language="de")
    house.settle()
    desk.do(index_generations.switch, reason="x")
    assert [(await house.ask(PUMP)).cache for _ in range(2)] == ["miss", "hit"]
    house.put("new.md", "How often is the blue pump inspected? The blue pump is inspected often.")
    house.settle()
    assert (await house.ask(PUMP)).cache == "miss"
