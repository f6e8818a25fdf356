"""Problems that OpenAI's clients understand too: they look for a member `error`, which is added to the problem."""

from collections.abc import Callable, Coroutine
from typing import Any

from assay_core.errors import AssayError, Invalid
from assay_wire import problems
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

_TYPES = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}


class OpenAIRoute(APIRoute):
    """A route whose errors carry `error` beside the members of RFC 9457."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handler(request: Request) -> Response:
            try:
                return await handle(request)
            except AssayError as error:
                error.extra = {**error.extra, "error": error_member(error)}
                raise
            except RequestValidationError as error:
                raise _unsupported(error) from error

        return handler


def error_member(error: AssayError, *, param: str | None = None) -> dict[str, object]:
    """An error in OpenAI's shape."""
    status = problems.status_of(error)
    kind = _TYPES.get(status, "invalid_request_error" if status < 500 else "server_error")
    return {"message": error.message, "type": kind, "param": param, "code": error.code}


def _unsupported(error: RequestValidationError) -> Invalid:
    first = error.errors()[0]
    param = ".".join(str(part) for part in first["loc"] if part != "body")[:100]
    refused = Invalid(f"{param or 'body'}: {first['msg']}", code="unsupported_parameter")
    refused.extra = {"error": error_member(refused, param=param or None)}
    return refused
