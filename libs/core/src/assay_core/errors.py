"""One tree of errors, divided by what the caller can do about them.

AssayError
├── Invalid        fix the input                       (400, 413, 415, 422)
├── NotFound       it is not there, or not yours       (404)
├── Conflict       it changed, or is in the way        (409)
├── Denied         show who you are, or ask for access (401, 403)
├── Unavailable    a part is down: try again later     (503)
├── Exhausted      a budget is used up                 (429, 504)
└── Broken         our fault: report it                (500)

Every error carries a stable `code` for machines and a message for people that names the thing, the limit and
the way out. HTTP status is assigned in one table, `assay_wire.problems`.
"""

from collections.abc import Mapping


class AssayError(Exception):
    """Base of all errors that Assay raises on purpose."""

    default_code = "error"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        retry_after_s: float | None = None,
        extra: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.retry_after_s = retry_after_s
        self.extra: Mapping[str, object] = extra or {}


class Invalid(AssayError):
    """The input cannot be used; the message says which part and what would be accepted."""

    default_code = "invalid"


class NotFound(AssayError):
    """The thing does not exist for this principal; "forbidden" looks the same on purpose."""

    default_code = "not_found"


class Conflict(AssayError):
    """The thing exists already, changed meanwhile, or is owned by someone else."""

    default_code = "conflict"


class Denied(AssayError):
    """The credential is missing, wrong or lacks a right."""

    default_code = "denied"


class Unavailable(AssayError):
    """A dependency is down or not ready; retrying later may work."""

    default_code = "unavailable"


class Exhausted(AssayError):
    """A budget (time, size, rate, queue) is used up."""

    default_code = "exhausted"


class Broken(AssayError):
    """An invariant of ours does not hold."""

    default_code = "broken"
