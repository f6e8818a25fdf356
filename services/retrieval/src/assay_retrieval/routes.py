"""The internal HTTP routes of retrieval."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from assay_core.errors import Invalid
from assay_core.ports import Embedder
from assay_runtime.http_shell import Caller
from assay_runtime.threads import Workers
from assay_wire import internal
from fastapi import APIRouter, Depends, Request, Response
from pydantic import TypeAdapter, ValidationError

from assay_retrieval.generation_trial import GenerationTrial
from assay_retrieval.inspection import Inspector
from assay_retrieval.semantic_cache import CachedRetriever

Body = TypeVar("Body")
JSON = "application/json"
MAX_TEXTS = 256


def build_routes(
    *,
    retriever: CachedRetriever,
    embedder: Callable[[], Embedder],
    inspector: Inspector,
    trial: GenerationTrial,
    caller: Callable[[Request], Awaitable[Caller]],
) -> APIRouter:
    """Routes over the engine; `caller` checks the principal token."""
    router = APIRouter()
    workers, inspecting = Workers(1), Workers(1)
    signed = Depends(caller)

    @router.post(internal.SEARCH)
    async def search(request: Request, who: Caller = signed) -> Response:
        asked = await read_body(internal.search_request, request)
        result = await retriever.search(who.principal, replace(asked, deadline_s=who.deadline_s))
        return Response(internal.search_result.dump_json(result), media_type=JSON)

    @router.post(internal.EMBED, dependencies=[signed])
    async def embed(request: Request) -> Response:
        asked = await read_body(internal.embed_request, request)
        if not 1 <= len(asked.texts) <= MAX_TEXTS:
            raise Invalid(f"{len(asked.texts)} texts; send 1 to {MAX_TEXTS} in one call.", code="too_many_texts")
        result = await workers.run(lambda: _embed(embedder(), asked))
        return Response(internal.embed_result.dump_json(result), media_type=JSON)

    @router.post(internal.INDEX_CHECK)
    async def check_index(request: Request, who: Caller = signed) -> Response:
        asked = await read_body(internal.index_check, request)
        report = await inspecting.run(
            lambda: inspector.check(who.principal, asked, deadline_s=who.deadline_s), abandon=True
        )
        return Response(internal.index_report.dump_json(report), media_type=JSON)

    @router.post(internal.GENERATION_CHECK)
    async def compare_generations(request: Request, who: Caller = signed) -> Response:
        asked = await read_body(internal.generation_check, request)
        comparison = await trial.compare(who.principal, asked, deadline_s=who.deadline_s)
        return Response(internal.generation_comparison.dump_json(comparison), media_type=JSON)

    @router.post(internal.VECTOR_SAMPLE)
    async def sample_vectors(request: Request, who: Caller = signed) -> Response:
        asked = await read_body(internal.vector_sample, request)
        sample = await inspecting.run(lambda: inspector.sample(who.principal, asked), abandon=True)
        return Response(internal.vectors.dump_json(sample), media_type=JSON)

    @router.post(internal.CACHE_LOOKUP)
    async def cache_lookup(request: Request, who: Caller = signed) -> Response:
        asked = await read_body(internal.cache_lookup, request)
        reply = await retriever.lookup_answer(who.principal, asked)
        return Response(internal.cache_reply.dump_json(reply), media_type=JSON)

    @router.post(internal.CACHE_STORE, status_code=204)
    async def cache_store(request: Request, who: Caller = signed) -> Response:
        await retriever.store_answer(who.principal, await read_body(internal.cache_store, request))
        return Response(status_code=204)

    @router.post(internal.CACHE_EXPLAIN)
    async def explain_cache(request: Request, who: Caller = signed) -> Response:
        asked = await read_body(internal.search_request, request)
        explained = await retriever.explain(who.principal, asked)
        return Response(internal.cache_explanation.dump_json(explained), media_type=JSON)

    return router


def _embed(embedder: Embedder, asked: internal.EmbedRequest) -> internal.EmbedResult:
    rows = embedder.embed_queries(asked.texts) if asked.kind == "query" else embedder.embed_passages(asked.texts)
    vectors = tuple(tuple(float(x) for x in row) for row in rows)
    return internal.EmbedResult(embedder.model_id, vectors, sum(embedder.count_tokens(asked.texts)))


async def read_body(adapter: TypeAdapter[Body], request: Request) -> Body:
    """The request's body as a domain object. Raises `Invalid` if a peer speaks another language."""
    try:
        return adapter.validate_json(await request.body())
    except ValidationError as error:
        raise Invalid(f"The body does not fit this call: {error.error_count()} errors.", code="validation") from error
