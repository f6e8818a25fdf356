"""Uploads: receive, seal, rename to the hash, record in one transaction, and only then say 202.

What a crash leaves behind is told in `assay_store.intake`.
"""

from collections.abc import Awaitable, Callable, Mapping

from assay_core.collection_settings import FieldType
from assay_core.crash_points import reach
from assay_core.documents import Collection, CollectionId
from assay_core.errors import Conflict, Invalid, NotFound
from assay_core.metadata import valid_metadata
from assay_core.ports import BlobStore
from assay_core.principals import Principal
from assay_runtime.threads import Workers
from assay_store import batches, collections, document_fields, intake
from assay_store.documents import UploadTarget
from assay_store.encryption import Vault
from assay_store.idempotency import Outcome, Sent
from assay_wire import public
from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError
from starlette.requests import ClientDisconnect

from assay_gateway.admission import Admission
from assay_gateway.auth import Authenticator, require_role
from assay_gateway.idempotency import KeyHeader, once, sent
from assay_gateway.ids import document_id
from assay_gateway.limits import Slots
from assay_gateway.openapi import JSON, UPLOAD_FORM, VERSION_FORM, operation_id
from assay_gateway.receiving import Received, Receiver
from assay_gateway.transactions import Transactions

_FORM_OVERHEAD_BYTES = 1 << 20


def build_routes(
    *,
    who: Authenticator,
    receiver: Receiver,
    recorder: "Recorder",
    admission: Admission,
    max_bytes: int,
    slots: Slots,
) -> APIRouter:
    """The upload routes. Their bodies are read by hand, since FastAPI's forms spool plain text to disk."""
    router = APIRouter(tags=["documents"], generate_unique_id_function=operation_id)

    @router.post(
        "/v1/collections/{name}/documents",
        status_code=202,
        response_model=public.Upload,
        responses={200: {"model": public.Upload, "description": "The newest version has these bytes already."}},
        openapi_extra=UPLOAD_FORM,
        summary="Upload a document, or a new version of one",
    )
    async def upload_document(
        name: str, request: Request, principal: Principal = Depends(who), idempotency_key: KeyHeader = None
    ) -> Response:
        declared_bytes = check_upload(request, principal, idempotency_key)
        with slots.taken():
            collection = await recorder.collection(principal, name)
            await admission.admit(principal, size_bytes=declared_bytes)
            received = await receive(request, lambda called: receiver.target(principal, collection, called))
            try:
                outcome = await recorder.record(principal, collection, received, idempotency_key)
                reach("upload.after_commit")
            finally:
                await receiver.discard(received.sealed.blob_key)
        return _uploaded(outcome)

    @router.put(
        "/v1/documents/{id}",
        status_code=202,
        response_model=public.Upload,
        responses={200: {"model": public.Upload, "description": "The newest version has these bytes already."}},
        openapi_extra=VERSION_FORM,
        summary="Upload a new version of a document",
    )
    async def put_document(
        id: str, request: Request, principal: Principal = Depends(who), idempotency_key: KeyHeader = None
    ) -> Response:
        declared_bytes = check_upload(request, principal, idempotency_key)
        document = document_id(principal, id)
        with slots.taken():
            # Before the body is read, so that a wrong id costs nobody an upload.
            target = await receiver.version_target(principal, document)
            await admission.admit(principal, size_bytes=declared_bytes)
            received = await receive(request, lambda _: receiver.version_target(principal, target.document))
            try:
                outcome = await recorder.record_version(principal, received, idempotency_key)
                reach("upload.after_commit")
            finally:
                await receiver.discard(received.sealed.blob_key)
        return _uploaded(outcome)

    def check_upload(request: Request, principal: Principal, idempotency_key: str | None) -> int:
        require_role(principal, "contributor", "curator")
        sent(principal, "", idempotency_key)
        return _declared(request, receiver, max_bytes)

    async def receive(request: Request, find: Callable[[str], Awaitable[UploadTarget]]) -> Received:
        try:
            return await receiver.receive(request.headers.get("content-type", ""), request.stream(), find=find)
        except ClientDisconnect as error:
            raise Invalid("The client went away in the middle of the upload.", code="broke_off") from error

    return router


def _uploaded(outcome: Outcome) -> Response:
    body = public.Upload.model_validate(outcome.body)
    return Response(body.model_dump_json(), status_code=outcome.status, media_type=JSON)


class Recorder:
    """Turns a received upload into a version."""

    def __init__(
        self, *, transactions: Transactions, vault: Vault, blobs: BlobStore, receiver: Receiver, workers: Workers
    ) -> None:
        self._transactions = transactions
        self._vault = vault
        self._blobs = blobs
        self._receiver = receiver
        self._workers = workers

    async def collection(self, who: Principal, name: str) -> Collection:
        return await self._transactions(lambda c: collections.get(c, who, name))

    async def record(
        self, who: Principal, collection: Collection, received: Received, idempotency_key: str | None
    ) -> Outcome:
        """Write document, version, job and the idempotent answer in one transaction.

        The document may have been made or deleted by someone else meanwhile; then the blob is sealed again for the
        document that has the name now, once.
        """
        name, sha256 = received.sealed.target.name, received.sealed.blob.sha256
        request = sent(who, "upload", idempotency_key, collection.id.id, name, received.metadata, sha256)
        try:
            return await self._transactions(lambda c: self._write(c, who, collection.id, received, request))
        except (IntegrityError, NotFound):
            await self._seal_again(who, collection, received)
        try:
            return await self._transactions(lambda c: self._write(c, who, collection.id, received, request))
        except (IntegrityError, NotFound) as error:
            raise Conflict(
                f"{name!r} is being written by someone else; send it again.",
                code="name_taken",
                retry_after_s=1,
            ) from error

    async def record_version(self, who: Principal, received: Received, idempotency_key: str | None) -> Outcome:
        """As `record`, for a document that is known by its id. Raises `NotFound` if it was deleted meanwhile."""
        target = received.sealed.target
        fingerprint = (target.document.id, received.metadata, received.sealed.blob.sha256)
        request = sent(who, "put_document", idempotency_key, *fingerprint)
        return await self._transactions(lambda c: self._write(c, who, target.collection, received, request))

    def _write(
        self, connection: Connection, who: Principal, to: CollectionId, received: Received, request: Sent | None
    ) -> Outcome:
        """The body that is kept does not tell the document's name and digest: who asks again knows them."""
        if received.batch is not None:
            batches.ensure(connection, who, to, received.batch)
        fields = collections.by_id(connection, who, to).settings.fields
        kept = once(connection, request, lambda: self._record(connection, received, fields))
        reach("upload.before_commit")
        sealed = received.sealed
        return Outcome(kept.status, kept.body | {"name": sealed.target.name, "sha256": sealed.blob.sha256})

    def _record(self, connection: Connection, received: Received, fields: Mapping[str, FieldType]) -> Outcome:
        sealed = received.sealed
        metadata = None if received.metadata is None else valid_metadata(fields, received.metadata)
        recorded = intake.record(
            connection,
            self._blobs,
            sealed,
            metadata=metadata,
            priority=received.priority,
            batch=received.batch,
        )
        upload = recorded.upload
        if metadata is not None:
            document_fields.replace(connection, self._vault, upload.document, fields, metadata)
        body: dict[str, object] = {
            "document_id": upload.document.id,
            "version": upload.version,
            "job": upload.job,
            "unchanged": upload.unchanged,
            "size_bytes": sealed.blob.size_bytes,
            "state": recorded.state,
        }
        return Outcome(200 if upload.unchanged else 202, body)

    async def _seal_again(self, who: Principal, collection: Collection, received: Received) -> None:
        sealed = received.sealed
        target = await self._receiver.target(who, collection, sealed.target.name)
        received.sealed = await self._workers.run(lambda: intake.seal_again(self._blobs, sealed, target))


def _declared(request: Request, receiver: Receiver, max_bytes: int) -> int:
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and (len(declared) > 18 or int(declared) > max_bytes + _FORM_OVERHEAD_BYTES):
        raise receiver.too_large()
    return int(declared) if declared.isdecimal() else 0
