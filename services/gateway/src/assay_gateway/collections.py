"""Collections: make, list, look at, delete."""

from collections.abc import Callable
from typing import Any

from assay_core.collection_settings import CollectionSettings
from assay_core.documents import Collection, CollectionId
from assay_core.index_profiles import IndexProfile
from assay_core.principals import Principal
from assay_store import access, collections, documents, sources
from assay_store.idempotency import Outcome
from assay_wire import public, to_public
from fastapi import APIRouter, Depends, Response
from sqlalchemy import Connection

from assay_gateway.auth import Authenticator, require_role
from assay_gateway.idempotency import KeyHeader, once, sent
from assay_gateway.openapi import JSON, operation_id
from assay_gateway.transactions import Transactions

RECHUNK_AT_ONCE = 500


def build_routes(*, who: Authenticator, transactions: Transactions) -> APIRouter:
    """Routes of collections."""
    router = APIRouter(tags=["collections"], generate_unique_id_function=operation_id)

    @router.post("/v1/collections", status_code=201, response_model=public.Collection, summary="Create a collection")
    async def create_collection(
        body: public.CreateCollection, principal: Principal = Depends(who), idempotency_key: KeyHeader = None
    ) -> Response:
        require_role(principal, "curator")
        request = sent(principal, "create_collection", idempotency_key, body.model_dump())

        def create(connection: Connection) -> Outcome:
            acl = access.acl_for(connection, principal.tenant)
            settings = CollectionSettings().changed(_given(body.settings))
            profile = IndexProfile.parse(body.index_kind).in_language(body.language)
            made = collections.create(
                connection, principal.tenant, body.name, acl=acl, index_kind=str(profile), settings=settings
            )
            return Outcome(201, to_public.collection(made).model_dump(mode="json"))

        outcome = await transactions(lambda c: once(c, request, lambda: create(c)))
        made = public.Collection.model_validate(outcome.body)
        return Response(made.model_dump_json(), status_code=outcome.status, media_type=JSON)

    @router.get("/v1/collections", summary="List the collections that you may read")
    async def list_collections(principal: Principal = Depends(who)) -> public.CollectionList:
        found = await transactions(lambda c: collections.listing(c, principal))
        return public.CollectionList(collections=[to_public.collection(f) for f in found])

    @router.get("/v1/collections/{name}", summary="Look at a collection")
    async def get_collection(name: str, principal: Principal = Depends(who)) -> public.Collection:
        found = await transactions(lambda c: collections.counted(c, collections.get(c, principal, name)))
        return to_public.collection(found)

    @router.patch("/v1/collections/{name}", summary="Change a collection's settings")
    async def change_collection(
        name: str, body: public.ChangeCollection, principal: Principal = Depends(who)
    ) -> public.Collection:
        require_role(principal, "curator")

        def change(connection: Connection) -> Collection:
            found = collections.get(connection, principal, name)
            changed = collections.change_settings(connection, found, _given(body.settings))
            return collections.counted(connection, changed)

        return to_public.collection(await transactions(change))

    @router.post("/v1/collections/{name}/rechunk", status_code=202, summary="Divide documents anew")
    async def rechunk_collection(name: str, principal: Principal = Depends(who)) -> public.Rechunking:
        require_role(principal, "curator")

        def begin(connection: Connection) -> tuple[int, int]:
            found = collections.get(connection, principal, name)
            begun = documents.rechunk(connection, found, limit=RECHUNK_AT_ONCE)
            return begun, collections.counted(connection, found).rechunk_due

        begun, remaining = await transactions(begin)
        return public.Rechunking(collection=name, documents=begun, remaining=remaining)

    @router.post("/v1/collections/{name}/pause", summary="Begin no more of a collection's uploads")
    async def pause_collection(name: str, principal: Principal = Depends(who)) -> public.Collection:
        require_role(principal, "curator")
        return await _set_paused(name, principal, collections.pause)

    @router.post("/v1/collections/{name}/resume", summary="Go on with a paused collection")
    async def resume_collection(name: str, principal: Principal = Depends(who)) -> public.Collection:
        require_role(principal, "curator")
        return await _set_paused(name, principal, collections.resume)

    async def _set_paused(
        name: str, who: Principal, change: Callable[[Connection, CollectionId], Collection]
    ) -> public.Collection:
        def changed(connection: Connection) -> Collection:
            found = change(connection, collections.get(connection, who, name).id)
            return collections.counted(connection, found)

        return to_public.collection(await transactions(changed))

    @router.delete("/v1/collections/{name}", status_code=202, summary="Delete a collection with its documents")
    async def delete_collection(name: str, principal: Principal = Depends(who)) -> public.CollectionDeletion:
        require_role(principal, "curator")

        def delete(connection: Connection) -> int:
            found = collections.get(connection, principal, name)
            count = documents.delete_all(connection, found.id, by=principal.id)
            sources.delete_of(connection, found.id)
            collections.mark_deleted(connection, found.id)
            return count

        return public.CollectionDeletion(collection=name, documents=await transactions(delete))

    return router


def _given(settings: public.ChangeSettings) -> dict[str, Any]:
    return settings.model_dump(exclude_none=True)
