"""How far a batch of uploads is, by polling and by server-sent events."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable

from assay_core.errors import AssayError, NotFound
from assay_core.principals import Principal
from assay_store import batches
from assay_store import collections as stored_collections
from assay_wire import problems, public, sse
from fastapi import APIRouter, Depends, Response
from sqlalchemy import Connection

from assay_gateway.auth import Authenticator
from assay_gateway.limits import Slots
from assay_gateway.openapi import events, operation_id
from assay_gateway.streaming import EventStream
from assay_gateway.transactions import Transactions
from assay_gateway.watching import LONGEST_S

# A look sums over every version of the batch.
INTERVAL_S = 1.0


def build_routes(
    *, who: Authenticator, transactions: Transactions, slots: Slots, interval_s: float = INTERVAL_S
) -> APIRouter:
    """Routes of batches."""
    router = APIRouter(tags=["documents"], generate_unique_id_function=operation_id)

    @router.get("/v1/batches/{batch}", summary="How far a batch of uploads is")
    async def get_batch(batch: str, principal: Principal = Depends(who)) -> public.BatchProgress:
        return await transactions(lambda c: _look(c, principal, batch))

    @router.get(
        "/v1/batches/{batch}/events",
        response_class=Response,
        responses={200: events("progress", "done", "failed")},
        summary="Watch a batch until nothing of it is open",
    )
    async def watch_batch(batch: str, principal: Principal = Depends(who)) -> Response:
        async def look() -> public.BatchProgress:
            return await transactions(lambda c: _look(c, principal, batch))

        first = await look()
        slots.take()
        return EventStream(_progress(first, look, interval_s), on_end=slots.give_back)

    return router


def _look(connection: Connection, who: Principal, batch: str) -> public.BatchProgress:
    if "\0" in batch:
        raise NotFound(f"There is no batch {batch[:40]!r}.", code="batch_not_found")
    made = batches.get(connection, who, batch)
    collection = stored_collections.by_id(connection, who, made.collection)
    found = batches.progress(connection, who.tenant, batch)
    return public.BatchProgress(
        id=batch,
        collection=collection.name,
        created_at=made.created_at,
        documents=found.documents,
        open=found.open,
        states=found.states,
        pages=found.pages,
        chunks=found.chunks,
        chunks_done=found.chunks_done,
        progress=round(found.progress, 4),
        documents_per_s=round(found.documents_per_s, 2),
        chunks_per_s=round(found.chunks_per_s, 2),
        left_s=None if found.left_s is None else round(found.left_s, 1),
    )


async def _progress(
    first: public.BatchProgress, look: Callable[[], Awaitable[public.BatchProgress]], interval_s: float
) -> AsyncIterator[bytes]:
    """Each change of a batch; rights are checked at every look."""
    found, shown, number = first, "", 0
    until = time.monotonic() + LONGEST_S
    while time.monotonic() < until:
        now = found.model_dump_json()
        if now != shown:
            shown, number = now, number + 1
            yield sse.encode(sse.ServerEvent("progress" if found.open else "done", now, str(number)))
        if not found.open:
            return
        await asyncio.sleep(interval_s)
        try:
            found = await look()
        except AssayError as error:
            body = public.Failure(code=error.code, message=error.message, status=problems.status_of(error))
            yield sse.encode(sse.ServerEvent("failed", body.model_dump_json(), str(number + 1)))
            return
