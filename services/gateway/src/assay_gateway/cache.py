"""Why a search is answered from the semantic cache, or not."""

from assay_core.principals import Principal
from assay_store import collections
from assay_wire import public, to_public
from assay_wire.peers import RetrievalClient
from fastapi import APIRouter, Depends, Request

from assay_gateway.auth import Authenticator
from assay_gateway.disconnect import unless_gone
from assay_gateway.limits import check_question
from assay_gateway.openapi import operation_id
from assay_gateway.search import asked_for
from assay_gateway.transactions import Transactions


def build_routes(
    *, who: Authenticator, transactions: Transactions, retrieval: RetrievalClient, deadline_s: float
) -> APIRouter:
    """The route of explanations."""
    router = APIRouter(tags=["search"], generate_unique_id_function=operation_id)

    @router.post("/v1/collections/{name}/cache/explain", summary="Why a search is answered from the cache, or not")
    async def explain_cache(
        name: str, body: public.SearchQuery, request: Request, principal: Principal = Depends(who)
    ) -> public.CacheExplanation:
        check_question(body.query, what="query")
        collection = await transactions.reading(lambda c: collections.get(c, principal, name))
        asked = asked_for(collection, body, deadline_s=deadline_s)
        return to_public.cache_explanation(await unless_gone(request, retrieval.explain_cache(principal, asked)))

    return router
