"""The `Idempotency-Key` header: a write that is sent again is answered as the first time."""

import hashlib
import json
import re
from collections.abc import Callable
from typing import Annotated

from assay_core.errors import Invalid
from assay_core.principals import Principal
from assay_store import idempotency
from assay_store.idempotency import Outcome, Sent
from fastapi import Header
from sqlalchemy import Connection

_KEY = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)

KeyHeader = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description="1 to 255 printable ASCII characters. The same key with the same content is answered as the first"
        " time, for 24 hours.",
    ),
]


def sent(who: Principal, route: str, key: str | None, *content: object) -> Sent | None:
    """What was sent under a key; None without a key."""
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        raise Invalid(
            "The Idempotency-Key must be 1 to 255 printable ASCII characters without spaces.",
            code="bad_idempotency_key",
        )
    fingerprint = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return Sent(who, route, key, fingerprint)


def once(connection: Connection, request: Sent | None, work: Callable[[], Outcome]) -> Outcome:
    """The outcome of `work`, or of the same request before; kept in this transaction."""
    if request is None:
        return work()
    before = idempotency.earlier(connection, request)
    if before is not None:
        return before
    outcome = work()
    idempotency.keep(connection, request, outcome)
    return outcome
