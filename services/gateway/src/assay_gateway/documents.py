"""Documents: list, look at, read. Uploads and changes have files of their own."""

from typing import Annotated

from assay_core.documents import DocumentId, VersionState
from assay_core.errors import Invalid
from assay_core.principals import Principal
from assay_core.reasons import REASONS
from assay_store import collections, document_access, documents, legal_holds, near_duplicates, reading, visibility
from assay_store.encryption import Vault
from assay_store.legal_holds import LegalHold
from assay_wire import public, to_public
from fastapi import APIRouter, Depends, Path, Query
from sqlalchemy import Connection

from assay_gateway.auth import Authenticator, require_role
from assay_gateway.cursors import Cursors
from assay_gateway.ids import document_id
from assay_gateway.openapi import operation_id
from assay_gateway.transactions import Transactions

MAX_TEXT_CHARS = 200_000
_LAST_INT = 2**31 - 1

Limit = Annotated[int, Query(ge=1, le=200)]
Cursor = Annotated[str | None, Query(description="`next_cursor` of the page before.")]
VersionNumber = Annotated[int, Path(ge=1, le=_LAST_INT)]
Offset = Annotated[int | None, Query(ge=0, le=_LAST_INT, description="In characters of the canonical text.")]


def build_routes(*, who: Authenticator, transactions: Transactions, vault: Vault, cursors: Cursors) -> APIRouter:
    """Routes of documents."""
    router = APIRouter(tags=["documents"], generate_unique_id_function=operation_id)

    @router.get("/v1/collections/{name}/documents", summary="List a collection's documents, those added last first")
    async def list_documents(
        name: str,
        principal: Principal = Depends(who),
        limit: Limit = 50,
        cursor: Cursor = None,
        state: VersionState | None = None,
    ) -> public.DocumentPage:
        listing = f"documents\n{name}\n{state}"
        after = cursors.read_text(principal, listing, cursor)

        def read(connection: Connection) -> public.DocumentPage:
            found = collections.get(connection, principal, name)
            rows = documents.listing(connection, vault, principal, found.id, limit=limit + 1, after=after, state=state)
            last = rows[limit - 1][0].id.id if len(rows) > limit else None
            return public.DocumentPage(
                documents=[to_public.document_summary(d, v, name) for d, v in rows[:limit]],
                next_cursor=None if last is None else cursors.make(principal, listing, last),
                counts=documents.counts_by_state(connection, principal, found.id),
            )

        return await transactions(read)

    @router.get("/v1/collections/{name}/duplicates", summary="List documents that say nearly the same")
    async def list_duplicates(
        name: str, principal: Principal = Depends(who), limit: Limit = 200, cursor: Cursor = None
    ) -> public.DuplicatePage:
        listing = f"duplicates\n{name}"
        after = cursors.read_text(principal, listing, cursor) or ""

        def read(connection: Connection) -> public.DuplicatePage:
            found = collections.get(connection, principal, name)
            pairs, last = near_duplicates.pairs(connection, vault, principal, found.id, after=after, limit=limit)
            return public.DuplicatePage(
                pairs=[_pair(pair) for pair in pairs],
                next_cursor=None if last is None else cursors.make(principal, listing, last),
            )

        return await transactions(read)

    @router.get("/v1/documents/{id}", summary="Look at a document and its versions")
    async def get_document(id: str, principal: Principal = Depends(who)) -> public.DocumentDetail:
        document = document_id(principal, id)
        return await transactions(lambda c: detail(c, vault, principal, document))

    @router.get("/v1/documents/{id}/versions", summary="List a document's versions, newest first")
    async def list_versions(id: str, principal: Principal = Depends(who)) -> public.VersionList:
        document = document_id(principal, id)
        found = await transactions(lambda c: detail(c, vault, principal, document))
        return public.VersionList(versions=found.versions)

    @router.get("/v1/documents/{id}/versions/{version}/text", summary="Read a version's text around a passage")
    async def get_text(
        id: str,
        version: VersionNumber,
        principal: Principal = Depends(who),
        start: Offset = None,
        end: Offset = None,
        context: Annotated[int, Query(ge=0, le=20_000, description="Characters shown before and after.")] = 400,
    ) -> public.DocumentText:
        document = document_id(principal, id)
        found, text = await transactions(lambda c: reading.version_text(c, vault, principal, document, version))
        return passage(text, start, end, context=context, document=id, name=found.name, version=version)

    @router.get("/v1/reasons", summary="List why documents may fail")
    async def list_reasons(principal: Principal = Depends(who)) -> public.ReasonList:  # noqa: ARG001
        return public.ReasonList(
            reasons=[
                public.Reason(code=code, meaning=reason.meaning, way_out=reason.way_out)
                for code, reason in REASONS.items()
            ]
        )

    @router.post("/v1/documents/{id}/retry", status_code=202, summary="Try a failed document again")
    async def retry_document(id: str, principal: Principal = Depends(who)) -> public.Retry:
        require_role(principal, "contributor", "curator")
        document = document_id(principal, id)

        def retry(connection: Connection) -> documents.Upload:
            visibility.require_readable(connection, principal, document)
            return documents.retry(connection, vault, document)

        begun = await transactions(retry)
        return public.Retry(document_id=id, version=begun.version, job=begun.job)

    return router


def detail(connection: Connection, vault: Vault, who: Principal, document: DocumentId) -> public.DocumentDetail:
    """A document with its versions, and for curators with its rules and hold. Raises `NotFound`."""
    found = documents.get(connection, vault, who, document)
    collection = collections.by_id(connection, who, found.collection)
    access = held = hold = None
    if who.has("contributor") or who.has("curator"):
        hold = legal_holds.find(connection, document)
        held = hold is not None
    if who.has("curator"):
        rules = document_access.rules_of(connection, document.tenant, found.acl)
        access = public.Access(allow=list(rules.allow), deny=list(rules.deny))
    return to_public.document_detail(
        found,
        documents.versions_of(connection, vault, document),
        collection.name,
        access=access,
        near_duplicates=[_twin(twin) for twin in near_duplicates.twins(connection, vault, who, document)],
        held=held,
        hold=shown_hold(hold) if hold and who.has("curator") else None,
    )


def shown_hold(found: LegalHold) -> public.LegalHold:
    """A legal hold as curators see it."""
    return public.LegalHold(
        document_id=found.document.id, reason=found.reason, placed_by=found.placed_by, placed_at=found.placed_at
    )


def _twin(twin: near_duplicates.Twin) -> public.NearDuplicate:
    return public.NearDuplicate(document_id=twin.document.id, name=twin.name, similarity=round(twin.similarity, 3))


def _pair(pair: near_duplicates.Pair) -> public.DuplicatePair:
    similarity = round(pair.twin.similarity, 3)
    one = public.NearDuplicate(document_id=pair.document.id, name=pair.name, similarity=similarity)
    return public.DuplicatePair(documents=[one, _twin(pair.twin)], similarity=similarity)


def passage(
    text: str, start: int | None, end: int | None, *, context: int, document: str, name: str, version: int
) -> public.DocumentText:
    """The asked span of `text` with its surroundings, or the beginning of the text if no span was asked for.

    Raises:
        Invalid: the span does not lie in the text.
    """
    if start is None and end is None:
        first, last, context = 0, 0, 0
        window = (0, min(len(text), MAX_TEXT_CHARS))
    else:
        first = start or 0
        last = first if end is None else end
        if not first <= last <= len(text):
            raise Invalid(
                f"The span {first}:{last} does not lie in the text, which has {len(text):,} characters.",
                code="bad_span",
            )
        window = (max(0, first - context), min(len(text), last + context, first - context + MAX_TEXT_CHARS))
    return public.DocumentText(
        document_id=document,
        name=name,
        version=version,
        text=text[window[0] : window[1]],
        start=window[0],
        end=window[1],
        passage_start=first,
        passage_end=last,
        length=len(text),
    )
