"""The principal token of the request at hand, which is passed on to the services that it calls."""

from contextvars import ContextVar

from assay_core.errors import Broken
from assay_core.principals import Principal

_TOKEN: ContextVar[str] = ContextVar("caller_token")


def remember(token: str) -> None:
    """Keep the token for all that this request does."""
    _TOKEN.set(token)


def token_of(principal: Principal) -> str:
    """The token by which the request at hand came."""
    try:
        return _TOKEN.get()
    except LookupError as error:
        raise Broken(f"No token to pass on for {principal.id!r}.", code="no_token") from error
