"""What to do about an error in the middle of a document: tell its owner, try later, or give up."""

import errno
from dataclasses import dataclass

from assay_core.errors import AssayError, Broken, Exhausted, Invalid, NotFound, Unavailable
from assay_core.jobs import MAX_ATTEMPTS

_FIRST_DELAY_S = 10.0
_GROWTH = 4.0
GAVE_UP = "gave_up"


class Stopping(Exception):
    """The process was asked to stop; work in hand goes back to the queue."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a document could not be taken in. `lasting` means that trying again cannot help."""

    code: str
    reason: str
    lasting: bool


def judge(error: Exception, name: str) -> Failure:
    """Sort an error by whether another try may succeed. The reason names the document, never its text."""
    match error:
        case Invalid():
            return Failure(error.code, error.message, lasting=True)
        case NotFound() | Broken():
            reason = f"The stored bytes of {name!r} cannot be read any more ({error.code}). Upload it again."
            return Failure(error.code, reason, lasting=True)
        case Unavailable() | Exhausted():
            return Failure(error.code, error.message, lasting=False)
        case OSError() if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return Failure("storage_full", "The disk is full. Free some space.", lasting=False)
        case AssayError():
            return Failure(error.code, error.message, lasting=False)
        case _:
            return Failure("internal", f"{type(error).__name__} while {name!r} was worked on.", lasting=False)


def given_up(last: Failure, name: str) -> Failure:
    """What a document's owner is told after the last try."""
    reason = (
        f"{name!r} could not be taken in; {MAX_ATTEMPTS} tries is the limit. The last one ended with: {last.reason} "
        "Upload it again, or ask the operator to look at the worker's log."
    )
    return Failure(GAVE_UP, reason, lasting=True)


WORKER_DIED = Failure("worker_died", "The worker stopped in the middle of it.", lasting=False)


def retry_delay_s(attempt: int, luck: float) -> float:
    """Exponential backoff for the try after `attempt` (from 1), between half and all of it by `luck` in 0..1."""
    return _FIRST_DELAY_S * _GROWTH ** (attempt - 1) * (0.5 + luck / 2)
