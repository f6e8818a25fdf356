"""The HTTP shell of every service: problem+json for all errors, request ids, health, metrics, principal, deadline."""

import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any
from uuid import uuid4

import anyio.to_thread
import structlog
import uvicorn
from assay_core.errors import AssayError, Denied
from assay_core.principals import Principal
from assay_wire import problems
from assay_wire.internal import DEADLINE_HEADER
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, Histogram, generate_latest
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from assay_runtime.health import Check, run_checks
from assay_runtime.http_protocol import DeadlineProtocol
from assay_runtime.metrics import FAILURES
from assay_runtime.settings import HttpSettings
from assay_runtime.tokens import TokenVerifier

log = structlog.get_logger()
HTTP_SECONDS = Histogram("assay_http_seconds", "Time to the end of an HTTP answer.", ["route", "status"])
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def build_app(
    *, title: str, checks: Mapping[str, Check], lifespan: Lifespan | None = None, docs: bool = False
) -> FastAPI:
    """A FastAPI application with the shell around it; routes are included by the caller.

    Args:
        checks: for `/readyz`; each is synchronous and runs in a thread.
        docs: serve OpenAPI (the gateway does).
    """
    app = FastAPI(
        title=title,
        version="0.1.0",
        lifespan=lifespan,
        openapi_url="/openapi.json" if docs else None,
        docs_url=None,
        redoc_url=None,
    )
    app.add_exception_handler(AssayError, _on_assay_error)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(Exception, _on_unexpected)
    app.add_middleware(RequestContext)

    @app.get("/livez", include_in_schema=False)
    async def livez() -> dict[str, bool]:
        return {"live": True}

    @app.get("/readyz", include_in_schema=False)
    async def readyz() -> JSONResponse:
        ready, body = await anyio.to_thread.run_sync(run_checks, checks)
        return JSONResponse(body, status_code=200 if ready else 503)

    @app.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return app


def serve(app: ASGIApp, settings: HttpSettings) -> None:
    """Run until SIGTERM or SIGINT; open requests get `shutdown_s` to finish."""
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        http=DeadlineProtocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=settings.shutdown_s,
        timeout_keep_alive=30,
        backlog=256,
    )


class RequestContext:
    """Gives every request an id, logs its end, and times it. Plain ASGI, so that streams are not buffered."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        structlog.contextvars.bind_contextvars(request_id=request_id)
        start, status = time.perf_counter(), 500

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        finally:
            elapsed_s = time.perf_counter() - start
            route = getattr(scope.get("route"), "path", "other")
            HTTP_SECONDS.labels(route, str(status)).observe(elapsed_s)
            if route not in ("/livez", "/readyz", "/metrics"):
                log.info("http.done", route=route, method=scope["method"], status=status, ms=round(elapsed_s * 1000))
            structlog.contextvars.unbind_contextvars("request_id")


def problem_response(body: problems.Problem) -> JSONResponse:
    """A problem as an HTTP answer."""
    return JSONResponse(
        body.model_dump(exclude_none=True),
        status_code=body.status,
        media_type=problems.MEDIA_TYPE,
        headers=problems.headers_of(body),
    )


async def _on_assay_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, AssayError)
    body = problems.from_error(error, request_id=_request_id(request))
    FAILURES.labels(error.code).inc()
    if body.status >= 500:
        log.warning("request.failed", code=error.code, status=body.status, detail=error.message)
    return problem_response(body)


async def _on_validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    fields = [_field_error(e) for e in error.errors()[:20]]
    detail = "; ".join(f"{f['field'] or 'body'}: {f['reason']}" for f in fields)
    return problem_response(
        problems.problem(422, "validation", detail, request_id=_request_id(request), extra={"errors": fields})
    )


def _field_error(error: Mapping[str, Any]) -> dict[str, str]:
    place = error["loc"][error["loc"][0] in ("body", "query", "path") :]
    if error["type"] == "json_invalid":
        return {"field": "", "reason": f"not JSON at character {place[0]}: {error['ctx']['error']}"}
    return {"field": ".".join(map(str, place)), "reason": error["msg"]}


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "http_error")
    detail = f"There is nothing at {request.scope['path'][:200]!r}." if error.status_code == 404 else str(error.detail)
    return problem_response(problems.problem(error.status_code, code, detail, request_id=_request_id(request)))


async def _on_unexpected(request: Request, error: Exception) -> Response:
    log.error("request.broken", error=type(error).__name__, exc_info=error)
    FAILURES.labels("internal").inc()
    request_id = _request_id(request)
    detail = f"Something broke on our side. Report request {request_id}."
    return problem_response(problems.problem(500, "internal", detail, request_id=request_id))


def _request_id(request: Request) -> str | None:
    return getattr(request.state, "request_id", None)


class Caller:
    """Who asks an internal service and how long there is: read from the token and the deadline header."""

    def __init__(self, principal: Principal, token: str, deadline_s: float) -> None:
        self.principal = principal
        self.token = token
        self.deadline_s = deadline_s


def caller_dependency(verify: TokenVerifier, *, default_deadline_s: float) -> Callable[[Request], Awaitable[Caller]]:
    """A FastAPI dependency that refuses requests without a valid principal token."""

    async def caller(request: Request) -> Caller:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Denied("This service is called with a principal token.", code="no_token")
        raw = request.headers.get(DEADLINE_HEADER, "")
        deadline_s = int(raw) / 1000 if raw.isdecimal() else default_deadline_s
        return Caller(verify(token), token, deadline_s)

    return caller
