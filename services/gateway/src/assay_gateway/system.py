"""How the platform is, and who you are to it."""

import asyncio
from importlib.metadata import version

from assay_core.errors import AssayError
from assay_core.jobs import JobState
from assay_core.principals import Principal
from assay_store import backlog, repairs
from assay_wire import public
from assay_wire.peers import EvaluationClient, GenerationClient, Peer, RetrievalClient
from fastapi import APIRouter, Depends

from assay_gateway.auth import Authenticator
from assay_gateway.openapi import operation_id
from assay_gateway.transactions import Transactions


def build_routes(
    *,
    who: Authenticator,
    transactions: Transactions,
    retrieval: RetrievalClient,
    generation: GenerationClient,
    evaluation: EvaluationClient,
) -> APIRouter:
    """Routes about the platform."""
    router = APIRouter(tags=["system"], generate_unique_id_function=operation_id)

    @router.get("/v1/system", summary="Which parts are ready")
    async def get_system(principal: Principal = Depends(who)) -> public.System:
        retrieval_part, generation_part, evaluation_part, generator, (jobs, repaired) = await asyncio.gather(
            _part(retrieval.peer),
            _part(generation.peer),
            _part(evaluation.peer),
            _generator(generation, principal),
            transactions(lambda c: (backlog.open_jobs(c, principal.tenant), repairs.totals(c, principal.tenant))),
        )
        return public.System(
            version=version("assay-gateway"),
            parts=public.Parts(
                retrieval=retrieval_part,
                generation=generation_part,
                generator=generator,
                evaluation=evaluation_part,
                ingestion=public.Backlog(
                    waiting=jobs.get(JobState.WAITING, 0),
                    working=jobs.get(JobState.LEASED, 0),
                    dead=jobs.get(JobState.DEAD, 0),
                    repairs=repaired,
                ),
            ),
        )

    @router.get("/v1/me", summary="Who you are")
    async def get_me(principal: Principal = Depends(who)) -> public.Me:
        return public.Me(id=principal.id, name=principal.name, tenant=principal.tenant, roles=sorted(principal.roles))

    return router


async def _part(peer: Peer) -> public.Part:
    ready, detail = await peer.readiness()
    return public.Part(ready=ready, detail=detail)


async def _generator(generation: GenerationClient, who: Principal) -> public.Part:
    try:
        state = await generation.generator(who)
    except AssayError as error:
        return public.Part(ready=False, detail=error.message)
    return public.Part(ready=state.ready, detail=state.detail)
