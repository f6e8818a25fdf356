"""What each night of evaluation found. Collections have names here and ids at the evaluation service."""

from datetime import date
from typing import Annotated

from assay_core.documents import CollectionId
from assay_core.principals import Principal
from assay_store import collections
from assay_wire import public, to_public
from assay_wire.peers import EvaluationClient
from fastapi import APIRouter, Depends, Query, Request

from assay_gateway.auth import Authenticator, require_role
from assay_gateway.disconnect import unless_gone
from assay_gateway.openapi import operation_id
from assay_gateway.transactions import Transactions


def build_routes(*, who: Authenticator, transactions: Transactions, evaluation: EvaluationClient) -> APIRouter:
    """Routes of nights."""
    router = APIRouter(tags=["evaluations"], generate_unique_id_function=operation_id)

    async def collection_id(principal: Principal, name: str) -> CollectionId:
        return (await transactions(lambda c: collections.get(c, principal, name))).id

    @router.get("/v1/evaluations/nights", summary="List nights of evaluation, newest first")
    async def list_nights(
        request: Request,
        principal: Principal = Depends(who),
        collection: Annotated[str | None, Query(max_length=200)] = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
    ) -> public.NightList:
        wanted = None if collection is None else (await collection_id(principal, collection)).id
        readable = {c.id.id: c.name for c in await transactions(lambda c: collections.listing(c, principal))}
        found = await unless_gone(request, evaluation.nights(principal, collection_id=wanted, limit=limit))
        return public.NightList(
            nights=[to_public.night(n, readable[n.collection]) for n in found.nights if n.collection in readable]
        )

    @router.get("/v1/evaluations/nights/{collection}/{night}", summary="Read the report of a night")
    async def get_night(
        collection: str, night: date, request: Request, principal: Principal = Depends(who)
    ) -> public.Night:
        wanted = await collection_id(principal, collection)
        found = await unless_gone(request, evaluation.night(principal, wanted.id, night))
        return to_public.night(found, collection)

    @router.post("/v1/evaluations/nights/{collection}", status_code=202, summary="Have this day's night begin now")
    async def begin_night(collection: str, principal: Principal = Depends(who)) -> public.RunList:
        require_role(principal, "evaluator")
        begun = await evaluation.begin_night(principal, (await collection_id(principal, collection)).id)
        return public.RunList(runs=[to_public.run(run, collection) for run in begun.runs])

    return router
