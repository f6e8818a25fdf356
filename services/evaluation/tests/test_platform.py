"""Search and ask as evaluation does them: fresh, patient, and never under another configuration."""

import threading
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from assay_core.answers import AnswerEvent, Done, Failed, Retrieved, Token
from assay_core.collection_settings import Answering
from assay_core.errors import AssayError, Broken, Exhausted, Invalid, Unavailable
from assay_core.principals import Principal
from assay_core.search import (
    CacheUse,
    Degradation,
    SearchRequest,
    SearchResult,
)
from assay_evaluation.platform import Patience, Platform
from assay_testing.answers import TENANT, answer, hit
from assay_testing.fake_generator import FakeGenerator
from assay_testing.fake_retriever import FakeRetriever
from assay_testing.ids import new_collection

ANN = Principal(TENANT, "ann", "Ann", frozenset({"evaluator"}))
FOUND = SearchResult((hit("leave.md", "Twenty days."),), {})
GOOD = answer("Twenty days.", sources=FOUND.hits)
LOADING = Unavailable("the model is loading", code="generator_unavailable", retry_after_s=5)
Build = Callable[..., Platform]


class LaterRetriever(FakeRetriever):
    """Is down for the first `failures` searches."""

    def __init__(self, failures: int) -> None:
        super().__init__(FOUND)
        self._failures = failures

    async def search(self, principal: Principal, request: SearchRequest) -> SearchResult:
        if len(self.requests) < self._failures:
            self.requests.append((principal, request))
            raise LOADING
        return await super().search(principal, request)


@pytest.fixture(scope="module")
def portal() -> Generator[BlockingPortal]:
    with start_blocking_portal() as opened:
        yield opened


@pytest.fixture
def build(portal: BlockingPortal) -> Build:
    def built(
        *,
        retriever: FakeRetriever | None = None,
        events: Sequence[AnswerEvent | Exception] = (Retrieved(FOUND.hits), Token("Twenty"), Done(GOOD)),
        generator: FakeGenerator | None = None,
        patience: Patience | None = None,
    ) -> Platform:
        return Platform(
            retriever=retriever or FakeRetriever(FOUND),
            generator=generator or FakeGenerator(events),
            portal=portal,
            principal=ANN,
            collection=new_collection(TENANT),
            answering=Answering(),
            answer_deadline_s=60,
            patience=patience or Patience(0, pause=lambda _: False),
        )

    return built


def test_questions_go_past_the_cache_as_the_principal(build: Build) -> None:
    retriever, generator = FakeRetriever(FOUND), FakeGenerator([Done(GOOD)])
    platform = build(retriever=retriever, generator=generator)
    assert platform.search("How long?") == FOUND.hits
    assert platform.ask("How long?") == GOOD
    (searcher, search), (asker, asked) = retriever.requests[0], generator.requests[0]
    assert (searcher, asker) == (ANN, ANN)
    assert (search.cache, asked.cache) == (CacheUse.BYPASS, CacheUse.BYPASS)
    assert (search.top_k, asked.top_k, asked.deadline_s) == (10, 5, 60)


@pytest.mark.parametrize(
    ("status", "kind"), [(503, Unavailable), (504, Exhausted), (429, Exhausted), (400, Invalid), (500, Broken)]
)
def test_a_stream_that_failed_raises_its_error(build: Build, status: int, kind: type[AssayError]) -> None:
    with pytest.raises(kind) as caught:
        build(events=[Token("Twen"), Failed("some_code", "it broke", status)]).ask("How long?")
    assert caught.value.code == "some_code"


def test_a_stream_without_an_end_is_no_answer(build: Build) -> None:
    with pytest.raises(Broken, match="without its end"):
        build(events=[Token("Twenty")]).ask("How long?")


@pytest.mark.parametrize("component", ["dense", "lexical", "reranker"])
def test_passages_of_another_configuration_are_refused(build: Build, component: str) -> None:
    degraded = (Degradation(component, "without", "down"),)
    with pytest.raises(Unavailable, match=component):
        build(retriever=FakeRetriever(replace(FOUND, degraded=degraded))).search("How long?")
    with pytest.raises(Unavailable, match=component):
        build(events=[Done(replace(GOOD, degraded=degraded))]).ask("How long?")


def test_a_missing_cache_changes_nothing(build: Build) -> None:
    degraded = (Degradation("cache", "passed_by", "down"),)
    assert build(events=[Done(replace(GOOD, degraded=degraded))]).ask("How long?").text == GOOD.text


def test_a_part_that_loads_is_waited_for(build: Build) -> None:
    waited: list[float] = []
    patience = Patience(60, pause=lambda seconds: waited.append(seconds) is not None)
    assert build(retriever=LaterRetriever(3), patience=patience).search("How long?") == FOUND.hits
    assert waited == [5, 5, 5]


def test_the_whole_run_shares_one_patience(build: Build) -> None:
    waited: list[float] = []
    patience = Patience(12, pause=lambda seconds: waited.append(seconds) is not None)
    platform = build(retriever=FakeRetriever(LOADING), patience=patience)
    for _ in range(3):
        with pytest.raises(Unavailable):
            platform.search("How long?")
    assert waited == [5, 5, 2]


def test_nobody_waits_once_the_run_is_to_stop(build: Build) -> None:
    stopping = threading.Event()
    stopping.set()
    with pytest.raises(Unavailable):
        build(retriever=FakeRetriever(LOADING), patience=Patience(600, pause=stopping.wait)).search("How long?")


def test_only_what_may_pass_is_tried_again(build: Build) -> None:
    generator = FakeGenerator([Invalid("too long", code="question_too_long")])
    with pytest.raises(Invalid):
        build(generator=generator, patience=Patience(60, pause=lambda _: False)).ask("How long?")
    assert len(generator.requests) == 1
