"""Jobs: what waits, what was given up; cancelling and replaying."""

from datetime import datetime
from typing import Annotated

from assay_core.errors import Invalid
from assay_core.jobs import JobState, ListedJob
from assay_core.principals import Principal
from assay_store import collections, documents, job_list, visibility
from assay_store.documents import Upload
from assay_store.encryption import Vault
from assay_store.job_list import JobFilter
from assay_wire import public, to_public
from fastapi import APIRouter, Depends, Query
from sqlalchemy import Connection

from assay_gateway.auth import Authenticator, require_role
from assay_gateway.cursors import Cursors
from assay_gateway.documents import Cursor, Limit
from assay_gateway.ids import document_id, job_id
from assay_gateway.openapi import operation_id
from assay_gateway.transactions import Transactions

REPLAY_AT_ONCE = 500

Text = Annotated[str | None, Query(max_length=200)]


def build_routes(*, who: Authenticator, transactions: Transactions, vault: Vault, cursors: Cursors) -> APIRouter:
    """Routes of jobs."""
    router = APIRouter(tags=["jobs"], generate_unique_id_function=operation_id)

    @router.get("/v1/jobs", summary="List jobs; those that were given up if nothing else is asked for")
    async def list_jobs(
        principal: Principal = Depends(who),
        state: JobState = JobState.DEAD,
        collection: Text = None,
        reason: Text = None,
        batch: Text = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> public.JobPage:
        listing = f"jobs\n{state}\n{collection}\n{reason}\n{batch}"
        after = _place(cursors.read_text(principal, listing, cursor))

        def read(connection: Connection) -> list[ListedJob]:
            wanted = _filter(connection, principal, state, collection, reason, batch)
            return job_list.listing(connection, vault, principal, wanted, limit=limit + 1, after=after)

        found = await transactions(read)
        last = found[limit - 1] if len(found) > limit else None
        return public.JobPage(
            jobs=[to_public.job(one) for one in found[:limit]],
            next_cursor=last and cursors.make(principal, listing, f"{last.created_at.isoformat()} {last.id}"),
        )

    @router.post("/v1/jobs/replay", status_code=202, summary="Replay jobs that were given up or cancelled")
    async def replay_jobs(body: public.ReplayJobs, principal: Principal = Depends(who)) -> public.Replay:
        require_role(principal, "contributor", "curator")

        def replay(connection: Connection) -> tuple[int, bool]:
            state = JobState(body.state)
            wanted = _filter(connection, principal, state, body.collection, body.reason, body.batch)
            begun = job_list.replay_all(connection, vault, principal, wanted, limit=REPLAY_AT_ONCE)
            return len(begun), bool(job_list.listing(connection, vault, principal, wanted, limit=1))

        replayed, more = await transactions(replay)
        return public.Replay(replayed=replayed, more=more)

    @router.post("/v1/jobs/{id}/replay", status_code=202, summary="Replay one job that was given up or cancelled")
    async def replay_job(id: str, principal: Principal = Depends(who)) -> public.Retry:
        require_role(principal, "contributor", "curator")

        def replay(connection: Connection) -> Upload:
            return documents.retry(connection, vault, job_list.document_of(connection, principal, job_id(id)))

        begun = await transactions(replay)
        return public.Retry(document_id=begun.document.id, version=begun.version, job=begun.job)

    @router.delete("/v1/jobs/{id}", status_code=202, summary="Cancel a job that waits or is worked on")
    async def cancel_job(id: str, principal: Principal = Depends(who)) -> public.Cancellation:
        require_role(principal, "contributor", "curator")

        def cancel(connection: Connection) -> public.Cancellation:
            document = job_list.document_of(connection, principal, job_id(id))
            return public.Cancellation(document_id=document.id, version=documents.cancel(connection, vault, document))

        return await transactions(cancel)

    @router.post("/v1/documents/{id}/cancel", status_code=202, summary="Cancel the work on a document's newest version")
    async def cancel_document(id: str, principal: Principal = Depends(who)) -> public.Cancellation:
        require_role(principal, "contributor", "curator")
        document = document_id(principal, id)

        def cancel(connection: Connection) -> int:
            visibility.require_readable(connection, principal, document)
            return documents.cancel(connection, vault, document)

        return public.Cancellation(document_id=id, version=await transactions(cancel))

    return router


def _filter(
    connection: Connection,
    who: Principal,
    state: JobState,
    collection: str | None,
    reason: str | None,
    batch: str | None,
) -> JobFilter:
    found = None if collection is None else collections.get(connection, who, collection).id
    return JobFilter(state=state, collection=found, reason=reason, batch=batch)


def _place(last: str | None) -> tuple[datetime, str] | None:
    if last is None:
        return None
    made, _, job = last.partition(" ")
    try:
        return datetime.fromisoformat(made), job
    except ValueError as error:  # signed by us for this listing, so only another version of ours can have made it
        raise Invalid("The cursor is of another version; start the listing anew.", code="bad_cursor") from error
