"""Changing documents that are there: metadata and access of one, deletion of one or of many."""

from assay_core.crash_points import reach
from assay_core.document_filter import DocumentFilter
from assay_core.documents import DocumentId, VersionState
from assay_core.errors import Invalid
from assay_core.metadata import fitting_metadata, valid_metadata
from assay_core.principals import Principal
from assay_store import (
    collections,
    document_access,
    document_changes,
    document_fields,
    document_selection,
    documents,
    legal_holds,
    visibility,
)
from assay_store.document_access import AccessRules
from assay_store.encryption import Vault
from assay_store.idempotency import Outcome
from assay_wire import public
from fastapi import APIRouter, Depends, Response
from sqlalchemy import Connection

from assay_gateway.auth import Authenticator, require_role
from assay_gateway.documents import detail
from assay_gateway.idempotency import KeyHeader, once, sent
from assay_gateway.ids import document_id
from assay_gateway.openapi import JSON, operation_id
from assay_gateway.transactions import Transactions


def build_routes(*, who: Authenticator, transactions: Transactions, vault: Vault) -> APIRouter:
    """Routes that change documents."""
    router = APIRouter(tags=["documents"], generate_unique_id_function=operation_id)

    @router.patch("/v1/documents/{id}", summary="Change a document's metadata or who may read it")
    async def change_document(
        id: str, body: public.DocumentChange, principal: Principal = Depends(who), idempotency_key: KeyHeader = None
    ) -> public.DocumentDetail:
        require_role(principal, "contributor", "curator")
        if body.access is not None:
            require_role(principal, "curator")
        document = document_id(principal, id)
        request = sent(principal, "change_document", idempotency_key, id, body.model_dump(mode="json"))

        def change(connection: Connection) -> public.DocumentDetail:
            once(connection, request, lambda: _change(connection, vault, principal, document, body))
            changed = detail(connection, vault, principal, document)
            reach("access.before_commit")
            return changed

        done = await transactions(change)
        reach("access.after_commit")
        return done

    @router.delete("/v1/documents/{id}", status_code=202, response_model=public.Deletion, summary="Delete a document")
    async def delete_document(
        id: str, principal: Principal = Depends(who), idempotency_key: KeyHeader = None
    ) -> Response:
        require_role(principal, "contributor", "curator")
        document = document_id(principal, id)
        request = sent(principal, "delete_document", idempotency_key, id)

        def delete(connection: Connection) -> Outcome:
            visibility.require_readable(connection, principal, document)
            job = documents.delete(connection, document, by=principal.id)
            reach("tombstone.before_commit")
            return Outcome(202, public.Deletion(document_id=id, job=job).model_dump())

        outcome = await transactions(lambda c: once(c, request, lambda: delete(c)))
        reach("tombstone.after_commit")
        deleted = public.Deletion.model_validate(outcome.body)
        return Response(deleted.model_dump_json(), status_code=outcome.status, media_type=JSON)

    @router.post(
        "/v1/collections/{name}/documents/delete",
        status_code=202,
        response_model=public.BulkDeleted,
        responses={200: {"model": public.BulkDeleted, "description": "A dry run: these would be deleted."}},
        summary="Delete the documents that fit a filter",
    )
    async def delete_documents(
        name: str, body: public.BulkDeletion, principal: Principal = Depends(who), idempotency_key: KeyHeader = None
    ) -> Response:
        require_role(principal, "contributor", "curator")
        wanted = _filter(body.filter)
        request = sent(principal, "delete_documents", idempotency_key, name, body.model_dump(mode="json"))
        outcome = await transactions(
            lambda c: once(c, request, lambda: _delete_many(c, vault, principal, name, wanted, dry_run=body.dry_run))
        )
        deleted = public.BulkDeleted.model_validate(outcome.body)
        return Response(deleted.model_dump_json(), status_code=outcome.status, media_type=JSON)

    return router


def _change(
    connection: Connection, vault: Vault, who: Principal, document: DocumentId, body: public.DocumentChange
) -> Outcome:
    if body.metadata is not None:
        found = documents.get(connection, vault, who, document)
        fields = collections.by_id(connection, who, found.collection).settings.fields
        given = {name: value for name, value in body.metadata.items() if value is not None}
        changes = {**body.metadata, **valid_metadata(fields, given)}
        after = document_changes.change_metadata(connection, vault, who, document, changes)
        document_fields.replace(connection, vault, document, fields, fitting_metadata(fields, after))
    if body.access is not None:
        rules = AccessRules(tuple(body.access.allow), tuple(body.access.deny))
        document_access.change_access(connection, who, document, rules)
    return Outcome(200, {})


def _filter(given: public.DocumentFilter) -> DocumentFilter:
    wanted = DocumentFilter(
        names=tuple(given.names),
        ids=tuple(given.ids),
        states=tuple(VersionState(state) for state in given.states),
        metadata=given.metadata,
        uploaded_before=given.uploaded_before,
        uploaded_after=given.uploaded_after,
    )
    if wanted.is_empty:
        raise Invalid(
            'The filter is empty. Say which documents; {"names": ["*"]} means all of the collection.',
            code="empty_filter",
        )
    return wanted


def _delete_many(
    connection: Connection, vault: Vault, who: Principal, name: str, wanted: DocumentFilter, *, dry_run: bool
) -> Outcome:
    found = collections.get(connection, who, name)
    selected = document_selection.select(connection, vault, who, found.id, wanted, limit=public.MAX_SELECTED)
    chosen = [document for document, _ in selected.first]
    held = set(legal_holds.among(connection, chosen))
    jobs = {} if dry_run or not chosen else documents.delete_these(connection, found.id, chosen, by=who.id)
    body = public.BulkDeleted(
        dry_run=dry_run,
        count=selected.count,
        more=selected.count > len(selected.first),
        documents=[
            # The answer is kept under the idempotency key, so it must not hold the names of what was deleted.
            public.SelectedDocument(
                document_id=document.id,
                name=called if dry_run else None,
                job=jobs.get(document.id),
                held=document in held,
            )
            for document, called in selected.first
        ],
    )
    return Outcome(200 if dry_run else 202, body.model_dump(mode="json"))
