"""RFC 9457 problem+json, and the one table that gives each kind of error its HTTP status."""

import math
from collections.abc import Mapping

from assay_core.errors import (
    AssayError,
    Broken,
    Conflict,
    Denied,
    Exhausted,
    Invalid,
    NotFound,
    Unavailable,
)
from pydantic import BaseModel, ConfigDict

MEDIA_TYPE = "application/problem+json"

_STATUS: dict[type[AssayError], int] = {
    Invalid: 400,
    NotFound: 404,
    Conflict: 409,
    Denied: 401,
    Unavailable: 503,
    Exhausted: 429,
    Broken: 500,
}
_STATUS_BY_CODE = {
    "too_large": 413,
    "too_slow": 408,
    "unknown_type": 415,
    "unsupported_media_type": 415,
    "validation": 422,
    "idempotency_mismatch": 422,
    "forbidden": 403,
    "deadline": 504,
    "storage_full": 507,
}
_TITLES = {
    400: "The request cannot be used",
    401: "Not signed in",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    408: "Too slow",
    409: "Conflict",
    413: "Too large",
    415: "Unknown type",
    422: "The request cannot be used",
    429: "Too many requests",
    500: "Internal error",
    503: "Temporarily unavailable",
    504: "Out of time",
    507: "Storage is full",
}


class Problem(BaseModel):
    """The body of every error answer. `code` is stable and meant for machines; more members may follow."""

    model_config = ConfigDict(extra="allow")

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: str
    request_id: str | None = None
    retry_after_s: float | None = None


def status_of(error: AssayError) -> int:
    """The HTTP status of an error: by its code if that has one, else by its class."""
    if error.code in _STATUS_BY_CODE:
        return _STATUS_BY_CODE[error.code]
    return next(status for kind, status in _STATUS.items() if isinstance(error, kind))


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    request_id: str | None = None,
    retry_after_s: float | None = None,
    extra: Mapping[str, object] | None = None,
) -> Problem:
    """A problem document of any status."""
    return Problem.model_validate(
        {
            **(extra or {}),
            "title": _TITLES.get(status, "Error"),
            "status": status,
            "detail": detail,
            "code": code,
            "request_id": request_id,
            "retry_after_s": retry_after_s,
        }
    )


def from_error(error: AssayError, *, request_id: str | None = None) -> Problem:
    """The problem document of an error."""
    return problem(
        status_of(error),
        error.code,
        error.message,
        request_id=request_id,
        retry_after_s=error.retry_after_s,
        extra=error.extra,
    )


def headers_of(body: Problem) -> dict[str, str]:
    """Headers that go with a problem."""
    if body.retry_after_s is None:
        return {}
    return {"Retry-After": str(max(1, math.ceil(body.retry_after_s)))}


_ERROR_OF_STATUS: dict[int, type[AssayError]] = {
    401: Denied,
    403: Denied,
    404: NotFound,
    409: Conflict,
    429: Exhausted,
    503: Unavailable,
    504: Exhausted,
    507: Exhausted,
}


def to_error(status: int, body: Mapping[str, object]) -> AssayError:
    """The error that a peer's answer stands for, so that it can be raised again here."""
    kind = _ERROR_OF_STATUS.get(status, Invalid if 400 <= status < 500 else Broken)
    retry = body.get("retry_after_s")
    known = set(Problem.model_fields)
    return kind(
        str(body.get("detail", f"A service answered {status}.")),
        code=str(body.get("code", kind.default_code)),
        retry_after_s=float(retry) if isinstance(retry, int | float) else None,
        extra={k: v for k, v in body.items() if k not in known},
    )
