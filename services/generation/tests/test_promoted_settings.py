"""A collection may have been given a prompt and a way to search of its own."""

import pytest
from assay_core.errors import Invalid
from assay_core.search import Mode
from assay_generation.testing import House


async def test_the_prompt_of_the_request_is_used_and_recorded() -> None:
    house = House(prompt="answer.v1")
    assert (await house.answer()).prompt_version == "answer.v1"
    assert (await house.answer(prompt="cite.v1")).prompt_version == "cite.v1"
    systems = [prompt.system for prompt in house.chat.prompts]
    assert systems[0] != systems[1]


async def test_the_search_is_made_as_the_collection_was_given() -> None:
    house = House()
    await house.answer(mode=Mode.DENSE, rerank=False, top_k=7)
    request = house.retriever.requests[-1][1]
    assert (request.mode, request.rerank, request.top_k) == (Mode.DENSE, False, 7)


async def test_an_answer_made_another_way_is_not_taken_from_the_cache() -> None:
    house = House(prompt="answer.v1")
    await house.answer()
    assert (await house.answer()).cache == "hit"
    assert (await house.answer(prompt="cite.v1")).cache == "miss"
    assert (await house.answer(mode=Mode.DENSE)).cache == "miss"
    assert (await house.answer(rerank=False)).cache == "miss"


async def test_a_prompt_that_is_not_there_is_refused() -> None:
    with pytest.raises(Invalid, match=r"answer\.v1, cite\.v1"):
        await House().answer(prompt="none.v9")
