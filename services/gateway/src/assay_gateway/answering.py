"""Asking the generation service: one deadline, a typed end, and the sources even if no model can write an answer."""

import asyncio
from collections.abc import AsyncIterator

import structlog
from assay_core.answers import Answer, AnswerEvent, AnswerRequest, Done, Failed, Retrieved
from assay_core.errors import AssayError, Exhausted, Unavailable
from assay_core.ports import Generator, Retriever
from assay_core.principals import Principal
from assay_core.search import SearchRequest
from assay_wire import problems, to_public

from assay_gateway.streaming import close

log = structlog.get_logger()
_NO_GENERATOR = ("generation_unavailable", "generator_unavailable")


class SourcedGenerator:
    """Wraps a `Generator`: without it, the passages are looked up and shown, and the end is a `Failed`."""

    def __init__(self, generator: Generator, *, retriever: Retriever, search_s: float) -> None:
        self._generator = generator
        self._retriever = retriever
        self._search_s = search_s

    async def answer(self, principal: Principal, request: AnswerRequest) -> AsyncIterator[AnswerEvent]:
        events = self._generator.answer(principal, request)
        started = ended = False
        try:
            async for event in within(events, deadline_s=request.deadline_s):
                started, ended = True, isinstance(event, Done | Failed)
                yield event
        except AssayError as error:
            if started:
                yield failed(error)
                return
            if error.code not in _NO_GENERATOR:
                raise
            yield await self._sources(principal, request)
            yield failed(_no_generator(error))
            return
        finally:
            await close(events)
        if not ended:
            yield failed(Unavailable("The answer broke off in the middle; ask again.", code="generation_broke_off"))

    async def _sources(self, principal: Principal, request: AnswerRequest) -> Retrieved:
        search = SearchRequest(
            request.collection,
            request.question,
            top_k=request.top_k,
            mode=request.mode,
            rerank=request.rerank,
            filter=request.filter,
            deadline_s=self._search_s,
        )
        result = await self._retriever.search(principal, search)
        return Retrieved(result.hits, result.timings_ms, result.degraded)


async def within(events: AsyncIterator[AnswerEvent], *, deadline_s: float) -> AsyncIterator[AnswerEvent]:
    """The same events. Raises `Exhausted` when the time is over."""
    end = asyncio.get_running_loop().time() + deadline_s
    while True:
        try:
            async with asyncio.timeout_at(end):
                event = await anext(events)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise Exhausted(
                f"The answer took longer than {deadline_s:.0f} s (limits.answer_s); ask again, or for less"
                " (max_tokens).",
                code="deadline",
            ) from None
        yield event


async def finished(events: AsyncIterator[AnswerEvent]) -> Answer:
    """The answer at the end of a stream.

    Raises:
        AssayError: the stream failed; if a part is down, `extra["sources"]` holds the passages found.
    """
    retrieved: Retrieved | None = None
    try:
        async for event in events:
            match event:
                case Retrieved():
                    retrieved = event
                case Done(answer):
                    return answer
                case Failed():
                    raise as_error(event, retrieved)
                case _:
                    pass
    finally:
        await close(events)
    raise Unavailable("The answer broke off in the middle; ask again.", code="generation_broke_off")


def as_error(event: Failed, retrieved: Retrieved | None) -> AssayError:
    """The error that a failed stream stands for, with the sources if these are all that there is."""
    body: dict[str, object] = {"detail": event.message, "code": event.code, "retry_after_s": event.retry_after_s}
    if retrieved is not None and event.status == 503:
        body["sources"] = [h.model_dump(mode="json", exclude_none=False) for h in to_public.hits(retrieved.hits)]
    return problems.to_error(event.status, body)


def failed(error: AssayError) -> Failed:
    """The last event of a stream that this error broke."""
    return Failed(error.code, error.message, problems.status_of(error), error.retry_after_s)


def broken(error: Exception, *, what: str) -> Failed:
    """The last event of a stream that a fault of ours broke; the fault goes to the log only."""
    log.error("stream.broken", stream=what, error=type(error).__name__, exc_info=error)
    return Failed("internal", "Something broke on our side; ask again, or report it with the time.", 500)


def _no_generator(error: AssayError) -> Unavailable:
    return Unavailable(
        "No chat model can answer at the moment; the sources that were found are shown. Try again when `assay status`"
        " shows the generator as ready.",
        code="generator_unavailable",
        retry_after_s=error.retry_after_s or 10,
    )
