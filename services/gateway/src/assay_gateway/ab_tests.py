"""A/B tests of how collections answer. The evaluation service keeps and scores them; collections have names here."""

from dataclasses import asdict, replace
from typing import Annotated

from assay_core.ab_tests import ABPlan, ABTest
from assay_core.errors import NotFound
from assay_core.principals import Principal
from assay_store import collections
from assay_wire import ab_tests as public
from assay_wire.peers import EvaluationClient
from fastapi import APIRouter, Depends, Query, Request

from assay_gateway.auth import Authenticator, require_role
from assay_gateway.disconnect import unless_gone
from assay_gateway.ids import ab_test_id, run_id
from assay_gateway.openapi import operation_id
from assay_gateway.transactions import Transactions


def build_routes(*, who: Authenticator, transactions: Transactions, evaluation: EvaluationClient) -> APIRouter:
    """Routes of A/B tests."""
    router = APIRouter(tags=["evaluations"], generate_unique_id_function=operation_id)

    async def names(principal: Principal) -> dict[str, str]:
        found = await transactions(lambda c: collections.listing(c, principal))
        return {f.id.id: f.name for f in found}

    @router.post("/v1/ab-tests", status_code=201, summary="Try a run's way to answer on a share of the live questions")
    async def start_ab_test(body: public.StartABTest, principal: Principal = Depends(who)) -> public.ABTest:
        require_role(principal, "curator")
        plan = replace(ABPlan(**body.model_dump()), run=run_id(body.run))
        started = await evaluation.start_ab_test(principal, plan)
        return _shown(started, await names(principal))

    @router.get("/v1/ab-tests", summary="List A/B tests, newest first")
    async def list_ab_tests(
        request: Request,
        principal: Principal = Depends(who),
        collection: Annotated[str | None, Query(max_length=200)] = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
    ) -> public.ABTestList:
        wanted = None
        if collection is not None:
            wanted = (await transactions(lambda c: collections.get(c, principal, collection))).id.id
        readable = await names(principal)
        found = await unless_gone(request, evaluation.ab_tests(principal, collection_id=wanted, limit=limit))
        return public.ABTestList(tests=[_shown(test, readable) for test in found.tests if test.collection in readable])

    @router.get("/v1/ab-tests/{id}", summary="See how an A/B test stands")
    async def get_ab_test(id: str, request: Request, principal: Principal = Depends(who)) -> public.ABTest:
        found = await unless_gone(request, evaluation.ab_test(principal, ab_test_id(id)))
        return _shown(found, await names(principal))

    @router.post("/v1/ab-tests/{id}/stop", summary="End an A/B test: all questions are answered as before")
    async def stop_ab_test(id: str, body: public.StopABTest, principal: Principal = Depends(who)) -> public.ABTest:
        require_role(principal, "curator")
        stopped = await evaluation.stop_ab_test(principal, ab_test_id(id), reason=body.reason)
        return _shown(stopped, await names(principal))

    return router


def _shown(test: ABTest, readable: dict[str, str]) -> public.ABTest:
    if test.collection not in readable:
        raise NotFound(f"There is no A/B test {test.id!r}.", code="ab_test_not_found")
    fields = asdict(test)
    report, plan = fields.pop("report"), fields.pop("plan")
    figures = {"control_figures": report["control"], "trial_figures": report["trial"]}
    told = {"differences": report["differences"], "words": report["words"]}
    return public.ABTest.model_validate(fields | plan | figures | told | {"collection": readable[test.collection]})
