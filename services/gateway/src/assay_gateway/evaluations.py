"""Evaluation runs, kept by the evaluation service. Collections have names here and ids there."""

from typing import Annotated

from assay_core.documents import CollectionId
from assay_core.errors import NotFound
from assay_core.evaluation import EvaluationRun
from assay_core.principals import Principal
from assay_store import collections
from assay_wire import internal, public, to_public
from assay_wire.peers import EvaluationClient
from fastapi import APIRouter, Depends, Query, Request

from assay_gateway.auth import Authenticator, require_role
from assay_gateway.disconnect import unless_gone
from assay_gateway.ids import run_id
from assay_gateway.openapi import operation_id
from assay_gateway.transactions import Transactions


def build_routes(*, who: Authenticator, transactions: Transactions, evaluation: EvaluationClient) -> APIRouter:
    """Routes of evaluations."""
    router = APIRouter(tags=["evaluations"], generate_unique_id_function=operation_id)

    async def names(principal: Principal) -> dict[str, str]:
        found = await transactions(lambda c: collections.listing(c, principal))
        return {f.id.id: f.name for f in found}

    async def collection_id(principal: Principal, name: str) -> CollectionId:
        return (await transactions(lambda c: collections.get(c, principal, name))).id

    @router.get("/v1/evaluations/runs", summary="List evaluation runs, newest first")
    async def list_runs(
        request: Request,
        principal: Principal = Depends(who),
        collection: Annotated[str | None, Query(max_length=200)] = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
    ) -> public.RunList:
        wanted = None if collection is None else (await collection_id(principal, collection)).id
        readable = await names(principal)
        found = await unless_gone(request, evaluation.runs(principal, collection_id=wanted, limit=limit))
        return public.RunList(
            runs=[to_public.run(r, readable[r.collection]) for r in found.runs if r.collection in readable]
        )

    @router.get("/v1/evaluations/runs/{id}", summary="Look at a run and its scores")
    async def get_run(id: str, request: Request, principal: Principal = Depends(who)) -> public.RunDetail:
        found = await unless_gone(request, evaluation.run(principal, run_id(id)))
        return _detail(found, await names(principal))

    @router.post("/v1/evaluations/runs", status_code=202, summary="Start an evaluation run")
    async def start_run(body: public.StartRun, principal: Principal = Depends(who)) -> public.Run:
        require_role(principal, "evaluator")
        collection = await collection_id(principal, body.collection)
        run = await evaluation.start(
            principal,
            internal.RunRequest(
                collection.id,
                body.dataset,
                body.judge,
                body.limit,
                body.answering.model_dump(exclude_none=True),
                body.dataset_version,
            ),
        )
        return to_public.run(run, body.collection)

    return router


def _detail(found: internal.RunDetail, readable: dict[str, str]) -> public.RunDetail:
    run: EvaluationRun = found.run
    if run.collection not in readable:
        raise NotFound(f"There is no evaluation run {run.id!r}.", code="run_not_found")
    return public.RunDetail.model_validate(
        {
            **to_public.run_fields(run, readable[run.collection]),
            "scores": [
                {"question": s.question, "metric": s.metric, "value": s.value, "failure": s.failure}
                for s in found.scores
            ],
            "slices": found.slices,
            "answers": found.answers,
        }
    )
