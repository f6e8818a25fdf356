import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from assay_core.collection_settings import CollectionSettings
from assay_core.documents import AclId, ChunkId, Collection, CollectionId, DocumentId, TenantId
from assay_core.errors import Unavailable
from assay_core.principals import Principal
from assay_core.search import Hit, IndexScope, Mode, Scorer, SearchRequest, SearchResult
from assay_retrieval.scope import SearchScope
from assay_retrieval.second_look import AT_ONCE, Rewriter
from assay_retrieval.writing import readable
from assay_testing.fake_chat import FakeChatModel

TENANT = TenantId("t")
COLLECTION = CollectionId(TENANT, "c")


def scope(rewriting: str) -> SearchScope:
    settings = CollectionSettings().changed({"searching": {"rewriting": rewriting}})
    collection = Collection(
        id=COLLECTION,
        name="c",
        epoch=1,
        index_kind="hnsw",
        default_acl=AclId(1),
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        settings=settings,
    )
    return SearchScope(
        Principal(TENANT, "ann", "Ann", frozenset({"reader"})),
        collection,
        IndexScope(COLLECTION, frozenset([AclId(1)])),
        "p",
    )


def hit(name: str, rank: int, *, cosine: float | None = 0.4) -> Hit:
    return Hit(
        rank=rank,
        chunk=ChunkId(TENANT, name),
        document=DocumentId(TENANT, name[0]),
        document_name=name,
        version=1,
        title=name,
        text=name,
        start=0,
        end=1,
        page=None,
        heading_path=(),
        score=1 / rank,
        scored_by=Scorer.CONVEX,
        score_cosine=cosine,
    )


def hits(*names: str) -> tuple[Hit, ...]:
    return tuple(hit(name, rank) for rank, name in enumerate(names, start=1))


class Searches:
    """Answers each text with its own hits, and remembers what was asked."""

    def __init__(self, found: dict[str, Sequence[str]] | None = None, error: Exception | None = None) -> None:
        self.asked: list[SearchRequest] = []
        self._found = found or {}
        self._error = error

    async def __call__(self, request: SearchRequest) -> SearchResult:
        self.asked.append(request)
        if self._error is not None:
            raise self._error
        return SearchResult(hits(*self._found.get(request.query, ())), {})


def look(
    chat: FakeChatModel,
    searches: Searches,
    *,
    technique: str = "rewrite",
    weakness: float | None = 0.6,
    timeout_s: float = 5.0,
    **options: object,
) -> SearchResult:
    request = SearchRequest(COLLECTION, "how much leave", **options)  # pyright: ignore[reportArgumentType] - a test passes what it wants
    first = SearchResult(hits("a1", "b1"), {"dense": 1.0}, weakness=weakness, floors={"dense": 0.2})
    return asyncio.run(Rewriter(chat, timeout_s=timeout_s)(scope(technique), request, first, searches))


def test_a_weak_result_is_looked_for_again_in_other_words() -> None:
    chat, searches = FakeChatModel(["days of annual leave"]), Searches({"days of annual leave": ["c1", "b1"]})
    result = look(chat, searches, phrases=("leave",))
    assert [one.document_name for one in result.hits] == ["b1", "a1", "c1"]
    assert [one.rank for one in result.hits] == [1, 2, 3]
    assert result.second_look is not None
    assert result.second_look.texts == ("days of annual leave",)
    assert {seen.stage for seen in result.hits[0].stages} == {"question", "text 1"}
    assert result.hits[0].scored_by is Scorer.RRF
    assert (searches.asked[0].phrases, searches.asked[0].rerank) == (("leave",), False)
    assert "second_look" in result.timings_ms
    assert result.floors == {}


def test_a_cosine_with_a_written_text_is_not_one_with_the_question() -> None:
    result = look(FakeChatModel(["annual leave"]), Searches({"annual leave": ["c1", "a1"]}))
    cosines = {one.document_name: one.score_cosine for one in result.hits}
    assert cosines == {"a1": 0.4, "b1": 0.4, "c1": None}


@pytest.mark.parametrize(
    ("technique", "weakness", "options"),
    [
        ("off", 0.9, {}),
        ("rewrite", None, {}),
        ("rewrite", 0.9, {"rewriting": False}),
        ("rewrite", 0.9, {"mode": Mode.LEXICAL}),
        ("rewrite", 0.1, {}),
    ],
)
def test_the_model_is_asked_only_where_it_may_be_and_may_help(
    technique: str, weakness: float | None, options: dict[str, object]
) -> None:
    chat, searches = FakeChatModel(), Searches()
    result = look(chat, searches, technique=technique, weakness=weakness, **options)  # pyright: ignore[reportArgumentType]  as in `look`
    assert [one.document_name for one in result.hits] == ["a1", "b1"]
    assert (chat.prompts, searches.asked, result.degraded) == ([], [], ())


def test_a_good_result_says_how_good_it_was() -> None:
    result = look(FakeChatModel(), Searches(), weakness=0.1)
    assert result.second_look is not None
    assert (result.second_look.weakness, result.second_look.texts) == (0.1, ())


@pytest.mark.parametrize(
    ("chat", "searches"),
    [
        (FakeChatModel([Unavailable("It is loading.")]), Searches()),
        (FakeChatModel([["annual", Unavailable("It broke off.")]]), Searches()),
        (FakeChatModel(["annual leave"]), Searches(error=Unavailable("No index answers."))),
        (FakeChatModel(["annual leave"], delay_s=5.0), Searches()),
    ],
    ids=["away", "broken", "no index", "slow"],
)
def test_the_first_result_is_given_where_a_second_fails(chat: FakeChatModel, searches: Searches) -> None:
    result = look(chat, searches, timeout_s=0.05)
    assert [one.document_name for one in result.hits] == ["a1", "b1"]
    assert [(one.component, one.mode) for one in result.degraded] == [("rewriter", "first_result")]


def test_a_slow_model_is_cancelled_and_has_half_of_the_time_at_most() -> None:
    chat = FakeChatModel(["annual leave"], delay_s=5.0)
    look(chat, Searches(), timeout_s=60.0, deadline_s=0.1)
    assert chat.cancelled == 1


def test_too_many_second_looks_at_once_are_left_out() -> None:
    async def all_at_once() -> list[SearchResult]:
        rewriter = Rewriter(FakeChatModel(["annual leave"], delay_s=0.05), timeout_s=5.0)
        request = SearchRequest(COLLECTION, "how much leave")
        first = SearchResult(hits("a1"), {}, weakness=0.9)
        looks = [rewriter(scope("rewrite"), request, first, Searches()) for _ in range(AT_ONCE + 2)]
        return await asyncio.gather(*looks)

    results = asyncio.run(all_at_once())
    assert sum(bool(one.degraded) for one in results) == 2


def test_an_invented_passage_is_searched_for_by_its_meaning_alone() -> None:
    searches = Searches()
    look(FakeChatModel(["There are thirty days.\nThey are paid."]), searches, technique="hyde")
    assert [(one.query, one.mode) for one in searches.asked] == [("There are thirty days. They are paid.", Mode.DENSE)]


def test_one_hit_a_document_stays_so() -> None:
    searches = Searches({"annual leave": ["a2", "c1"]})
    result = look(FakeChatModel(["annual leave"]), searches, one_per_document=True)
    assert sorted(one.document_name for one in result.hits) == ["a1", "b1", "c1"]


@pytest.mark.parametrize(
    ("technique", "reply", "texts"),
    [
        ("rewrite", "annual leave days\nand more", ("annual leave days",)),
        ("multi-query", '1. "one way"\n- two way\n(3) three way\n4) four way', ("one way", "two way", "three way")),
        ("multi-query", "How much leave\nsame\nSAME\n\n???\n", ("same",)),
        ("decomposition", "\0\x07\n\U0001f600", ()),
        ("hyde", "", ()),
        ("rewrite", "x" * 5_000, ("x" * 1_000,)),
        ("rewrite", 'type:secret -word "exact"', ('type:secret -word "exact',)),
    ],
)
def test_only_words_are_taken_of_a_reply(technique: str, reply: str, texts: tuple[str, ...]) -> None:
    assert readable(reply, technique, "how much leave") == texts


def test_what_says_nothing_new_changes_nothing() -> None:
    searches = Searches()
    result = look(FakeChatModel(["How much leave"]), searches)
    assert (searches.asked, [one.document_name for one in result.hits]) == ([], ["a1", "b1"])
    assert replace(result, timings_ms={}).degraded == ()
