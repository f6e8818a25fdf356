"""A cached result outlives what does not concern it, and nothing that does."""

from dataclasses import replace
from typing import Any

import pytest
from assay_core.answers import Answer, Outcome
from assay_core.collection_settings import FieldType
from assay_core.errors import NotFound
from assay_core.search import CacheUse, Expand, Mode
from assay_store import collections, document_fields
from assay_store.ids import new_id
from assay_wire import internal

pytestmark = pytest.mark.integration

PUMP = "how often is the blue pump inspected"
NO_WORD = "krzzts"
ABOUT_PUMPS = ("Blue pump inspected weekly.", "Blue pump inspected by two.", "The blue pump is inspected at night.")


@pytest.fixture
def asked(house: Any) -> Any:
    """A house with three documents about pumps, of which one was asked for."""
    for number, text in enumerate(ABOUT_PUMPS):
        house.put(f"pump{number}.md", text)
    house.settle()
    return house


async def cached(house: Any, question: str = PUMP, **options: Any) -> str:
    return (await house.ask(question, **options)).cache


async def test_an_entry_outlives_a_document_about_something_else(asked: Any) -> None:
    assert await cached(asked) == "miss"
    asked.put("canteen.md", "Lunch costs nine crowns.")
    asked.settle()
    assert await cached(asked) == "hit"


async def test_an_entry_is_gone_with_a_passage_that_would_rank(asked: Any) -> None:
    await asked.ask(PUMP)
    new = asked.put("new.md", "How often is the blue pump inspected? The blue pump is inspected hourly.")
    asked.settle()
    found = await asked.ask(PUMP)
    assert (found.cache, found.hits[0].document) == ("miss", new)


async def test_an_entry_is_gone_with_an_edit_deletion_or_hiding_of_its_evidence(asked: Any) -> None:
    first = (await asked.ask(PUMP)).hits[0].document
    asked.library.delete(first)
    second = await asked.ask(PUMP)
    assert (second.cache, second.hits[0].document == first) == ("miss", False)
    with asked.database.transaction() as connection:
        connection.exec_driver_sql("UPDATE documents SET live_version = 9 WHERE id = %s", (second.hits[0].document.id,))
    assert await cached(asked) == "miss"


async def test_any_arrival_may_change_what_an_unknown_word_was_meant_to_be(asked: Any) -> None:
    question = f"{PUMP} {NO_WORD}"
    assert [await cached(asked, question), await cached(asked, question)] == ["miss", "hit"]
    asked.put("canteen.md", "Lunch costs nine crowns.")
    asked.settle()
    assert await cached(asked, question) == "miss"


async def test_an_answer_from_before_a_change_of_settings_is_not_kept(asked: Any) -> None:
    who, collection = asked.library.librarian, asked.library.collection
    lookup = internal.CacheLookup(collection.id, PUMP, "recipe")
    found = await asked.ask(PUMP)
    answer = internal.answer.dump_json(
        Answer("a", PUMP, "Weekly.", Outcome.ANSWERED, (), (), found.hits, "m", "p", None, {})
    ).decode()

    async def offered(moment: str) -> str | None:
        store = internal.CacheStore(collection.id, PUMP, "recipe", moment, answer, found.floors)
        await asked.cached.store_answer(who, store)
        return (await asked.cached.lookup_answer(who, lookup)).answer

    before = (await asked.cached.lookup_answer(who, lookup)).moment
    with asked.database.transaction() as connection:
        current = collections.by_id(connection, who, collection)
        collections.change_settings(connection, current, {"answering": {"top_k": 3}})
    assert await offered(before) is None
    assert await offered((await asked.cached.lookup_answer(who, lookup)).moment) == answer


async def test_an_answer_under_a_filter_is_not_kept_beyond_a_change_of_fields(asked: Any) -> None:
    who, collection = asked.library.librarian, asked.library.collection
    lookup = internal.CacheLookup(collection.id, PUMP, "recipe", narrowed=True)
    found = await asked.ask(PUMP)
    body = internal.answer.dump_json(
        Answer("a", PUMP, "Weekly.", Outcome.ANSWERED, (), (), found.hits, "m", "p", None, {})
    ).decode()

    async def kept() -> str | None:
        return (await asked.cached.lookup_answer(who, lookup)).answer

    async def offer(moment: str, *, narrowed: bool = True) -> None:
        store = internal.CacheStore(collection.id, PUMP, "recipe", moment, body, found.floors, narrowed)
        await asked.cached.store_answer(who, store)

    def change_a_field() -> None:
        with asked.database.transaction() as connection:
            document_fields.replace(
                connection, asked.library.vault, found.hits[0].document, {"kind": FieldType.STRING}, {"kind": new_id()}
            )

    await offer((await asked.cached.lookup_answer(who, lookup)).moment)
    assert await kept() == body
    change_a_field()
    assert await kept() is None
    before = (await asked.cached.lookup_answer(who, lookup)).moment
    change_a_field()
    await offer(before)
    assert await kept() is None
    whole = replace(lookup, narrowed=False)
    await offer((await asked.cached.lookup_answer(who, whole)).moment, narrowed=False)
    change_a_field()
    assert (await asked.cached.lookup_answer(who, whole)).answer == body


async def test_the_cache_is_passed_by_between_going_live_and_percolation(asked: Any) -> None:
    await asked.ask(PUMP)
    with asked.database.transaction() as connection:
        collections.advance_sequence(connection, asked.library.collection)
    assert await cached(asked) == "miss"
    assert (await asked.explain(PUMP)).verdict == "passed_by"
    asked.percolator.run([asked.library.collection], [])
    assert (await asked.explain(PUMP)).verdict == "hit"


async def test_a_missed_arrival_forgets_and_the_cache_works_again(asked: Any) -> None:
    await asked.ask(PUMP)
    asked.cache.down = True
    asked.put("new.md", "How often is the blue pump inspected? The blue pump is inspected hourly.")
    asked.settle()
    asked.cache.down = False
    assert await cached(asked) == "miss"
    asked.percolator.catch_up()
    assert [await cached(asked), await cached(asked)] == ["miss", "hit"]


async def test_a_cache_that_forgot_everything_fills_again(asked: Any) -> None:
    await asked.ask(PUMP)
    asked.cache.flush()
    assert [await cached(asked), await cached(asked)] == ["miss", "hit"]
    asked.put("canteen.md", "Lunch costs nine crowns.")
    asked.settle()
    assert await cached(asked) == "hit"


async def test_what_becomes_readable_is_percolated_as_if_it_arrived(asked: Any) -> None:
    hidden = asked.put("secret.md", "How often is the blue pump inspected? The blue pump is inspected hourly.")
    asked.settle()
    asked.allow(hidden, ["ann"])
    asked.settle()
    await asked.ask(PUMP, who=asked.bob)
    asked.allow(hidden, ["everyone"])
    asked.settle()
    found = await asked.ask(PUMP, who=asked.bob)
    assert (found.cache, found.hits[0].document) == ("miss", hidden)


async def test_what_a_reader_may_not_see_leaves_the_readers_entries_alone(asked: Any) -> None:
    hidden = asked.put("secret.md", "Salaries.")
    asked.settle()
    asked.allow(hidden, ["ann"])
    asked.settle()
    await asked.ask(PUMP, who=asked.bob)
    asked.put("secret.md", "How often is the blue pump inspected? The blue pump is inspected hourly.")
    asked.settle()
    assert await cached(asked, who=asked.bob) == "hit"


async def test_rows_that_were_missing_from_an_index_make_the_cache_forget(asked: Any) -> None:
    await asked.ask(PUMP)
    asked.dense.drop(asked.library.collection)
    asked.reconciler.work()
    assert (await asked.explain(PUMP)).verdict == "passed_by"
    asked.percolator.catch_up()
    assert (await asked.explain(PUMP)).verdict == "miss"


async def test_only_what_is_kept_is_found_where_that_is_wanted(asked: Any) -> None:
    with pytest.raises(NotFound, match="No result is kept"):
        await asked.ask(PUMP, cache=CacheUse.ONLY)
    with pytest.raises(NotFound, match="No result is kept"):
        await asked.ask(PUMP, cache=CacheUse.ONLY, mode=Mode.LEXICAL)
    with pytest.raises(NotFound, match="No result is kept"):
        await asked.ask(PUMP, cache=CacheUse.ONLY, phrases=("blue pump",))
    found = await asked.ask(PUMP)
    again = await asked.ask(PUMP, cache=CacheUse.ONLY)
    assert (again.cache, again.hits) == ("hit", found.hits)


async def test_a_refreshed_result_is_found_anew_and_kept(asked: Any) -> None:
    await asked.ask(PUMP)
    assert await cached(asked, cache=CacheUse.REFRESH) == "miss"
    assert await cached(asked) == "hit"
    assert await cached(asked, cache=CacheUse.BYPASS) == "off"


async def test_what_is_read_with_hits_is_kept_apart_and_with_them(asked: Any) -> None:
    asked.put(
        "manual.md", "\n\n".join(f"{part} valves: " + f"step of {part} work. " * 9 for part in ("one", "two", "three"))
    )
    asked.settle()
    question = "two valves step of two work"
    found = [await asked.ask(question, expand=Expand.NEIGHBOURS) for _ in range(2)]
    assert [one.cache for one in found] == ["miss", "hit"]
    assert found[1].hits == found[0].hits
    assert found[0].hits[0].around
    other = await asked.ask(question)
    assert (other.cache, other.hits[0].around) == ("miss", ())


async def test_other_settings_of_the_collection_are_another_scope(asked: Any) -> None:
    await asked.ask(PUMP)
    with asked.database.transaction() as connection:
        found = collections.by_id(connection, asked.library.librarian, asked.library.collection)
        collections.change_settings(connection, found, {"answering": {"top_k": 3}})
    assert await cached(asked) == "miss"


async def test_explaining_says_which_look_refused(asked: Any) -> None:
    asked.cache.flush()
    assert (await asked.explain(PUMP)).percolated is None
    await asked.ask(PUMP)
    explained = await asked.explain(PUMP.replace("is", "is not"))
    assert (explained.verdict, explained.percolated, explained.sequence) == ("miss", 1, 1)
    assert "refused by the look at" in explained.reason
