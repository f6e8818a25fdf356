"""The index of a collection: build another one beside it, compare, switch, go back, let go."""

from collections.abc import Callable

from assay_core.documents import Collection
from assay_core.index_generations import IndexGeneration
from assay_core.principals import Principal
from assay_store import collections, index_generations
from assay_wire import internal, public, to_public
from assay_wire.peers import RetrievalClient
from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection

from assay_gateway.auth import Authenticator, require_role
from assay_gateway.disconnect import unless_gone
from assay_gateway.openapi import operation_id
from assay_gateway.transactions import Transactions

COMPARE_S = 600.0


def build_routes(*, who: Authenticator, transactions: Transactions, retrieval: RetrievalClient) -> APIRouter:
    """Routes of the generations of a collection's index; changes ask for the role of a curator."""
    router = APIRouter(tags=["collections"], generate_unique_id_function=operation_id)

    async def changed(
        principal: Principal, name: str, change: Callable[[Connection, Collection], IndexGeneration]
    ) -> public.IndexGeneration:
        require_role(principal, "curator")
        made = await transactions(lambda c: change(c, collections.get(c, principal, name)))
        return to_public.index_generation(made)

    @router.get("/v1/collections/{name}/index", summary="List the generations of a collection's index")
    async def list_generations(name: str, principal: Principal = Depends(who)) -> public.IndexGenerations:
        found = await transactions(lambda c: index_generations.listing(c, collections.get(c, principal, name)))
        return public.IndexGenerations(generations=[to_public.index_generation(one) for one in found])

    @router.post("/v1/collections/{name}/index", status_code=202, summary="Build another kind of index beside this one")
    async def build_index(
        name: str, body: public.BuildIndex, principal: Principal = Depends(who)
    ) -> public.IndexGeneration:
        return await changed(
            principal,
            name,
            lambda c, found: index_generations.begin(
                c, found, body.index_kind, language=body.language, by=principal.id
            ),
        )

    @router.post("/v1/collections/{name}/index/compare", summary="Ask golden questions of both indexes")
    async def compare_index(
        name: str, body: public.CompareIndex, request: Request, principal: Principal = Depends(who)
    ) -> public.IndexComparison:
        require_role(principal, "curator")
        found = await transactions(lambda c: collections.get(c, principal, name))
        check = internal.GenerationCheck(found.id.id, body.dataset, body.most)
        asked = retrieval.compare_generations(principal, check, deadline_s=COMPARE_S)
        return to_public.index_comparison(await unless_gone(request, asked))

    @router.post("/v1/collections/{name}/index/switch", summary="Ask the index beside this one from now on")
    async def switch_index(
        name: str, body: public.SwitchIndex, principal: Principal = Depends(who)
    ) -> public.IndexGeneration:
        reason = body.override_reason or ""
        return await changed(
            principal, name, lambda c, found: index_generations.switch(c, found, by=principal.id, reason=reason)
        )

    @router.post("/v1/collections/{name}/index/rollback", summary="Ask the index again that was asked before")
    async def roll_back_index(name: str, principal: Principal = Depends(who)) -> public.IndexGeneration:
        return await changed(principal, name, lambda c, found: index_generations.roll_back(c, found, by=principal.id))

    @router.delete("/v1/collections/{name}/index/beside", status_code=202, summary="Remove the index beside this one")
    async def drop_index(name: str, principal: Principal = Depends(who)) -> public.IndexGeneration:
        return await changed(principal, name, lambda c, found: index_generations.let_go(c, found, by=principal.id))

    return router
