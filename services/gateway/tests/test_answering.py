import asyncio
from collections.abc import AsyncIterator

import pytest
from assay_core.answers import AnswerEvent, AnswerRequest, Failed, Retrieved, Token
from assay_core.documents import CollectionId, TenantId
from assay_core.errors import AssayError, Exhausted, NotFound, Unavailable
from assay_core.principals import Principal
from assay_core.search import SearchResult
from assay_gateway.answering import SourcedGenerator, finished
from assay_testing.fake_generator import FakeGenerator
from assay_testing.fake_retriever import FakeRetriever

WHO = Principal(TenantId("t"), "ada", "Ada", frozenset())
ASKED = AnswerRequest(CollectionId(TenantId("t"), "c" * 32), "How many?", deadline_s=0.5)
DOWN = Unavailable("The generation service cannot be reached.", code="generation_unavailable", retry_after_s=5)


def generator(*events: AnswerEvent | Exception, found: SearchResult | Exception | None = None) -> SourcedGenerator:
    retriever = FakeRetriever(found or SearchResult((), {"search": 1.0}))
    return SourcedGenerator(FakeGenerator(events), retriever=retriever, search_s=1.0)


async def events_of(stream: AsyncIterator[AnswerEvent]) -> list[AnswerEvent]:
    return [event async for event in stream]


async def test_without_a_generator_the_sources_are_shown() -> None:
    retrieved, last = await events_of(generator(DOWN).answer(WHO, ASKED))
    assert retrieved == Retrieved((), {"search": 1.0})
    assert isinstance(last, Failed)
    assert (last.code, last.status, last.retry_after_s) == ("generator_unavailable", 503, 5)


async def test_if_the_search_fails_too_its_error_is_raised() -> None:
    nothing = NotFound("There is no such collection.", code="collection_not_found")
    with pytest.raises(NotFound):
        await events_of(generator(DOWN, found=nothing).answer(WHO, ASKED))


async def test_other_errors_before_the_first_event_are_raised() -> None:
    with pytest.raises(Unavailable) as error:
        await events_of(generator(Unavailable("x", code="retrieval_unavailable")).answer(WHO, ASKED))
    assert error.value.code == "retrieval_unavailable"


async def test_later_errors_are_the_last_event() -> None:
    events = await events_of(generator(Token("a"), Unavailable("gone", code="generation_broke_off")).answer(WHO, ASKED))
    assert events[1] == Failed("generation_broke_off", "gone", 503)


async def test_a_stream_that_just_stops_is_a_failure() -> None:
    events = await events_of(generator(Token("a")).answer(WHO, ASKED))
    assert isinstance(events[-1], Failed)


async def test_the_deadline_holds_for_the_whole_answer() -> None:
    slow = FakeGenerator([Token("x")] * 100, delay_s=0.1)
    sourced = SourcedGenerator(slow, retriever=FakeRetriever(SearchResult((), {})), search_s=1.0)
    events = await events_of(sourced.answer(WHO, ASKED))
    assert isinstance(events[-1], Failed)
    assert (events[-1].code, events[-1].status) == ("deadline", 504)
    assert slow.cancelled == 1


async def test_a_deadline_before_the_first_event_is_raised() -> None:
    slow = FakeGenerator([Token("x")], delay_s=5)
    sourced = SourcedGenerator(slow, retriever=FakeRetriever(SearchResult((), {})), search_s=1.0)
    with pytest.raises(Exhausted):
        await events_of(sourced.answer(WHO, ASKED))
    assert slow.cancelled == 1


async def test_leaving_in_the_middle_closes_the_generator() -> None:
    slow = FakeGenerator([Token("x")] * 100, delay_s=0.01)
    sourced = SourcedGenerator(slow, retriever=FakeRetriever(SearchResult((), {})), search_s=1.0)
    task = asyncio.create_task(finished(sourced.answer(WHO, ASKED)))
    await asyncio.sleep(0.1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert slow.cancelled == 1


async def test_a_failed_answer_is_an_error_with_the_sources() -> None:
    sourced = generator(Retrieved(()), Failed("generator_unavailable", "It is loading.", 503, 9))
    with pytest.raises(AssayError) as error:
        await finished(sourced.answer(WHO, ASKED))
    assert (error.value.code, error.value.retry_after_s, error.value.extra) == (
        "generator_unavailable",
        9,
        {"sources": []},
    )
