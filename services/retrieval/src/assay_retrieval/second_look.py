"""A second search in words that a language model writes, if the first result is likely weak."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Protocol

import structlog
from assay_core.errors import AssayError
from assay_core.fusion import RRF_K
from assay_core.ports import ChatModel
from assay_core.rewriting import WEAK
from assay_core.search import (
    Degradation,
    Hit,
    Mode,
    Scorer,
    SearchRequest,
    SearchResult,
    SecondLook,
    StageRank,
)
from assay_runtime.metrics import DEGRADED, step

from assay_retrieval.scope import SearchScope
from assay_retrieval.writing import MODE, written

log = structlog.get_logger()
AT_ONCE = 4
Search = Callable[[SearchRequest], Awaitable[SearchResult]]


class LooksAgain(Protocol):
    """Makes a better result of a weak one."""

    async def __call__(
        self, scope: SearchScope, request: SearchRequest, first: SearchResult, search: Search
    ) -> SearchResult: ...


class Rewriter:
    """Looks again with texts of a chat model, which has `timeout_s`, and half of the request's time at most.

    The first result is never lost: where the model or a search fails, it is given, and the reply says so.
    """

    def __init__(self, chat: ChatModel, *, timeout_s: float) -> None:
        self._chat = chat
        self._timeout_s = timeout_s
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def __call__(
        self, scope: SearchScope, request: SearchRequest, first: SearchResult, search: Search
    ) -> SearchResult:
        technique = scope.collection.settings.searching.rewriting
        if first.weakness is None or not wanted(scope, request):
            return first
        look = SecondLook(technique, first.weakness)
        if first.weakness < WEAK:
            return replace(first, second_look=look)
        if self._slots.locked():
            return _kept(first, look, "The language model is busy with other searches.")
        timings = dict(first.timings_ms)
        try:
            with step("second_look", timings):
                async with self._slots, asyncio.timeout(min(self._timeout_s, request.deadline_s / 2)):
                    texts = await written(self._chat, technique, request.query, timeout_s=self._timeout_s)
                    others = await asyncio.gather(*(search(_asking(request, technique, text)) for text in texts))
        except AssayError as error:
            return _kept(first, look, error.message)
        except TimeoutError:
            return _kept(first, look, f"The language model took longer than {self._timeout_s:.1f} s.")
        hits = merged(request, first.hits, [one.hits for one in others]) if others else first.hits
        return replace(
            first,
            hits=hits,
            timings_ms=timings,
            second_look=replace(look, texts=texts),
            floors={},
            rights_changed=any(one.rights_changed for one in (first, *others)),
        )


def wanted(scope: SearchScope, request: SearchRequest) -> bool:
    """Whether a weak result of this search may be asked for again."""
    return request.rewriting and request.mode is Mode.HYBRID and scope.collection.settings.searching.rewriting != "off"


def merged(request: SearchRequest, first: Sequence[Hit], others: Sequence[Sequence[Hit]]) -> tuple[Hit, ...]:
    """One ranking by reciprocal ranks, in which the question has as much say as all texts together.

    What the question itself did not find has no cosine: that of a text written for it says nothing of the question.
    """
    lists = [(1.0, first), *((1 / len(others), hits) for hits in others)]
    scores: dict[object, float] = {}
    found: dict[object, Hit] = {}
    stages: dict[object, tuple[StageRank, ...]] = {}
    for number, (weight, hits) in enumerate(lists):
        for hit in hits:
            same = hit.document if request.one_per_document else hit.chunk
            seen = StageRank(f"text {number}" if number else "question", hit.rank, hit.score)
            scores[same] = scores.get(same, 0.0) + weight / (RRF_K + hit.rank)
            found.setdefault(same, hit if number == 0 else replace(hit, score_cosine=None, stages=()))
            stages[same] = (*stages.get(same, ()), seen)
    order = sorted(found, key=lambda same: (-scores[same], found[same].chunk))[: request.top_k]
    return tuple(
        replace(
            found[same],
            rank=rank,
            score=scores[same],
            scored_by=Scorer.RRF,
            stages=(*found[same].stages, *stages[same]),
        )
        for rank, same in enumerate(order, start=1)
    )


def _asking(request: SearchRequest, technique: str, text: str) -> SearchRequest:
    return replace(request, query=text, mode=MODE.get(technique, request.mode), rerank=False, rewriting=False)


def _kept(first: SearchResult, look: SecondLook, reason: str) -> SearchResult:
    DEGRADED.labels("rewriter").inc()
    log.warning("search.degraded", component="rewriter", detail=reason)
    missing = Degradation("rewriter", "first_result", reason)
    return replace(first, second_look=look, degraded=(*first.degraded, missing))
