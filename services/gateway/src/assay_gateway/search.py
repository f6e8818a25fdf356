"""Search a collection."""

from assay_core.documents import Collection
from assay_core.ports import LanguageDetector, Retriever
from assay_core.principals import Principal
from assay_core.search import CacheUse, Expand, Mode, SearchRequest
from assay_runtime.threads import Workers
from assay_store import collections
from assay_wire import public, to_public
from fastapi import APIRouter, Depends, Request

from assay_gateway.auth import Authenticator
from assay_gateway.disconnect import unless_gone
from assay_gateway.limits import check_question
from assay_gateway.openapi import operation_id
from assay_gateway.reading_questions import read_question
from assay_gateway.transactions import Transactions


def build_routes(
    *,
    who: Authenticator,
    transactions: Transactions,
    retriever: Retriever,
    languages: LanguageDetector,
    deadline_s: float,
) -> APIRouter:
    """The route of search; `languages` tells what language an explained query is in."""
    workers = Workers(1)
    router = APIRouter(tags=["search"], generate_unique_id_function=operation_id)

    @router.post("/v1/collections/{name}/search", summary="Search a collection")
    async def search_collection(
        name: str, body: public.SearchQuery, request: Request, principal: Principal = Depends(who)
    ) -> public.SearchReply:
        check_question(body.query, what="query")
        collection = await transactions.reading(lambda c: collections.get(c, principal, name))
        asked = asked_for(collection, body, deadline_s=deadline_s)
        result = await unless_gone(request, retriever.search(principal, asked))
        if not body.explain:
            return to_public.search_reply(result, explain=False)
        language = await workers.run(lambda: languages.language_of(asked.query))
        return to_public.search_reply(result, explain=True, asked=asked, language=language)

    return router


def asked_for(collection: Collection, body: public.SearchQuery, *, deadline_s: float) -> SearchRequest:
    """What a caller asks of a collection. Raises `Invalid` if its question or filter cannot be read."""
    read = read_question(collection.settings.fields, body.query, body.filter, syntax=body.syntax)
    return SearchRequest(
        collection=collection.id,
        query=read.text,
        top_k=body.top_k,
        mode=Mode(body.mode),
        rerank=body.rerank,
        cache=CacheUse(body.cache),
        one_per_document=body.one_per_document,
        recency=body.recency,
        diversity=body.diversity,
        expand=Expand(body.expand) if body.expand else None,
        filter=read.filter,
        phrases=read.phrases,
        excluded=read.excluded,
        synonyms=body.synonyms,
        spelling=body.spelling,
        rewriting=body.rewriting,
        deadline_s=deadline_s,
    )
