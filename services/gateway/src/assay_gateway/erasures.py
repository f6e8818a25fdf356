"""What was deleted: how far it has left the stores, and signed receipts of that."""

from datetime import UTC, datetime
from typing import Annotated

from assay_core.principals import Principal
from assay_runtime.receipts import ReceiptSigner
from assay_store import erasures
from assay_store.erasures import Erasure
from assay_wire import public
from fastapi import APIRouter, Depends, Query

from assay_gateway.auth import Authenticator, require_role
from assay_gateway.cursors import Cursors
from assay_gateway.documents import Cursor, Limit
from assay_gateway.ids import erasure_id
from assay_gateway.openapi import operation_id
from assay_gateway.transactions import Transactions

_LISTING = "erasures"
Open = Annotated[bool, Query(alias="open", description="Only those that are not complete.")]


def build_routes(
    *, who: Authenticator, transactions: Transactions, cursors: Cursors, signer: ReceiptSigner
) -> APIRouter:
    """Routes of erasures."""
    router = APIRouter(tags=["erasures"], generate_unique_id_function=operation_id)

    @router.get("/v1/erasures", summary="List what was deleted, the last first")
    async def list_erasures(
        principal: Principal = Depends(who), open_only: Open = False, limit: Limit = 50, cursor: Cursor = None
    ) -> public.ErasurePage:
        require_role(principal, "contributor", "curator")
        listing = f"{_LISTING}\n{open_only}"
        after = cursors.read_text(principal, listing, cursor)
        found = await transactions(
            lambda c: erasures.listing(c, principal.tenant, open_only=open_only, limit=limit + 1, after=after)
        )
        last = found[limit - 1].id if len(found) > limit else None
        return public.ErasurePage(
            erasures=[_shown(one) for one in found[:limit]],
            next_cursor=None if last is None else cursors.make(principal, listing, last),
        )

    @router.get("/v1/erasures/public-key", summary="Get the key that receipts are checked with")
    async def get_receipt_key(_: Principal = Depends(who)) -> public.PublicKey:
        return public.PublicKey(public_key=signer.public_key_pem)

    @router.get("/v1/erasures/{id}", summary="Get the signed receipt of a deletion")
    async def get_erasure(id: str, principal: Principal = Depends(who)) -> public.Erasure:
        require_role(principal, "contributor", "curator")
        erasure = erasure_id(id)
        found = await transactions(lambda c: erasures.get(c, principal.tenant, erasure))
        return _shown(found, signer)

    return router


def _shown(found: Erasure, signer: ReceiptSigner | None = None) -> public.Erasure:
    shown = public.Erasure(
        id=found.id,
        document_id=found.document.id,
        state=found.state.value,
        requested_at=found.requested_at,
        requested_by=found.requested_by,
        key_destroyed_at=found.key_destroyed_at,
        left_at=found.left_at,
        complete_at=found.complete_at,
        proven_at=found.proven_at,
        counts=dict(found.counts),
    )
    if signer is not None:
        claims = shown.model_dump(mode="json", exclude={"receipt", "id"})
        issued = {"sub": found.id, "tenant": found.document.tenant, "iat": int(datetime.now(UTC).timestamp())}
        shown = shown.model_copy(update={"receipt": signer.sign(claims | issued)})
    return shown
