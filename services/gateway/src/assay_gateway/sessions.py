"""The web UI's session: a signed cookie that names an API key by its id, never the key itself."""

import time
from collections.abc import Callable

from assay_core.documents import TenantId
from assay_core.errors import Denied
from assay_store import access
from assay_wire import public
from fastapi import APIRouter, Request, Response

from assay_gateway.signing import Signer
from assay_gateway.transactions import Transactions

COOKIE = "assay_session"
CSRF_HEADER = "X-Assay-Request"
LIFETIME_S = 12 * 3600
_CONTEXT = "session"


class Sessions:
    """Makes and reads session cookies."""

    def __init__(self, signer: Signer, *, clock: Callable[[], float] = time.time) -> None:
        self._signer = signer
        self._clock = clock

    def open(self, response: Response, request: Request, key: access.ValidKey) -> None:
        """Give the browser a session of the key's owner."""
        value = self._signer.sign(_CONTEXT, [key.owner.tenant, key.id, int(self._clock()) + LIFETIME_S])
        response.set_cookie(
            COOKIE,
            value,
            max_age=LIFETIME_S,
            path="/",
            httponly=True,
            samesite="strict",
            secure=request.scope["scheme"] == "https",
        )

    def close(self, response: Response, request: Request) -> None:
        """Take the cookie back."""
        secure = request.scope["scheme"] == "https"
        response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict", secure=secure)

    def of(self, request: Request) -> tuple[TenantId, str] | None:
        """Tenant and key id of the request's session, or None if there is none that is valid."""
        cookie = request.cookies.get(COOKIE)
        match cookie and self._signer.open(_CONTEXT, cookie):
            case [str(tenant), str(key_id), int(until)] if until > self._clock():
                return TenantId(tenant), key_id
            case _:
                return None


def require_csrf_header(request: Request) -> None:
    """Refuse writes that another site could have caused: only our own page can send this header."""
    if request.headers.get(CSRF_HEADER) != "1":
        raise Denied(f"Writes with a session cookie need the header '{CSRF_HEADER}: 1'.", code="forbidden")


def build_routes(*, transactions: Transactions, sessions: Sessions) -> APIRouter:
    """Sign in and out."""
    router = APIRouter(tags=["session"])

    @router.post("/ui/session", status_code=204, summary="Sign in to the web UI", operation_id="sign_in")
    async def sign_in(body: public.SignIn, request: Request) -> Response:
        require_csrf_header(request)
        key = await transactions(lambda c: access.valid_key(c, body.api_key))
        response = Response(status_code=204)
        sessions.open(response, request, key)
        return response

    @router.delete("/ui/session", status_code=204, summary="Sign out of the web UI", operation_id="sign_out")
    async def sign_out(request: Request) -> Response:
        require_csrf_header(request)
        response = Response(status_code=204)
        sessions.close(response, request)
        return response

    return router
