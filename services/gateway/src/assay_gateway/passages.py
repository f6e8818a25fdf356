"""Ready passages in bulk: many short texts in one request, written by one transaction."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

from assay_core.collection_settings import FieldType
from assay_core.errors import Conflict, Invalid
from assay_core.metadata import valid_metadata
from assay_core.names import clean_name
from assay_core.principals import Principal
from assay_store import batches, collections, passages, visibility
from assay_store.encryption import Vault
from assay_store.passages import Passage, Taken
from assay_wire import public
from fastapi import APIRouter, Depends, Query, Request
from pydantic import ValidationError
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError
from starlette.requests import ClientDisconnect

from assay_gateway.admission import Admission
from assay_gateway.auth import Authenticator, require_role
from assay_gateway.limits import Slots, check_depth
from assay_gateway.openapi import PASSAGES_BODY, operation_id
from assay_gateway.receiving import batch_named
from assay_gateway.transactions import Transactions

MAX_LINES = 1000
MAX_BYTES = 16 << 20
_TIMEOUT_S = 60.0
_MEDIA_TYPES = ("application/x-ndjson", "application/jsonl")


def build_routes(
    *, who: Authenticator, transactions: Transactions, vault: Vault, admission: Admission, slots: Slots
) -> APIRouter:
    """The bulk route. Its body is read by hand, with bounds of its own."""
    router = APIRouter(tags=["documents"], generate_unique_id_function=operation_id)

    @router.post(
        "/v1/collections/{name}/passages",
        status_code=202,
        openapi_extra=PASSAGES_BODY,
        summary="Bring many ready passages at once",
    )
    async def load_passages(
        name: str,
        request: Request,
        principal: Principal = Depends(who),
        batch: str | None = Query(None, max_length=64, description="An id of your own, for GET /v1/batches/{id}."),
    ) -> public.PassagesTaken:
        require_role(principal, "contributor", "curator")
        group = None if batch is None else batch_named(batch)
        _check_media_type(request)
        with slots.taken():
            collection = await transactions(lambda c: collections.get(c, principal, name))
            await admission.admit(principal, jobs=0)
            lines = (await _body(request.stream())).splitlines()
            good, refused = read_lines(lines, collection.settings.fields)
            await admission.admit(principal, jobs=len(good), size_bytes=sum(p.size_bytes for p in good))

            def write(connection: Connection) -> Taken:
                found = collections.get(connection, principal, name)
                if group is not None:
                    batches.ensure(connection, principal, found.id, group)
                readable = visibility.readable_acls(connection, principal)
                return passages.record(connection, vault, found, good, readable=readable, batch=group)

            try:
                taken = await _twice(transactions, write)
            except IntegrityError as error:
                raise Conflict(
                    "Others write documents of these names at this moment; send them again.",
                    code="name_taken",
                    retry_after_s=1,
                ) from error
        return _reply(len(lines), taken, refused)

    return router


def read_lines(
    lines: Sequence[bytes], fields: Mapping[str, FieldType]
) -> tuple[list[Passage], list[public.RefusedPassage]]:
    """Passages of different names, and the lines that cannot be taken, each with the reason.

    Raises:
        Invalid: there are too many lines, or none.
    """
    if not 0 < len(lines) <= MAX_LINES:
        raise Invalid(f"There are {len(lines)} passages; send 1 to {MAX_LINES} in a request.", code="bad_count")
    good = dict[str, Passage]()
    refused: list[public.RefusedPassage] = []
    for number, line in enumerate(lines, 1):
        try:
            passage = _passage(line, fields)
            if passage.name in good:
                raise Invalid(f"{passage.name!r} stands in this request twice.", code="same_name")
            good[passage.name] = passage
        except Invalid as error:
            refused.append(public.RefusedPassage(line=number, id=None, code=error.code, message=error.message))
    return list(good.values()), refused


def _passage(line: bytes, fields: Mapping[str, FieldType]) -> Passage:
    check_depth(line)
    try:
        sent = public.Passage.model_validate_json(line)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise Invalid(f"{where or 'the line'}: {first['msg']}", code="validation") from error
    if not sent.text.strip():
        raise Invalid(f"{sent.id[:80]!r} has no text.", code="empty")
    metadata = None if sent.metadata is None else valid_metadata(fields, sent.metadata)
    return Passage(clean_name(sent.id), sent.title.strip(), sent.text, metadata)


async def _twice(transactions: Transactions, write: Callable[[Connection], Taken]) -> Taken:
    try:
        return await transactions(write)
    except IntegrityError:
        return await transactions(write)  # somebody else made one of them: it is found this time


def _reply(received: int, taken: Taken, refused: list[public.RefusedPassage]) -> public.PassagesTaken:
    hidden = [
        public.RefusedPassage(line=None, id=name, code="name_taken", message=f"The name {name!r} is taken.")
        for name in taken.refused
    ]
    return public.PassagesTaken(
        received=received,
        created=taken.created,
        changed=taken.changed,
        unchanged=taken.unchanged,
        refused=refused + hidden,
    )


async def _body(pieces: AsyncIterator[bytes]) -> bytes:
    body = bytearray()
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            async for piece in pieces:
                body += piece
                if len(body) > MAX_BYTES:
                    raise Invalid(
                        f"The body is larger than {MAX_BYTES:,} bytes; send fewer passages.", code="too_large"
                    )
    except TimeoutError:
        raise Invalid(f"The body did not arrive within {_TIMEOUT_S:.0f} s; send it faster.", code="too_slow") from None
    except ClientDisconnect as error:
        raise Invalid("The client went away in the middle of the upload.", code="broke_off") from error
    return bytes(body)


def _check_media_type(request: Request) -> None:
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given not in _MEDIA_TYPES:
        raise Invalid(
            f"The body's Content-Type is {given[:100]!r}; send {_MEDIA_TYPES[0]}, one passage a line.",
            code="unsupported_media_type",
        )
