"""OpenAI's API over the collections: any chat frontend can ask, and gets the citations as annotations."""

from assay_core.answers import AnswerRequest, Turn
from assay_core.documents import Collection
from assay_core.errors import Invalid, NotFound
from assay_core.ports import Generator
from assay_core.principals import Principal
from assay_core.search import Mode
from assay_store import collections
from assay_wire import openai
from assay_wire.peers import RetrievalClient
from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse

from assay_gateway import arms
from assay_gateway.answering import finished
from assay_gateway.auth import Authenticator
from assay_gateway.disconnect import unless_gone
from assay_gateway.limits import check_question
from assay_gateway.openai_errors import OpenAIRoute
from assay_gateway.openai_shapes import ChatShape, embedding_list, model_entry
from assay_gateway.openai_stream import events_of_chat, until_text
from assay_gateway.openapi import events, operation_id
from assay_gateway.streaming import EventStream
from assay_gateway.transactions import Transactions

_MAX_TOKENS = 256


def build_routes(
    *,
    who: Authenticator,
    transactions: Transactions,
    retrieval: RetrievalClient,
    generator: Generator,
    deadline_s: float,
) -> APIRouter:
    """Routes in OpenAI's shape."""
    router = APIRouter(tags=["openai"], route_class=OpenAIRoute, generate_unique_id_function=operation_id)

    @router.post(
        "/v1/chat/completions",
        response_class=JSONResponse,
        responses={200: {"description": "A completion, or its chunks.", "content": events("data")["content"]}},
        summary="Chat with a collection (OpenAI)",
    )
    async def create_chat_completion(
        body: openai.ChatRequest, request: Request, principal: Principal = Depends(who)
    ) -> Response:
        collection, way = await transactions(lambda c: arms.asked_of(c, principal, body.collection))
        asked = _question(body, collection, way, deadline_s)
        shape = ChatShape(body.model, base_url=_base_url(request))
        stream = generator.answer(principal, asked)
        if body.stream:
            started = await unless_gone(request, until_text(stream))
            usage = body.stream_options is not None and body.stream_options.include_usage
            return EventStream(events_of_chat(started, stream, shape, include_usage=usage))
        answer = await unless_gone(request, finished(stream))
        return JSONResponse(shape.completion(answer))

    @router.get("/v1/models", response_class=JSONResponse, summary="List the collections as models (OpenAI)")
    async def list_models(principal: Principal = Depends(who)) -> Response:
        found = await transactions(lambda c: collections.listing(c, principal))
        return JSONResponse({"object": "list", "data": [model_entry(f) for f in found]})

    @router.get("/v1/models/{model:path}", response_class=JSONResponse, summary="Look at a model (OpenAI)")
    async def get_model(model: str, principal: Principal = Depends(who)) -> Response:
        name = model.removeprefix(openai.MODEL_PREFIX)
        return JSONResponse(model_entry(await transactions(lambda c: collections.get(c, principal, name))))

    @router.post("/v1/embeddings", response_class=JSONResponse, summary="Embed texts (OpenAI)")
    async def create_embeddings(
        body: openai.EmbeddingsRequest, request: Request, principal: Principal = Depends(who)
    ) -> Response:
        if not all(text.strip() for text in body.texts):
            raise Invalid("A text to embed is empty; leave it out.", code="empty")
        result = await unless_gone(request, retrieval.embed(principal, body.texts, kind=body.input_type))
        if body.model != result.model:
            raise NotFound(f"There is no embedding model {body.model!r}; use {result.model!r}.", code="model_not_found")
        return JSONResponse(embedding_list(result, base64=body.encoding_format == "base64"))

    return router


def _question(body: openai.ChatRequest, collection: Collection, way: arms.Way, deadline_s: float) -> AnswerRequest:
    turns = [m for m in body.messages if m.role in ("user", "assistant")]
    if not turns or turns[-1].role != "user":
        raise Invalid("The last message must be the user's question.", code="no_question")
    return AnswerRequest(
        collection=collection.id,
        question=check_question(turns[-1].text),
        history=tuple(Turn(m.role, m.text) for m in turns[:-1] if m.text),
        max_tokens=body.max_completion_tokens or body.max_tokens or _MAX_TOKENS,
        temperature=body.temperature or 0.0,
        stop=body.stops,
        top_k=way.answering.top_k,
        prompt=way.answering.prompt,
        mode=Mode(way.answering.mode),
        rerank=way.answering.rerank,
        assigned=way.assigned,
        deadline_s=deadline_s,
    )


def _base_url(request: Request) -> str:
    host = request.headers.get("host", "")
    return f"{request.scope['scheme']}://{host}" if host else ""
