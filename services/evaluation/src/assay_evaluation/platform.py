"""The platform as one principal sees it, for synchronous work: search and ask, with patience for what is loading."""

import threading
from collections.abc import AsyncIterator, Callable, Sequence
from typing import TypeVar

from anyio.from_thread import BlockingPortal
from assay_core.answers import Answer, AnswerEvent, AnswerRequest, Done, Failed, Turn
from assay_core.collection_settings import Answering
from assay_core.documents import CollectionId
from assay_core.errors import AssayError, Broken, Exhausted, Invalid, Unavailable
from assay_core.ports import Generator, Retriever
from assay_core.principals import Principal
from assay_core.search import CacheUse, Degradation, Expand, Hit, Mode, SearchRequest
from assay_evals.run import SEARCH_DEPTH

Result = TypeVar("Result")
SEARCH_DEADLINE_S = 30.0
LONGEST_PAUSE_S = 15.0
# Without one of these the passages are another configuration's, and a score would be filed under the wrong one.
_DECIDING = frozenset({"dense", "lexical", "reranker"})


class Patience:
    """Time that all questions of a run may wait together for a part that is down.

    Args:
        pause: waits so many seconds; returns True if the run is to stop.
    """

    def __init__(self, total_s: float, *, pause: Callable[[float], bool]) -> None:
        self._left_s = total_s
        self._pause = pause
        self._lock = threading.Lock()

    def wait(self, wanted_s: float) -> bool:
        """Wait, unless the time is used up or the run is to stop. Returns whether it is worth trying again."""
        with self._lock:
            granted_s = min(wanted_s, self._left_s)
            self._left_s -= granted_s
        return granted_s > 0 and not self._pause(granted_s)


class Platform:
    """Safe to use from several threads; the asynchronous ports run in the portal's event loop."""

    def __init__(
        self,
        *,
        retriever: Retriever,
        generator: Generator,
        portal: BlockingPortal,
        principal: Principal,
        collection: CollectionId,
        answering: Answering,
        answer_deadline_s: float,
        patience: Patience,
    ) -> None:
        self._retriever = retriever
        self._generator = generator
        self._portal = portal
        self._principal = principal
        self._collection = collection
        self._answering = answering
        self._answer_deadline_s = answer_deadline_s
        self._patience = patience

    def search(self, question: str) -> Sequence[Hit]:
        """The best passages, fresh. Raises `Unavailable` if one of the searching parts was missing."""
        request = SearchRequest(
            self._collection,
            question,
            top_k=SEARCH_DEPTH,
            mode=Mode(self._answering.mode),
            rerank=self._answering.rerank,
            cache=CacheUse.BYPASS,
            expand=Expand.OFF,  # hits that touch become one, and a rank would count as missed
            deadline_s=SEARCH_DEADLINE_S,
        )

        def search() -> Sequence[Hit]:
            found = self._portal.call(self._retriever.search, self._principal, request)
            _refuse_other_configuration(found.degraded)
            return found.hits

        return self._patiently(search)

    def ask(self, question: str, history: tuple[Turn, ...] = ()) -> Answer:
        """The answer after a conversation, fresh. Raises what the generator raises, also for a stream that broke."""
        request = AnswerRequest(
            self._collection,
            question,
            history=history,
            top_k=self._answering.top_k,
            prompt=self._answering.prompt,
            mode=Mode(self._answering.mode),
            rerank=self._answering.rerank,
            cache=CacheUse.BYPASS,
            deadline_s=self._answer_deadline_s,
        )

        def ask() -> Answer:
            answer = self._portal.call(_finished, self._generator.answer(self._principal, request))
            _refuse_other_configuration(answer.degraded)
            return answer

        return self._patiently(ask)

    def _patiently(self, call: Callable[[], Result]) -> Result:
        while True:
            try:
                return call()
            except Unavailable as error:
                if not self._patience.wait(min(error.retry_after_s or 2.0, LONGEST_PAUSE_S)):
                    raise


async def _finished(events: AsyncIterator[AnswerEvent]) -> Answer:
    async for event in events:
        match event:
            case Done(answer):
                return answer
            case Failed():
                raise _error_of(event)
            case _:
                pass
    raise Broken("The answer's stream ended without its end.", code="stream_broke_off")


def _error_of(failed: Failed) -> AssayError:
    match failed.status:
        case 503:
            kind = Unavailable
        case 429 | 504:
            kind = Exhausted
        case status if status < 500:
            kind = Invalid
        case _:
            kind = Broken
    return kind(failed.message, code=failed.code, retry_after_s=failed.retry_after_s)


def _refuse_other_configuration(degraded: Sequence[Degradation]) -> None:
    for missing in degraded:
        if missing.component in _DECIDING:
            raise Unavailable(
                f"Passages were found without {missing.component!r}: {missing.reason}", code="degraded", retry_after_s=5
            )
