"""Compare runs, name baselines, and ask the gate. The evaluation service does the work; collections have names here."""

from dataclasses import asdict
from typing import Annotated

from assay_core.errors import NotFound
from assay_core.experiments import Baseline, Experiment, Promotion
from assay_core.principals import Principal
from assay_store import collections, promotions
from assay_wire import experiments as public
from assay_wire import internal
from assay_wire.peers import EvaluationClient
from fastapi import APIRouter, Depends, Path, Query, Request
from sqlalchemy import Connection

from assay_gateway.auth import Authenticator, require_role
from assay_gateway.disconnect import unless_gone
from assay_gateway.ids import run_id
from assay_gateway.openapi import operation_id
from assay_gateway.transactions import Transactions

BaselineName = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
RunQuery = Annotated[str, Query(max_length=100, description="An evaluation run.")]


def build_routes(*, who: Authenticator, transactions: Transactions, evaluation: EvaluationClient) -> APIRouter:
    """Routes of experiments."""
    router = APIRouter(tags=["evaluations"], generate_unique_id_function=operation_id)

    async def names(principal: Principal) -> dict[str, str]:
        found = await transactions(lambda c: collections.listing(c, principal))
        return {f.id.id: f.name for f in found}

    @router.get("/v1/evaluations/compare", summary="Compare a run with another one, question by question")
    async def compare_runs(
        request: Request, baseline: RunQuery, run: RunQuery, principal: Principal = Depends(who)
    ) -> public.Experiment:
        asked = evaluation.compare(principal, baseline=run_id(baseline), run=run_id(run))
        return _experiment(await unless_gone(request, asked), await names(principal))

    @router.get("/v1/evaluations/gate", summary="Say whether a run is no worse than a named baseline")
    async def check_gate(
        request: Request,
        baseline: Annotated[str, Query(max_length=100, description="Name of the baseline.")],
        run: RunQuery,
        principal: Principal = Depends(who),
    ) -> public.GateDecision:
        asked = evaluation.gate(principal, baseline=baseline, run=run_id(run))
        found = await unless_gone(request, asked)
        return public.GateDecision(
            passed=found.passed,
            reasons=list(found.reasons),
            experiment=_experiment(found.experiment, await names(principal)),
        )

    @router.get("/v1/evaluations/baselines", summary="List the runs that others are compared with, by name")
    async def list_baselines(principal: Principal = Depends(who)) -> public.BaselineList:
        readable = await names(principal)
        found = await evaluation.baselines(principal)
        return public.BaselineList(baselines=[_baseline(one, readable) for one in found if one.collection in readable])

    @router.put("/v1/evaluations/baselines/{name}", summary="Give a run a name to be compared with")
    async def name_baseline(
        name: BaselineName, body: public.NameBaseline, principal: Principal = Depends(who)
    ) -> public.Baseline:
        require_role(principal, "evaluator")
        named = await evaluation.name_baseline(principal, name=name, run=run_id(body.run))
        return _baseline(named, await names(principal))

    @router.post("/v1/promotions", status_code=201, summary="Let a collection answer as a run did")
    async def promote(body: public.Promote, principal: Principal = Depends(who)) -> public.Promotion:
        require_role(principal, "curator")
        asked = internal.PromotionRequest(run_id(body.run), body.override_reason)
        made = await evaluation.promote(principal, asked)
        return _promotion(made, await names(principal))

    @router.get("/v1/promotions", summary="List what was promoted, newest first")
    async def list_promotions(
        principal: Principal = Depends(who),
        collection: Annotated[str | None, Query(max_length=200)] = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
    ) -> public.PromotionList:
        def find(connection: Connection) -> list[Promotion]:
            wanted = collections.get(connection, principal, collection).id if collection else None
            return promotions.listing(connection, principal, collection=wanted, limit=limit)

        found, readable = await transactions(find), await names(principal)
        return public.PromotionList(promotions=[_promotion(p, readable) for p in found if p.collection in readable])

    return router


def _promotion(found: Promotion, readable: dict[str, str]) -> public.Promotion:
    return public.Promotion.model_validate(asdict(found) | {"collection": _name(found.collection, found.run, readable)})


def _experiment(found: Experiment, readable: dict[str, str]) -> public.Experiment:
    return public.Experiment.model_validate(
        asdict(found) | {"collection": _name(found.collection, found.run, readable)}
    )


def _baseline(found: Baseline, readable: dict[str, str]) -> public.Baseline:
    return public.Baseline.model_validate(asdict(found) | {"collection": _name(found.collection, found.run, readable)})


def _name(collection: str, run: str, readable: dict[str, str]) -> str:
    if collection not in readable:
        raise NotFound(f"There is no evaluation run {run!r}.", code="run_not_found")
    return readable[collection]
