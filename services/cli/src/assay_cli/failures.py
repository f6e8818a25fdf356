"""Errors as messages with the way out, and as exit codes: 2 the input must change, 1 everything else."""

from assay_core.errors import AssayError, Denied, Invalid

from assay_cli.output import clean, print_json, say
from assay_cli.session import Session


def report(error: AssayError, session: Session) -> int:
    """Tell people on stderr and, with --json, machines on stdout. Returns the exit code."""
    if session.json:
        print_json({"error": as_json(error)})
    say(f"Error: {error.message}")
    for line in _ways_out(error, session):
        say(f"  {line}")
    return 2 if isinstance(error, Invalid) else 1


def as_json(error: AssayError) -> dict[str, object]:
    """The members of an error for machines."""
    found: dict[str, object] = {"code": error.code, "message": clean(error.message)}
    if error.retry_after_s is not None:
        found["retry_after_s"] = error.retry_after_s
    return {**found, **error.extra}


def _ways_out(error: AssayError, session: Session) -> list[str]:
    if isinstance(error, Denied) and session.has_gateway:
        return [f"The key came from {session.gateway.key_source}; --api-key or ASSAY_API_KEY set another one."]
    match error.code:
        case "gateway_unavailable":
            return [
                f"The address came from {session.gateway.url_source}; "
                "`assay status` shows whether a platform runs here, --url or ASSAY_URL name another one."
            ]
        case "collection_not_found":
            return ["`assay collections list` shows those that you may read."]
        case "generator_unavailable":
            return ["Searching works meanwhile: `assay search`. `assay status` shows how far the generator is."]
        case _:
            return []
