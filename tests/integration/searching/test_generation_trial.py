"""Golden questions are asked of both generations, and what comes of it decides whether one may take over."""

from typing import Any

import pytest
from assay_core.errors import Conflict, Exhausted, Invalid, NotFound
from assay_core.evaluation import GoldenPassage, GoldenQuestion
from assay_core.index_generations import GenerationComparison
from assay_retrieval.generation_trial import GenerationTrial
from assay_store import collections, golden_sets, index_generations
from assay_store.golden_sets import Origin
from assay_wire import internal

pytestmark = pytest.mark.integration

NEW = "flat"
THINGS = ("pump", "valve", "gate", "crane", "lock", "bridge", "dredger", "buoy", "mast", "anchor", "winch", "sluice")


class Bench:
    """A house with a golden set, and a second index."""

    def __init__(self, house: Any, *, quoted: str = "The {} is painted every summer.") -> None:
        self.house = house
        for thing in THINGS:
            house.put(f"{thing}.md", f"The {thing} is painted every summer.")
        house.settle()
        questions = [
            GoldenQuestion(thing, f"when is the {thing} painted", "every summer", answerable=True,
                           passages=(GoldenPassage(f"{thing}.md", quoted.format(thing)),))
            for thing in THINGS
        ]  # fmt: skip
        with house.database.transaction() as connection:
            found = collections.by_id(connection, house.library.librarian, house.library.collection)
            golden_sets.put(connection, house.library.vault, found.id, "golden", questions, Origin("ann"))
            index_generations.begin(connection, found, NEW, by="ann")
        self.trial = GenerationTrial(database=house.database, vault=house.library.vault, retriever=house.plain)

    async def compare(self, *, deadline_s: float = 60.0, **options: Any) -> GenerationComparison:
        check = internal.GenerationCheck(self.house.library.collection.id, options.get("dataset"), 200)
        return await self.trial.compare(self.house.library.librarian, check, deadline_s=deadline_s)

    def switch(self) -> str:
        with self.house.database.transaction() as connection:
            found = collections.by_id(connection, self.house.library.librarian, self.house.library.collection)
            return index_generations.switch(connection, found, by="ann").state


@pytest.fixture
def bench(house: Any) -> Bench:
    return Bench(house)


async def test_an_index_that_finds_as_much_may_take_over(bench: Bench) -> None:
    with pytest.raises(Conflict, match="can be compared once it is ready"):
        await bench.compare()
    bench.house.settle()
    found = await bench.compare()
    assert (found.dataset, found.questions, found.low, found.high, found.passed) == ("golden", 12, 0.0, 0.0, True)
    assert found.old == found.new > 0.5
    assert bench.switch() == "active"


async def test_one_that_lost_its_rows_may_not(bench: Bench) -> None:
    bench.house.settle()
    lexical = bench.house.lexical
    for index in (bench.house.kinds[NEW], lexical):
        index.drop(bench.house.library.collection)
    found = await bench.compare()
    assert found.new == 0.0 < found.old
    assert found.passed is False
    with pytest.raises(Conflict, match="may lose"):
        bench.switch()


async def test_what_cannot_tell_them_apart_is_refused(house: Any) -> None:
    bench = Bench(house, quoted="Nobody knows anything of any {} here.")
    house.settle()
    with pytest.raises(Invalid, match="For 0 of 12 questions of 'golden' either index found a passage"):
        await bench.compare()
    with pytest.raises(NotFound, match="no golden set 'other'"):
        await bench.compare(dataset="other")
    with pytest.raises(Exhausted, match="Of 12 questions 0 were asked"):
        await bench.compare(deadline_s=-1.0)


async def test_a_part_that_is_missing_ends_it(bench: Bench) -> None:
    bench.house.settle()
    bench.house.kinds[NEW].down = True
    with pytest.raises(Conflict, match="Not every part answers"):
        await bench.compare()
