"""Progress of a document as server-sent events, by looking at SQL twice a second for a bounded number of watchers."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable

from assay_core.documents import DocumentId, Version, VersionState
from assay_core.errors import AssayError, NotFound
from assay_core.principals import Principal
from assay_store import documents, visibility
from assay_store import events as stored_events
from assay_store.encryption import Vault
from assay_wire import public, sse, to_public
from fastapi import APIRouter, Depends, Query, Response
from sqlalchemy import Connection

from assay_gateway.auth import Authenticator
from assay_gateway.ids import document_id
from assay_gateway.limits import Slots
from assay_gateway.openapi import JSON, events, operation_id
from assay_gateway.streaming import EventStream
from assay_gateway.transactions import Transactions

INTERVAL_S = 0.5
LONGEST_S = 3600.0
_HISTORY = 500
_FINAL = {VersionState.READY: "done", VersionState.FAILED: "failed"}


def build_routes(
    *,
    who: Authenticator,
    transactions: Transactions,
    vault: Vault,
    slots: Slots,
    interval_s: float = INTERVAL_S,
) -> APIRouter:
    """The route that watches a document."""
    router = APIRouter(tags=["documents"], generate_unique_id_function=operation_id)

    @router.get(
        "/v1/documents/{id}/events",
        response_class=Response,
        responses={200: events("progress", "done", "failed")},
        summary="Watch the newest version until it is ready or failed, or read the history",
    )
    async def watch_document(
        id: str,
        principal: Principal = Depends(who),
        history: str | None = Query(None, max_length=5, description="Given: the history as JSON, and no stream."),
    ) -> Response:
        document = document_id(principal, id)
        if history not in (None, "false", "0"):
            found = await transactions(lambda c: _history(c, principal, document))
            return Response(found.model_dump_json(), media_type=JSON)
        first = await transactions(lambda c: _newest(c, vault, principal, document))
        slots.take()

        async def newest() -> Version:
            return await transactions(lambda c: _newest(c, vault, principal, document))

        return EventStream(_progress(first, newest, interval_s), on_end=slots.give_back)

    return router


def _history(connection: Connection, who: Principal, document: DocumentId) -> public.History:
    visibility.require_readable(connection, who, document)
    found = stored_events.history(connection, document, limit=_HISTORY)
    return public.History(
        events=[public.HistoryEvent(version=e.version, at=e.at, stage=e.stage, detail=dict(e.detail)) for e in found]
    )


def _newest(connection: Connection, vault: Vault, who: Principal, document: DocumentId) -> Version:
    visibility.require_readable(connection, who, document)
    return documents.versions_of(connection, vault, document)[0]


async def _progress(
    first: Version, newest: Callable[[], Awaitable[Version]], interval_s: float
) -> AsyncIterator[bytes]:
    """Each change of the newest version; rights are checked at every look."""
    version, shown, number = first, "", 0
    until = time.monotonic() + LONGEST_S
    while time.monotonic() < until:
        now = to_public.progress(version).model_dump_json()
        name = _FINAL.get(version.state)
        if now != shown:
            number += 1
            shown = now
            yield sse.encode(sse.ServerEvent(name or "progress", now, str(number)))
        if name is not None:
            return
        await asyncio.sleep(interval_s)
        try:
            version = await newest()
        except AssayError as error:
            yield sse.encode(sse.ServerEvent("failed", _lost(version, error), str(number + 1)))
            return


def _lost(version: Version, error: AssayError) -> str:
    state = "deleted" if isinstance(error, NotFound) else version.state
    return public.Progress(
        state=state,
        progress=version.progress,
        version=version.version,
        error_code=error.code,
        error=error.message,
    ).model_dump_json()
