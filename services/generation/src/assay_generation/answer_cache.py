"""Answers given before, kept by the retrieval service, which alone decides whether one may be served again."""

from collections.abc import Mapping
from typing import Protocol

import structlog
from assay_core.answers import Answer
from assay_core.documents import CollectionId
from assay_core.errors import AssayError
from assay_core.principals import Principal
from assay_wire import internal
from assay_wire.peers import RetrievalClient
from pydantic import ValidationError

from assay_generation.metrics import CACHE

log = structlog.get_logger()


class AnswerCache(Protocol):
    """Finds and keeps answers. Never in the way: what goes wrong is counted, and the answer is made."""

    async def find(
        self, principal: Principal, collection: CollectionId, question: str, recipe: str, *, narrowed: bool
    ) -> tuple[str | None, Answer | None]:
        """The collection's moment (None if the cache is down), and an answer if one may be served.

        `narrowed` says that documents' fields decide beside the question; what does stands in the `recipe`.
        """
        ...

    async def keep(
        self,
        principal: Principal,
        collection: CollectionId,
        question: str,
        recipe: str,
        *,
        narrowed: bool,
        moment: str,
        floors: Mapping[str, float],
        answer: Answer,
    ) -> None:
        """Offer an answer whose search began at `moment` or later, with the `floors` of its candidates."""
        ...


class RemoteAnswerCache:
    """`AnswerCache` at the retrieval service."""

    def __init__(self, retrieval: RetrievalClient) -> None:
        self._retrieval = retrieval

    async def find(
        self, principal: Principal, collection: CollectionId, question: str, recipe: str, *, narrowed: bool
    ) -> tuple[str | None, Answer | None]:
        try:
            reply = await self._retrieval.cached_answer(
                principal, internal.CacheLookup(collection.id, question, recipe, narrowed)
            )
            found = internal.answer.validate_json(reply.answer) if reply.answer is not None else None
        except (AssayError, ValidationError) as error:
            _passed_by("lookup", error)
            return None, None
        CACHE.labels("hit" if found else "miss").inc()
        return reply.moment, found

    async def keep(
        self,
        principal: Principal,
        collection: CollectionId,
        question: str,
        recipe: str,
        *,
        narrowed: bool,
        moment: str,
        floors: Mapping[str, float],
        answer: Answer,
    ) -> None:
        body = internal.answer.dump_json(answer).decode()
        try:
            await self._retrieval.cache_answer(
                principal, internal.CacheStore(collection.id, question, recipe, moment, body, floors, narrowed)
            )
        except AssayError as error:
            _passed_by("store", error)


def _passed_by(what: str, error: AssayError | ValidationError) -> None:
    CACHE.labels("failed").inc()
    log.warning("answer_cache.failed", what=what, error=type(error).__name__, code=getattr(error, "code", None))
