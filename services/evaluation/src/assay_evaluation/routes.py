"""The internal HTTP routes of evaluation."""

from collections.abc import Awaitable, Callable
from datetime import date
from typing import TypeVar

from assay_core.documents import CollectionId
from assay_core.errors import Invalid
from assay_core.principals import Principal
from assay_runtime.http_shell import Caller
from assay_runtime.threads import Workers
from assay_store import ab_tests, baselines
from assay_store.database import Database
from assay_wire import internal
from fastapi import APIRouter, Depends, Request, Response
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Connection

from assay_evaluation import ab_testing, experiments, promotions, requests

Body = TypeVar("Body")
Result = TypeVar("Result")
JSON = "application/json"


def build_routes(
    *, database: Database, caller: Callable[[Request], Awaitable[Caller]], nightly_judge: str = "local"
) -> APIRouter:
    """Routes over the store; `caller` checks the principal token."""
    router = APIRouter()
    workers = Workers(4)

    async def transact(work: Callable[[Connection], Result]) -> Result:
        def run() -> Result:
            with database.transaction() as connection:
                return work(connection)

        return await workers.run(run)

    @router.post(internal.RUNS, status_code=202)
    async def start_run(request: Request, who: Caller = Depends(caller)) -> Response:
        asked = await read_body(internal.run_request, request)
        started = await transact(
            lambda c: requests.start_run(
                c,
                who.principal,
                _collection(who.principal, asked.collection_id),
                dataset=asked.dataset,
                judge=asked.judge,
                limit=asked.limit,
                answering=asked.answering,
                version=asked.dataset_version,
            )
        )
        return Response(internal.evaluation_run.dump_json(started), status_code=202, media_type=JSON)

    @router.get(internal.RUNS)
    async def list_runs(who: Caller = Depends(caller), collection: str | None = None, limit: int = 50) -> Response:
        wanted = None if collection is None else _collection(who.principal, collection)
        found = await transact(lambda c: requests.list_runs(c, who.principal, collection=wanted, limit=limit))
        return Response(internal.run_list.dump_json(internal.RunList(tuple(found))), media_type=JSON)

    @router.get(f"{internal.RUNS}/{{run}}")
    async def show_run(run: str, who: Caller = Depends(caller)) -> Response:
        found, scores, cases = await transact(lambda c: requests.show_run(c, who.principal, run))
        slices = {case.question: case.slices for case in cases}
        answers = {case.question: case.answer for case in cases if case.answer is not None}
        detail = internal.RunDetail(found, tuple(scores), slices, answers)
        return Response(internal.run_detail.dump_json(detail), media_type=JSON)

    @router.get(internal.NIGHTS)
    async def list_nights(who: Caller = Depends(caller), collection: str | None = None, limit: int = 50) -> Response:
        wanted = None if collection is None else _collection(who.principal, collection)
        found = await transact(lambda c: requests.list_nights(c, who.principal, collection=wanted, limit=limit))
        return Response(internal.night_list.dump_json(internal.NightList(tuple(found))), media_type=JSON)

    @router.get(f"{internal.NIGHTS}/{{collection}}/{{night}}")
    async def show_night(collection: str, night: date, who: Caller = Depends(caller)) -> Response:
        wanted = _collection(who.principal, collection)
        found = await transact(lambda c: requests.show_night(c, who.principal, wanted, night))
        return Response(internal.night.dump_json(found), media_type=JSON)

    @router.post(f"{internal.NIGHTS}/{{collection}}", status_code=202)
    async def begin_night(collection: str, who: Caller = Depends(caller)) -> Response:
        wanted = _collection(who.principal, collection)
        begun = await transact(lambda c: requests.begin_night(c, who.principal, wanted, judge=nightly_judge))
        return Response(internal.run_list.dump_json(internal.RunList(tuple(begun))), status_code=202, media_type=JSON)

    @router.get(internal.COMPARE)
    async def compare(baseline: str, run: str, who: Caller = Depends(caller)) -> Response:
        found = await transact(lambda c: experiments.compare_runs(c, who.principal, baseline=baseline, run=run))
        return Response(internal.experiment.dump_json(found), media_type=JSON)

    @router.get(internal.GATE)
    async def gate(baseline: str, run: str, who: Caller = Depends(caller)) -> Response:
        found = await transact(lambda c: experiments.gate(c, who.principal, baseline=baseline, run=run))
        return Response(internal.gate_decision.dump_json(found), media_type=JSON)

    @router.get(internal.BASELINES)
    async def list_baselines(who: Caller = Depends(caller)) -> Response:
        found = await transact(lambda c: baselines.listing(c, who.principal))
        return Response(internal.baselines.dump_json(found), media_type=JSON)

    @router.put(f"{internal.BASELINES}/{{name}}")
    async def name_baseline(name: str, run: str, who: Caller = Depends(caller)) -> Response:
        found = await transact(lambda c: experiments.name_baseline(c, who.principal, name=name, run=run))
        return Response(internal.baseline.dump_json(found), media_type=JSON)

    @router.post(internal.PROMOTIONS, status_code=201)
    async def promote(request: Request, who: Caller = Depends(caller)) -> Response:
        asked = await read_body(internal.promotion_request, request)
        made = await transact(
            lambda c: promotions.promote(c, who.principal, run=asked.run, override_reason=asked.override_reason)
        )
        return Response(internal.promotion.dump_json(made), status_code=201, media_type=JSON)

    @router.post(internal.AB_TESTS, status_code=201)
    async def start_ab_test(request: Request, who: Caller = Depends(caller)) -> Response:
        plan = await read_body(internal.ab_plan, request)
        started = await transact(lambda c: ab_testing.start(c, who.principal, plan))
        return Response(internal.ab_test.dump_json(started), status_code=201, media_type=JSON)

    @router.get(internal.AB_TESTS)
    async def list_ab_tests(who: Caller = Depends(caller), collection: str | None = None, limit: int = 50) -> Response:
        wanted = None if collection is None else _collection(who.principal, collection)
        found = await transact(lambda c: ab_testing.list_tests(c, who.principal, collection=wanted, limit=limit))
        return Response(internal.ab_test_list.dump_json(internal.ABTestList(tuple(found))), media_type=JSON)

    @router.get(f"{internal.AB_TESTS}/{{test}}")
    async def show_ab_test(test: str, who: Caller = Depends(caller)) -> Response:
        found = await transact(lambda c: ab_tests.get(c, who.principal, test))
        return Response(internal.ab_test.dump_json(found), media_type=JSON)

    @router.post(f"{internal.AB_TESTS}/{{test}}/stop")
    async def stop_ab_test(test: str, request: Request, who: Caller = Depends(caller)) -> Response:
        asked = await read_body(internal.stop_ab_test, request)
        stopped = await transact(lambda c: ab_testing.stop(c, who.principal, test, reason=asked.reason))
        return Response(internal.ab_test.dump_json(stopped), media_type=JSON)

    return router


async def read_body(adapter: TypeAdapter[Body], request: Request) -> Body:
    """The request's body as a domain object. Raises `Invalid` if a peer speaks another language."""
    try:
        return adapter.validate_json(await request.body())
    except ValidationError as error:
        raise Invalid(f"The body does not fit this call: {error.error_count()} errors.", code="validation") from error


def _collection(principal: Principal, identity: str) -> CollectionId:
    return CollectionId(principal.tenant, identity)
