"""Who asks: an API key, or the session cookie of the web UI. Everything else is refused."""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable

import structlog
from assay_core.documents import TenantId
from assay_core.errors import Denied
from assay_core.principals import Principal
from assay_store import access
from fastapi import Request
from sqlalchemy import Connection

from assay_gateway.sessions import Sessions, require_csrf_header
from assay_gateway.transactions import Transactions

_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_LONGEST_KEY = 200
_REMEMBERED = 1_000


class Authenticator:
    """A FastAPI dependency that gives the principal of a request.

    A principal is remembered for `ttl_s`, so that a revoked key is refused after that at the latest.
    """

    def __init__(
        self,
        *,
        transactions: Transactions,
        sessions: Sessions,
        ttl_s: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._transactions = transactions
        self._sessions = sessions
        self._ttl_s = ttl_s
        self._clock = clock
        self._known = OrderedDict[bytes, tuple[float, Principal]]()

    async def __call__(self, request: Request) -> Principal:
        header = request.headers.get("authorization")
        principal = await (self._by_session(request) if header is None else self._by_key(header))
        structlog.contextvars.bind_contextvars(tenant=principal.tenant, principal=principal.id)
        return principal

    async def _by_key(self, header: str) -> Principal:
        scheme, _, key = header.partition(" ")
        key = key.strip()
        if scheme.lower() != "bearer" or not key.startswith(access.API_KEY_PREFIX) or len(key) > _LONGEST_KEY:
            raise Denied(
                "The Authorization header must be 'Bearer' and an API key ('assay_…').", code="bad_authorization"
            )
        return await self._remembered(f"key\n{key}", lambda c: access.valid_key(c, key).owner)

    async def _by_session(self, request: Request) -> Principal:
        session = self._sessions.of(request)
        if session is None:
            raise Denied("Send an API key as 'Authorization: Bearer assay_…', or sign in at /ui.", code="not_signed_in")
        if request.method not in _SAFE_METHODS:
            require_csrf_header(request)
        tenant, key_id = session
        return await self._remembered(
            f"session\n{tenant}\n{key_id}", lambda c: access.key_by_id(c, TenantId(tenant), key_id).owner
        )

    async def _remembered(self, what: str, look_up: Callable[[Connection], Principal]) -> Principal:
        digest = hashlib.sha256(what.encode("utf-8", "surrogatepass")).digest()
        until, principal = self._known.get(digest, (0.0, None))
        if principal is not None and until > self._clock():
            return principal
        self._known.pop(digest, None)
        principal = await self._transactions(look_up)
        self._known[digest] = (self._clock() + self._ttl_s, principal)
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return principal


def require_role(principal: Principal, *roles: str) -> None:
    """Raise `Denied` unless the principal holds one of the roles."""
    if not any(principal.has(role) for role in roles):
        raise Denied(
            f"This needs the role {' or '.join(roles)}; {principal.name!r} does not have it.", code="forbidden"
        )
