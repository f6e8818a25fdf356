"""Ask a collection: an answer with its sources, whole or as it is made; and answers that were given before."""

from collections.abc import AsyncIterator

from assay_core.answers import AnswerEvent, AnswerRequest, Cited, Done, Failed, Judged, Retrieved, Token, Turn
from assay_core.errors import AssayError
from assay_core.ports import Generator
from assay_core.principals import Principal
from assay_core.search import CacheUse, Mode
from assay_store.encryption import Vault
from assay_wire import public, sse, to_public
from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel

from assay_gateway import arms
from assay_gateway.answering import broken, failed, finished
from assay_gateway.auth import Authenticator
from assay_gateway.disconnect import unless_gone
from assay_gateway.ids import answer_id
from assay_gateway.limits import check_question
from assay_gateway.openapi import JSON, events, operation_id
from assay_gateway.reading_questions import read_question
from assay_gateway.stored_answers import stored_answer
from assay_gateway.streaming import EventStream, close
from assay_gateway.transactions import Transactions

_STREAM = events("retrieval", "token", "citation", "verdict", "done", "failed")


def build_routes(
    *, who: Authenticator, transactions: Transactions, vault: Vault, generator: Generator, deadline_s: float
) -> APIRouter:
    """The routes of questions and answers."""
    router = APIRouter(tags=["answers"], generate_unique_id_function=operation_id)

    @router.post(
        "/v1/collections/{name}/ask",
        response_model=public.Answer,
        responses={200: {"description": "The answer, or its events.", "content": _STREAM["content"]}},
        summary="Ask a collection",
    )
    async def ask_collection(
        name: str, body: public.Question, request: Request, principal: Principal = Depends(who)
    ) -> Response:
        check_question(body.question)
        collection, way = await transactions(lambda c: arms.asked_of(c, principal, name))
        read = read_question(collection.settings.fields, body.question, body.filter, syntax=body.syntax)
        asked = AnswerRequest(
            collection=collection.id,
            question=read.text,
            history=tuple(Turn(turn.role, turn.content) for turn in body.history),
            top_k=body.top_k or way.answering.top_k,
            prompt=way.answering.prompt,
            mode=Mode(way.answering.mode),
            rerank=way.answering.rerank,
            assigned=way.assigned,
            max_tokens=body.max_tokens,
            temperature=body.temperature,
            cache=CacheUse(body.cache),
            filter=read.filter,
            phrases=read.phrases,
            excluded=read.excluded,
            deadline_s=deadline_s,
        )
        stream = generator.answer(principal, asked)
        if body.stream:
            first = await unless_gone(request, first_of(stream))
            return EventStream(_encoded(first, stream))
        answer = await unless_gone(request, finished(stream))
        return Response(to_public.answer(answer).model_dump_json(), media_type=JSON)

    @router.get("/v1/answers/{id}", summary="Read an answer that you were given")
    async def get_answer(id: str, principal: Principal = Depends(who)) -> public.Answer:
        wanted = answer_id(id)
        return to_public.answer(
            await transactions(lambda c: stored_answer(c, vault, principal, wanted, reviewers=False))
        )

    return router


async def first_of(stream: AsyncIterator[AnswerEvent]) -> AnswerEvent:
    """The first event; the stream is closed if there is none."""
    try:
        return await anext(stream)
    except BaseException:
        await close(stream)
        raise


async def _encoded(first: AnswerEvent, rest: AsyncIterator[AnswerEvent]) -> AsyncIterator[bytes]:
    text, number = "", 1
    yield _event(first, text, number)
    try:
        async for event in rest:
            number += 1
            text += event.text if isinstance(event, Token) else ""
            yield _event(event, text, number)
    except AssayError as error:
        yield _event(failed(error), text, number + 1)
    except Exception as error:  # noqa: BLE001 - the end of a stream is a process edge: it must be a typed event
        yield _event(broken(error, what="ask"), text, number + 1)
    finally:
        await close(rest)


def _event(event: AnswerEvent, text: str, number: int) -> bytes:
    name, body = _public(event, text)
    return sse.encode(sse.ServerEvent(name, body.model_dump_json(), str(number)))


def _public(event: AnswerEvent, text: str) -> tuple[str, BaseModel]:
    match event:
        case Retrieved(hits, timings_ms, degraded):
            return "retrieval", public.Retrieval(
                hits=to_public.hits(hits), timings_ms=dict(timings_ms), degraded=to_public.degraded(degraded)
            )
        case Token(piece):
            return "token", public.Token(text=piece)
        case Cited(citation):
            return "citation", to_public.citation(citation)
        case Judged(claim):
            return "verdict", to_public.claim(claim, text)
        case Done(answer):
            return "done", to_public.answer(answer)
        case Failed(code, message, status, retry_after_s):
            return "failed", public.Failure(code=code, message=message, status=status, retry_after_s=retry_after_s)
