"""What is read with hits is cited by its own identity and place."""

from dataclasses import replace

from assay_core.documents import ChunkId
from assay_core.search import Beside, Hit
from assay_generation.surroundings import each_by_itself
from assay_generation.testing import FARES, TENANT, House, found, make_hit

NOTICE = "Dogs travel free of charge."


def beside(text: str, start: int, *, rank: int | None = None) -> Beside:
    cosine = None if rank is None else 0.6
    return Beside(ChunkId(TENANT, f"beside{start}"), text, start, start + len(text), 2, ("Fares",), rank, cosine)


def hit_with(*around: Beside, start: int = 100) -> Hit:
    return replace(make_hit(FARES, document="fares.md", start=start), around=around)


def test_passages_stand_in_the_order_of_their_worth() -> None:
    first = hit_with(beside("Before.", 10), beside("A worse hit.", 300, rank=4))
    second = hit_with(beside("Another worse hit.", 20, rank=3))
    passages = each_by_itself([first, second])
    assert [one.text for one in passages] == [FARES, FARES, "Another worse hit.", "A worse hit.", "Before."]
    assert [one.rank for one in passages[2:]] == [3, 4, 5]
    assert [one.score_cosine for one in passages] == [0.8, 0.8, 0.6, 0.6, 0.8]
    assert not any(one.around for one in passages)


def test_hits_alone_stay_as_they_are() -> None:
    hits = (make_hit(FARES), make_hit(NOTICE))
    assert each_by_itself(hits) == hits


async def test_what_stands_beside_a_hit_is_cited_as_itself() -> None:
    hit = hit_with(beside(NOTICE, 10))
    house = House("Dogs travel free of charge. [2]", retriever=found(hit))
    answer = await house.answer("Do dogs travel free of charge?")
    (citation,) = answer.citations
    assert (citation.chunk, citation.document, citation.version) == (hit.around[0].chunk, hit.document, hit.version)
    assert (citation.start, citation.end, citation.quote) == (10, 10 + len(NOTICE), NOTICE)
    assert (citation.page, citation.heading_path) == (2, ("Fares",))
