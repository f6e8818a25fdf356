"""Legal holds: what they are on is kept, also when it is deleted, until they are lifted."""

from datetime import datetime

import structlog
from assay_core.principals import Principal
from assay_store import erasures, legal_holds, visibility
from assay_store.database import notify
from assay_store.documents import INDEX_CHANNEL
from assay_store.encryption import Vault
from assay_store.legal_holds import HeldDocument, LegalHold
from assay_wire import public
from fastapi import APIRouter, Depends
from sqlalchemy import Connection

from assay_gateway.auth import Authenticator, require_role
from assay_gateway.cursors import Cursors
from assay_gateway.documents import Cursor, Limit, shown_hold
from assay_gateway.ids import document_id
from assay_gateway.openapi import operation_id
from assay_gateway.transactions import Transactions

log = structlog.get_logger()
_LISTING = "holds"


def build_routes(*, who: Authenticator, transactions: Transactions, vault: Vault, cursors: Cursors) -> APIRouter:
    """Routes of legal holds."""
    router = APIRouter(tags=["erasures"], generate_unique_id_function=operation_id)

    @router.get("/v1/holds", summary="List legal holds, those placed last first")
    async def list_holds(
        principal: Principal = Depends(who), limit: Limit = 50, cursor: Cursor = None
    ) -> public.HoldPage:
        require_role(principal, "curator")
        after = _seen(cursors.read_text(principal, _LISTING, cursor))
        found = await transactions(lambda c: legal_holds.listing(c, vault, principal, limit=limit + 1, after=after))
        last = found[limit - 1].hold if len(found) > limit else None
        return public.HoldPage(
            holds=[_held(one) for one in found[:limit]],
            next_cursor=None if last is None else cursors.make(principal, _LISTING, _place(last)),
        )

    @router.put("/v1/documents/{id}/hold", summary="Keep a document from being erased, also when it is deleted")
    async def place_hold(id: str, body: public.HoldRequest, principal: Principal = Depends(who)) -> public.LegalHold:
        require_role(principal, "curator")
        document = document_id(principal, id)

        def place(connection: Connection) -> LegalHold:
            visibility.require_readable(connection, principal, document)
            return legal_holds.place(connection, document, reason=body.reason, by=principal.id)

        placed = await transactions(place)
        log.info("hold.placed", document_id=document.id)
        return shown_hold(placed)

    @router.get("/v1/documents/{id}/hold", summary="Get the legal hold on a document, which may be deleted")
    async def get_hold(id: str, principal: Principal = Depends(who)) -> public.LegalHold:
        require_role(principal, "curator")
        document = document_id(principal, id)
        return shown_hold(await transactions(lambda c: legal_holds.get(c, document)))

    @router.delete("/v1/documents/{id}/hold", summary="Lift a legal hold, and erase what was deleted under it")
    async def lift_hold(id: str, principal: Principal = Depends(who)) -> public.HoldLifted:
        require_role(principal, "curator")
        document = document_id(principal, id)

        def lift(connection: Connection) -> list[str]:
            freed = erasures.lift_hold(connection, document)
            notify(connection, INDEX_CHANNEL)
            return [one.id for one in freed]

        freed = await transactions(lift)
        log.info("hold.lifted", document_id=document.id, erased_now=len(freed))
        return public.HoldLifted(document_ids=freed)

    return router


def _held(found: HeldDocument) -> public.HeldDocument:
    hold = shown_hold(found.hold)
    return public.HeldDocument(**hold.model_dump(), name=found.name, erasure_id=found.erasure)


def _place(hold: LegalHold) -> str:
    """Where a list of holds goes on after this one; it may be lifted before that."""
    return f"{hold.placed_at.isoformat()} {hold.document.id}"


def _seen(place: str | None) -> tuple[datetime, str] | None:
    if place is None:
        return None
    placed_at, document = place.split(" ")
    return datetime.fromisoformat(placed_at), document
