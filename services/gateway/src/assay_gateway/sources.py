"""Sources: make, list, change, run and delete what collections are kept in step with."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Annotated, Any, Literal

from assay_core.errors import Invalid
from assay_core.principals import Principal
from assay_core.sources import Access
from assay_store import collections, document_access, documents, source_items, source_runs, sources
from assay_store.encryption import Vault
from assay_store.source_runs import Run
from assay_store.sources import NewSource, Source
from assay_wire import sources as wire
from fastapi import APIRouter, Depends, Query
from sqlalchemy import Connection

from assay_gateway.auth import Authenticator, require_role
from assay_gateway.openapi import operation_id
from assay_gateway.transactions import Transactions

_SECRETS = {"s3": {"secret_key"}, "webdav": {"password"}, "imap": {"password"}, "folder": set[str](), "web": set[str]()}


def build_routes(*, who: Authenticator, transactions: Transactions, vault: Vault) -> APIRouter:
    """Routes of sources. `{id}` may be a source's name too."""
    router = APIRouter(tags=["sources"], generate_unique_id_function=operation_id)

    def shown(connection: Connection, principal: Principal, source: Source) -> wire.SourceReply:
        return _replies(connection, vault, principal, [source])[0]

    @router.post("/v1/sources", status_code=201, summary="Add a source that a collection is kept in step with")
    async def create_source(body: wire.CreateSource, principal: Principal = Depends(who)) -> wire.SourceReply:
        require_role(principal, "curator")
        kind, settings = _place(body.place)
        _check_secrets(kind, body.secrets)

        def create(connection: Connection) -> wire.SourceReply:
            found = collections.get(connection, principal, body.collection)
            rules = _access(connection, principal, body.access)
            new = NewSource(found.id, body.name, kind, settings, body.secrets, rules, body.every_s)
            return shown(connection, principal, sources.create(connection, vault, principal, new))

        return await transactions(create)

    @router.get("/v1/sources", summary="List sources with their last runs")
    async def list_sources(principal: Principal = Depends(who)) -> wire.SourceList:
        require_role(principal, "curator")

        def read(connection: Connection) -> list[wire.SourceReply]:
            return _replies(connection, vault, principal, sources.listing(connection, vault, principal))

        return wire.SourceList(sources=await transactions(read))

    @router.get("/v1/sources/{id}", summary="Look at a source")
    async def get_source(id: str, principal: Principal = Depends(who)) -> wire.SourceReply:
        require_role(principal, "curator")
        return await transactions(lambda c: shown(c, principal, sources.get(c, vault, principal, id)))

    @router.patch("/v1/sources/{id}", summary="Change a source, pause it or let it go on")
    async def change_source(id: str, body: wire.ChangeSource, principal: Principal = Depends(who)) -> wire.SourceReply:
        require_role(principal, "curator")

        def change(connection: Connection) -> wire.SourceReply:
            before = sources.get(connection, vault, principal, id)
            after = _changed(connection, principal, before, body)
            return shown(connection, principal, sources.save(connection, vault, after))

        return await transactions(change)

    @router.delete("/v1/sources/{id}", status_code=202, summary="Delete a source, and its documents if they are to go")
    async def delete_source(
        id: str,
        principal: Principal = Depends(who),
        documents_of_it: Annotated[
            Literal["keep", "delete"], Query(alias="documents", description="What becomes of its documents.")
        ] = "keep",
    ) -> wire.SourceDeletion:
        require_role(principal, "curator")

        def delete(connection: Connection) -> wire.SourceDeletion:
            source = sources.get(connection, vault, principal, id)
            # First, so that a run in progress can take in nothing more.
            gone = source_items.documents_of(connection, source.id) if documents_of_it == "delete" else []
            sources.delete(connection, source.id)
            documents.delete_these(connection, source.collection, gone)
            return wire.SourceDeletion(source=source.name, documents=len(gone))

        return await transactions(delete)

    @router.post("/v1/sources/{id}/runs", status_code=202, summary="Run a source now")
    async def start_source_run(
        id: str, body: wire.StartSourceRun, principal: Principal = Depends(who)
    ) -> wire.SourceRun:
        require_role(principal, "curator")

        def start(connection: Connection) -> Run:
            source = sources.get(connection, vault, principal, id)
            source_runs.ask(connection, source.id, by=principal.id, confirm_removals=body.confirm_removals)
            return source_runs.runs_of(connection, vault, source.id, limit=1)[0]

        return _run(await transactions(start))

    @router.get("/v1/sources/{id}/runs", summary="List a source's runs, newest first")
    async def list_source_runs(
        id: str, principal: Principal = Depends(who), limit: Annotated[int, Query(ge=1, le=50)] = 20
    ) -> wire.SourceRunList:
        require_role(principal, "curator")

        def read(connection: Connection) -> list[Run]:
            source = sources.get(connection, vault, principal, id)
            return source_runs.runs_of(connection, vault, source.id, limit=limit)

        return wire.SourceRunList(runs=[_run(run) for run in await transactions(read)])

    return router


def _place(place: wire.Place) -> tuple[str, dict[str, Any]]:
    """The kind of connector, and its settings."""
    if isinstance(place, wire.PluginSource):
        if place.connector in _SECRETS:
            raise Invalid(f"{place.connector!r} is one of our own; send it as the kind.", code="validation")
        return place.connector, dict(place.settings)
    return place.kind, place.model_dump(exclude={"kind"})


def _check_secrets(kind: str, secrets: Mapping[str, str]) -> None:
    known = _SECRETS.get(kind)
    if known is not None and (unknown := set(secrets) - known):
        needed = ", ".join(sorted(known)) or "none"
        raise Invalid(
            f"A source of kind {kind!r} takes no secret {min(unknown)!r}; it takes {needed}.", code="validation"
        )


def _access(connection: Connection, principal: Principal, given: wire.SourceAccess | None) -> Access | None:
    if given is None:
        return None
    document_access.require_known(connection, principal.tenant, {*given.allow, *given.deny})
    return Access(tuple(given.allow), tuple(given.deny))


def _changed(connection: Connection, principal: Principal, before: Source, body: wire.ChangeSource) -> Source:
    after = before
    if body.place is not None:
        kind, settings = _place(body.place)
        if kind != before.kind:
            raise Invalid(
                f"{before.name!r} is of kind {before.kind!r}; add another source for {kind!r}.", code="validation"
            )
        after = replace(after, settings=settings)
    if body.secrets is not None:
        _check_secrets(before.kind, body.secrets)
        after = replace(after, secrets={**before.secrets, **body.secrets})
    if "access" in body.model_fields_set:
        after = replace(after, access=_access(connection, principal, body.access))
    return replace(
        after,
        every_s=before.every_s if body.every_s is None else body.every_s,
        paused=before.paused if body.paused is None else body.paused,
    )


def _replies(
    connection: Connection, vault: Vault, principal: Principal, found: Sequence[Source]
) -> list[wire.SourceReply]:
    names = {c.id: c.name for c in collections.listing(connection, principal)}
    ids = [source.id for source in found]
    last = source_runs.last_runs(connection, vault, principal.tenant, ids)
    counts = source_items.count_documents(connection, ids)
    return [
        wire.SourceReply(
            id=source.id.id,
            name=source.name,
            collection=names[source.collection],
            kind=source.kind,
            settings=dict(source.settings),
            secrets=sorted(source.secrets),
            access=source.access and {"allow": list(source.access.allow), "deny": list(source.access.deny)},
            every_s=source.every_s,
            paused=source.paused,
            documents=counts.get(source.id.id, 0),
            next_run_at=source.next_run_at,
            created_at=source.created_at,
            last_run=_run(last[source.id.id]) if source.id.id in last else None,
        )
        for source in found
    ]


def _run(run: Run) -> wire.SourceRun:
    return wire.SourceRun(
        id=run.id,
        state=run.state,
        requested_by=run.requested_by,
        errors=[wire.SourceError(**asdict(error)) for error in run.errors],
        cursor=run.cursor,
        error_code=run.error_code,
        error=run.error,
        created_at=run.created_at,
        started_at=run.started_at,
        finished_at=run.finished_at,
        **asdict(run.counts),
    )
