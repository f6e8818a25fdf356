"""The internal HTTP routes of generation."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from assay_core.answers import AnswerRequest
from assay_core.documents import CollectionId
from assay_core.errors import Invalid
from assay_runtime.http_shell import Caller
from assay_wire import internal
from fastapi import APIRouter, Depends, Request, Response
from pydantic import ValidationError

from assay_generation import caller_token
from assay_generation.generator import DocumentGenerator
from assay_generation.streaming import HEARTBEAT_S, AnswerStream
from assay_generation.undefended import ControlGenerator

MAX_BODY_BYTES = 1 << 20


def build_routes(
    *,
    generator: DocumentGenerator | ControlGenerator,
    chat_state: Callable[[], Awaitable[internal.GeneratorState]],
    caller: Callable[[Request], Awaitable[Caller]],
    heartbeat_s: float = HEARTBEAT_S,
) -> APIRouter:
    """Routes over the engine; `caller` checks the principal token."""
    router = APIRouter()
    signed = Depends(caller)

    @router.post(internal.ANSWER)
    async def answer(request: Request, who: Caller = signed) -> Response:
        asked = await _question(request)
        # Who asks, and so which tenant, is said by the token alone.
        asked = replace(
            asked, collection=CollectionId(who.principal.tenant, asked.collection.id), deadline_s=who.deadline_s
        )
        caller_token.remember(who.token)
        return AnswerStream(generator.answer(who.principal, asked), heartbeat_s=heartbeat_s)

    @router.get(internal.GENERATOR, dependencies=[signed])
    async def generator_state() -> Response:
        return Response(internal.generator_state.dump_json(await chat_state()), media_type="application/json")

    return router


async def _question(request: Request) -> AnswerRequest:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_BODY_BYTES:
            raise Invalid(f"The question is over {MAX_BODY_BYTES:,} bytes with its history.", code="too_large")
    try:
        return internal.answer_request.validate_json(bytes(body))
    except ValidationError as error:
        raise Invalid(f"The body does not fit this call: {error.error_count()} errors.", code="validation") from error
