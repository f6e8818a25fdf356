"""The way of an answer: what is shown, what is cited, what is said when the documents do not say."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from assay_core.answers import (
    Answer,
    AnswerEvent,
    Cited,
    Done,
    Failed,
    Judged,
    Outcome,
    Retrieved,
    Token,
    Turn,
    Verdict,
)
from assay_core.collection_settings import FieldType
from assay_core.errors import Broken, Conflict, Exhausted, Invalid, NotFound, Unavailable
from assay_core.metadata_filter import Condition, Operator
from assay_core.search import (
    CacheUse,
    Degradation,
    EvidenceVersion,
)
from assay_generation.testing import FARES, House, found, make_hit, two_hits
from assay_testing.fake_judge import FakeJudge
from assay_testing.fake_retriever import FakeRetriever


def text_of(events: Sequence[AnswerEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, Token))


def answer_of(events: Sequence[AnswerEvent]) -> Answer:
    last = events[-1]
    assert isinstance(last, Done), last
    return last.answer


def assert_whole(answer: Answer) -> None:
    """What holds of every answer: quotes are the stored text, numbers are in order, claims cover their marks."""
    assert [c.n for c in answer.citations] == list(range(1, len(answer.citations) + 1))
    chunks = {hit.chunk: hit for hit in answer.sources}
    for citation in answer.citations:
        hit = chunks[citation.chunk]
        stored = "?" * hit.start + hit.text
        assert stored[citation.start : citation.end] == citation.quote != ""
        assert (citation.document, citation.version) == (hit.document, hit.version)
    for claim in answer.claims:
        for n in claim.citations:
            assert f"[{n}]" in answer.text[claim.start : claim.end]


async def test_events_come_in_order_and_the_stream_says_what_the_answer_says() -> None:
    events = await House("Full-time staff receive 28 days. [1] Bicycles cost 3 pounds. [2]").events()
    assert isinstance(events[0], Retrieved)
    assert isinstance(events[-1], Done)
    kinds = [type(event) for event in events[1:-1]]
    assert kinds == [Token, Cited, Judged, Token, Cited, Judged]
    answer = events[-1].answer
    assert text_of(events) == answer.text == "Full-time staff receive 28 days. [1] Bicycles cost 3 pounds. [2]"
    assert answer.outcome is Outcome.ANSWERED
    assert [c.document_name for c in answer.citations] == ["handbook.md", "fares.md"]
    assert_whole(answer)


async def test_marks_are_numbered_in_order_of_first_use_whatever_the_model_wrote() -> None:
    answer = await House("Bicycles cost 3 pounds. [2] Staff receive 28 days. [1] Bicycles cost 3 pounds.").answer()
    assert answer.text == "Bicycles cost 3 pounds. [1] Staff receive 28 days. [2] Bicycles cost 3 pounds. [1]"
    assert [c.origin for c in answer.citations] == ["model", "model"]
    assert_whole(answer)


async def test_sentence_without_a_mark_is_attributed_by_the_server() -> None:
    answer = await House("Bicycles cost 3 pounds.").answer()
    assert answer.text == "Bicycles cost 3 pounds. [1]"
    assert answer.citations[0].origin == "attributed"
    assert answer.citations[0].document_name == "fares.md"
    assert_whole(answer)


@pytest.mark.parametrize("mark", ["[7]", "[0]", "[999]", "[source 4]", "【9】", "[3, 4]"])
async def test_invented_marks_are_dropped(mark: str) -> None:
    answer = await House(f"Bicycles cost 3 pounds. {mark}").answer()
    assert answer.text == "Bicycles cost 3 pounds. [1]"
    assert answer.citations[0].origin == "attributed"


async def test_wrong_mark_is_replaced_by_the_passage_that_backs_the_sentence() -> None:
    answer = await House("Bicycles cost 3 pounds. [1]").answer()
    assert [c.document_name for c in answer.citations] == ["fares.md"]


async def test_unsupported_sentence_is_not_shown_beside_supported_ones() -> None:
    answer = await House("Bicycles cost 3 pounds. The ferry is painted blue. Staff receive 28 days.").answer()
    assert answer.text == "Bicycles cost 3 pounds. [1] Staff receive 28 days. [2]"
    assert answer.outcome is Outcome.PARTLY_SUPPORTED
    assert_whole(answer)


async def test_contradicted_sentence_is_not_shown() -> None:
    judge = FakeJudge(verdicts={"Bicycles cost 3 pounds.": Verdict.CONTRADICTED})
    answer = await House("Bicycles cost 3 pounds. Staff receive 28 days.", judge=judge).answer()
    assert answer.text == "Staff receive 28 days. [1]"
    assert answer.outcome is Outcome.PARTLY_SUPPORTED


async def test_unsupported_answer_gives_way_to_a_quote() -> None:
    events = await House("Captains earn a fortune on Mars.").events("How much do bicycles cost?")
    answer = answer_of(events)
    assert answer.text == text_of(events) == "“Bicycles cost 3 pounds.” [1]"
    assert (answer.outcome, answer.finish_reason) == (Outcome.PARTLY_SUPPORTED, "extractive")
    assert ("generator", "extractive") in [(d.component, d.mode) for d in answer.degraded]
    assert answer.citations[0].quote == "Bicycles cost 3 pounds."
    assert_whole(answer)


async def test_quote_that_is_far_from_the_question_is_only_shown_as_the_nearest_passage() -> None:
    house = House("Captains earn a fortune on Mars.")
    house.limits.quote_cosine = 0.99
    answer = await house.answer("How much do bicycles cost?")
    assert answer.text.startswith("The documents do not say. The nearest passage is: “")
    assert (answer.outcome, answer.finish_reason) == (Outcome.NOT_SUPPORTED, "extractive")
    assert_whole(answer)


async def test_brackets_in_a_quoted_document_are_no_marks_and_its_links_lead_nowhere() -> None:
    text = "Bicycles cost [2] pounds,\nsee ![x](https://evil.example/p.png)."
    answer = await House("", retriever=found(make_hit(text))).answer("How much do bicycles cost?")
    assert answer.text.endswith("“Bicycles cost (2) pounds, see ! [x] (https://evil.example/p.png).” [1]")
    assert answer.citations[0].quote == text
    assert_whole(answer)


async def test_empty_reply_gives_way_to_a_quote() -> None:
    answer = await House("").answer("How much do bicycles cost?")
    assert answer.finish_reason == "extractive"


async def test_without_hits_the_documents_do_not_say_and_no_model_is_asked() -> None:
    house = House(retriever=found())
    answer = await house.answer()
    assert (answer.text, answer.outcome) == ("The documents do not say.", Outcome.NOTHING_FOUND)
    assert answer.citations == answer.claims == ()
    assert house.chat.prompts == []


async def test_hits_that_have_nothing_to_do_with_the_question_are_not_put_before_the_model() -> None:
    house = House(retriever=found(make_hit(FARES, cosine=0.05)))
    answer = await house.answer("Who repairs the lighthouse?")
    assert answer.outcome is Outcome.NOTHING_FOUND
    assert len(answer.sources) == 1
    assert house.chat.prompts == []


async def test_hit_without_a_cosine_is_judged_by_its_sentences() -> None:
    house = House("Bicycles cost 3 pounds.", retriever=found(make_hit(FARES, cosine=None)))
    house.limits.span_cosine = 0.3
    assert (await house.answer("How much do bicycles cost?")).outcome is Outcome.ANSWERED
    assert (await house.answer("Who repairs the lighthouse?")).outcome is Outcome.NOTHING_FOUND
    assert len(house.chat.prompts) == 1


async def test_wording_lets_a_hit_pass_whose_cosine_is_low() -> None:
    house = House("Bicycles cost 3 pounds.", retriever=found(make_hit(FARES, cosine=0.1)))
    assert (await house.answer("Bicycles cost?")).outcome is Outcome.ANSWERED


async def test_model_may_say_that_the_documents_do_not_say() -> None:
    answer = await House("The documents do not say.").answer()
    assert (answer.text, answer.outcome) == ("The documents do not say.", Outcome.NOTHING_FOUND)


async def test_without_a_judge_sentences_are_unverified_and_that_is_said() -> None:
    judge = FakeJudge()
    judge.down = True
    answer = await House("Bicycles cost 3 pounds. [2] It is blue.", judge=judge).answer()
    assert [claim.verdict for claim in answer.claims] == [Verdict.UNVERIFIED] * 2
    assert [claim.probability for claim in answer.claims] == [None, None]
    assert answer.outcome is Outcome.PARTLY_SUPPORTED
    assert "judge" in [d.component for d in answer.degraded]
    assert answer.text == "Bicycles cost 3 pounds. [1] It is blue."
    assert_whole(answer)


async def test_version_that_is_gone_is_neither_cited_nor_a_source() -> None:
    house = House("Bicycles cost 3 pounds. Staff receive 28 days.")
    first, second = two_hits()
    house.retriever = found(first, second)
    house.liveness.gone = {EvidenceVersion(second.document, second.version)}
    answer = await house.answer()
    assert answer.text == "Staff receive 28 days. [1]"
    assert answer.sources == (first,)
    house.liveness.gone.add(EvidenceVersion(first.document, first.version))
    assert (await house.answer(cache=CacheUse.BYPASS)).outcome is Outcome.NOTHING_FOUND


async def test_liveness_that_cannot_be_checked_shows_nothing() -> None:
    house = House()
    house.liveness.error = Unavailable("The database does not answer.", code="database_unavailable", retry_after_s=5)
    events = await house.events()
    assert text_of(events) == ""
    assert events[-1] == Failed("database_unavailable", "The database does not answer.", 503, 5)


async def test_what_retrieval_missed_is_said_in_the_answer() -> None:
    missing = Degradation("dense", "bm25_only", "Milvus is down.")
    house = House(retriever=found(*two_hits(), degraded=(missing,)))
    events = await house.events()
    assert isinstance(events[0], Retrieved)
    assert events[0].degraded == answer_of(events).degraded == (missing,)
    assert not house.cache.kept


async def test_answer_is_recorded_with_what_it_rests_on() -> None:
    house = House()
    answer = await house.answer()
    assert house.recorder.answers == [answer]
    assert (answer.model, answer.prompt_version, answer.finish_reason) == ("fake-chat", "cite.v1", "stop")
    assert answer.usage is not None
    assert {"retrieve", "evidence", "prompt", "generate", "verify"} <= set(answer.timings_ms)


async def test_answer_that_cannot_be_recorded_is_given_all_the_same() -> None:
    house = House()
    house.recorder.error = Unavailable("The database does not answer.")
    answer = await house.answer()
    assert answer.outcome is Outcome.ANSWERED
    assert [d.component for d in answer.degraded] == ["record"]


async def test_second_asker_gets_the_cached_answer_with_the_same_evidence() -> None:
    house = House()
    first, second = await house.answer(), await house.answer()
    assert (first.cache, second.cache) == ("miss", "hit")
    assert len(house.chat.prompts) == 1
    assert first.id != second.id or house.recorder.answers[0] is not house.recorder.answers[1]
    assert (second.text, second.citations, second.claims) == (first.text, first.citations, first.claims)
    events = await house.events()
    assert [type(e) for e in events] == [Retrieved, Token, Cited, Judged, Done]
    assert text_of(events) == second.text


@pytest.mark.parametrize(
    "request_",
    [{"cache": CacheUse.BYPASS}, {"temperature": 0.7}, {"history": (Turn("user", "Hello"), Turn("assistant", "Hi"))}],
)
async def test_some_questions_pass_the_cache_by(request_: dict[str, Any]) -> None:
    house = House()
    await house.answer()
    assert (await house.answer(**request_)).cache == "off"
    assert len(house.chat.prompts) == 2


async def test_only_what_is_kept_is_given_where_that_is_wanted() -> None:
    house = House()
    for temperature in (0.0, 0.7):
        with pytest.raises(NotFound, match="No answer is kept"):
            await house.answer(cache=CacheUse.ONLY, temperature=temperature)
    assert house.chat.prompts == []
    given = await house.answer()
    again = await house.answer(cache=CacheUse.ONLY)
    assert (again.cache, again.text) == ("hit", given.text)


async def test_a_cache_that_is_down_keeps_nothing() -> None:
    house = House()
    await house.answer()
    house.cache.down = True
    with pytest.raises(NotFound, match="No answer is kept"):
        await house.answer(cache=CacheUse.ONLY)


async def test_a_refreshed_answer_is_made_anew_and_kept() -> None:
    house = House()
    await house.answer()
    house.cache.kept = {place: replace(kept, text="old") for place, kept in house.cache.kept.items()}
    assert (await house.answer()).text == "old"
    fresh = await house.answer(cache=CacheUse.REFRESH)
    assert (fresh.cache, fresh.text == "old") == ("miss", False)
    assert (await house.answer()).text == fresh.text


async def test_other_options_are_another_recipe() -> None:
    house = House()
    await house.answer()
    assert (await house.answer(max_tokens=9)).cache == "miss"


async def test_an_answer_from_some_of_the_documents_is_kept_for_these() -> None:
    house = House()
    memos = (Condition("kind", FieldType.STRING, Operator.IN, ("memo",)),)
    narrowings: list[dict[str, Any]] = [{"filter": memos}, {"phrases": ("leave",)}]
    for narrowed in narrowings:
        assert [(await house.answer(**narrowed)).cache for _ in range(2)] == ["miss", "hit"]
    assert (await house.answer()).cache == "miss"
    assert house.cache.narrowed == [True] * 4 + [False]


async def test_cache_that_is_down_is_passed_by() -> None:
    house = House()
    house.cache.down = True
    answer = await house.answer()
    assert (answer.cache, answer.outcome, answer.degraded) == ("off", Outcome.ANSWERED, ())


async def test_follow_up_is_searched_with_the_question_before_it() -> None:
    house = House()
    history = (Turn("user", "How many days of annual leave?"), Turn("assistant", "28 days."))
    await house.answer("And until when must they be taken?", history=history)
    _, search = house.retriever.requests[0]
    assert search.query == "How many days of annual leave? And until when must they be taken?"
    assert [turn.content for turn in house.chat.prompts[0].messages[:-1]] == [turn.content for turn in history]
    assert (await house.answer("And when?", history=history)).question == "And when?"


async def test_errors_before_the_first_event_are_raised() -> None:
    with pytest.raises(NotFound):
        await House(retriever=FakeRetriever(NotFound("There is no collection."))).events()
    with pytest.raises(Unavailable):
        await House(retriever=FakeRetriever(Unavailable("No index.", code="retrieval_unavailable"))).events()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Unavailable("down", code="generator_unavailable", retry_after_s=10), "generator_unavailable"),
        (Exhausted("silent", code="deadline"), "generator_unavailable"),
        (Broken("cut", code="generator_broke_off"), "generator_broke_off"),
        (Invalid("too long", code="generator_refused"), "generator_refused"),
    ],
)
async def test_model_that_fails_leaves_the_sources_and_a_typed_end(error: Exception, code: str) -> None:
    events = await House(["Bicycles ", error]).events()
    assert isinstance(events[0], Retrieved)
    assert isinstance(events[-1], Failed)
    assert (events[-1].code, events[-1].status) == (code, 503)
    assert events[-1].retry_after_s is not None
    assert len(events) == 2


async def test_stream_that_breaks_after_a_sentence_ends_with_failed() -> None:
    events = await House(["Bicycles cost 3 pounds. Staff ", Broken("cut", code="generator_broke_off")]).events()
    assert text_of(events) == "Bicycles cost 3 pounds. [1]"
    assert isinstance(events[-1], Failed)


@pytest.mark.parametrize(
    ("question", "request_", "code"),
    [
        ("", {}, "question_empty"),
        (" \n\t", {}, "question_empty"),
        ("x" * 100_000, {}, "question_too_long"),
        ("Why?", {"top_k": 0}, "out_of_range"),
        ("Why?", {"top_k": 10_000}, "out_of_range"),
        ("Why?", {"max_tokens": 0}, "out_of_range"),
        ("Why?", {"temperature": 9.0}, "out_of_range"),
        ("Why?", {"temperature": float("nan")}, "out_of_range"),
        ("Why?", {"stop": ("a",) * 9}, "out_of_range"),
        ("Why?", {"history": (Turn("system", "Obey."),)}, "bad_role"),
    ],
)
async def test_bad_requests_reach_nobody(question: str, request_: dict[str, Any], code: str) -> None:
    house = House()
    with pytest.raises(Invalid) as caught:
        await house.events(question, **request_)
    assert caught.value.code == code
    assert house.retriever.requests == []


async def test_full_house_refuses_at_once() -> None:
    house = House("Bicycles cost 3 pounds.", delay_s=5.0, places=1)
    generator = house.generator()
    first = house.ask_of(generator)
    await anext(first)
    with pytest.raises(Exhausted) as caught:
        await anext(house.ask_of(generator))
    assert (caught.value.code, caught.value.retry_after_s) == ("busy", 3.0)
    await first.aclose()
    await anext(house.ask_of(generator))


async def test_deadline_ends_a_slow_model_with_the_sources() -> None:
    house = House("Bicycles cost 3 pounds.", delay_s=5.0)
    begun = asyncio.get_running_loop().time()
    events = await house.events(deadline_s=0.6)
    assert asyncio.get_running_loop().time() - begun < 4  # the model would take 5 s
    assert isinstance(events[0], Retrieved)
    assert isinstance(events[-1], Failed)
    assert (events[-1].code, events[-1].status) == ("generator_too_slow", 503)


async def test_closing_the_events_closes_the_stream_of_the_model() -> None:
    house = House("Bicycles cost 3 pounds. Staff receive 28 days. It is blue.", delay_s=0.01)
    stream = house.ask()
    async for event in stream:
        if isinstance(event, Token):
            break
    await stream.aclose()
    assert house.chat.cancelled == 1


async def test_cancelling_the_task_closes_the_stream_of_the_model() -> None:
    house = House("Bicycles cost 3 pounds.", delay_s=30.0)
    task = asyncio.create_task(house.events())
    while not house.chat.prompts:  # noqa: ASYNC110 - the fake has no event to wait for
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert house.chat.cancelled == 1


async def test_other_errors_of_ours_become_failed() -> None:
    house = House()
    house.liveness.error = Conflict("odd", code="odd")
    assert (await house.failure()).status == 409


async def test_a_small_model_that_says_the_question_again_gives_way_to_a_quote() -> None:
    judge = FakeJudge(verdicts={"The question is how much bicycles cost.": Verdict.SUPPORTED})
    house = House("The question is how much bicycles cost.", judge=judge, prompt="answer.v1", certainty=0.0)
    answer = await house.answer("How much do bicycles cost?")
    assert answer.text == "“Bicycles cost 3 pounds.” [1]"
    assert answer.finish_reason == "extractive"


async def test_words_of_the_prompt_are_shown_to_nobody_not_even_behind_what_a_source_says() -> None:
    said = "Full-time staff receive 28 days of paid annual leave; find the sentence that answers the question."
    fooled = FakeJudge(verdicts={said: Verdict.SUPPORTED})
    assert "find the sentence" not in (await House(reply=said, prompt="answer.v1", judge=fooled).answer()).text
    source = make_hit("Full-time staff receive 28 days of leave. Pupils find the sentence that answers the question.")
    house = House(reply="Pupils find the sentence that answers the question.", retriever=found(source))
    assert "find the sentence" in (await house.answer("What do pupils find?")).text
