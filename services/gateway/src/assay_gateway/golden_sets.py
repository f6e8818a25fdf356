"""Golden sets: what a collection is measured with, in versions."""

from typing import Annotated

from assay_core.answers import Turn
from assay_core.errors import Conflict
from assay_core.evaluation import GoldenPassage, GoldenQuestion
from assay_core.golden_sets import GoldenSet
from assay_core.principals import Principal
from assay_store import answers, collections, golden_sets
from assay_store.encryption import Vault
from assay_store.golden_sets import Origin
from assay_wire import internal, public, to_public
from fastapi import APIRouter, Depends, Path, Query
from sqlalchemy import Connection

from assay_gateway.auth import Authenticator, require_role
from assay_gateway.openapi import operation_id
from assay_gateway.traffic_samples import sample
from assay_gateway.transactions import Transactions

ROLE = "evaluator"
NIGHTLY = "evaluation"
MOST_ANSWERS = 2_000
DatasetName = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
Version = Annotated[int | None, Query(ge=1, le=1_000_000, description="Default: the newest.")]


def build_routes(*, who: Authenticator, transactions: Transactions, vault: Vault) -> APIRouter:
    """Routes of golden sets; whoever uses them is an evaluator."""
    router = APIRouter(tags=["evaluations"], generate_unique_id_function=operation_id)

    @router.get("/v1/evaluations/datasets/{collection}", summary="List golden sets")
    async def list_datasets(collection: str, principal: Principal = Depends(who)) -> public.GoldenSetList:
        require_role(principal, ROLE)

        def listed(connection: Connection) -> list[GoldenSet]:
            return golden_sets.listing(connection, collections.get(connection, principal, collection).id)

        return _list(collection, await transactions(listed))

    @router.get("/v1/evaluations/datasets/{collection}/{dataset}", summary="Export a golden set")
    async def get_dataset(
        collection: str, dataset: DatasetName, principal: Principal = Depends(who), version: Version = None
    ) -> public.GoldenSetContent:
        require_role(principal, ROLE)

        def exported(connection: Connection) -> tuple[GoldenSet, list[GoldenQuestion]]:
            place = collections.get(connection, principal, collection).id
            found = golden_sets.find(connection, place, dataset, version)
            return found, golden_sets.questions_of(connection, vault, principal, place, found)

        found, questions = await transactions(exported)
        return to_public.golden_content(found, questions, collection)

    @router.get("/v1/evaluations/datasets/{collection}/{dataset}/versions", summary="List versions of a golden set")
    async def list_dataset_versions(
        collection: str, dataset: DatasetName, principal: Principal = Depends(who)
    ) -> public.GoldenSetList:
        require_role(principal, ROLE)

        def listed(connection: Connection) -> list[GoldenSet]:
            place = collections.get(connection, principal, collection).id
            golden_sets.find(connection, place, dataset)
            return golden_sets.versions(connection, place, dataset)

        return _list(collection, await transactions(listed))

    @router.put("/v1/evaluations/datasets/{collection}/{dataset}", summary="Store a version of a golden set")
    async def put_dataset(
        collection: str, dataset: DatasetName, body: public.GoldenSet, principal: Principal = Depends(who)
    ) -> public.GoldenSetReply:
        require_role(principal, ROLE)

        def stored(connection: Connection) -> GoldenSet:
            place = collections.get(connection, principal, collection).id
            origin = Origin(principal.id, licence=body.licence, source=body.source)
            return golden_sets.put(connection, vault, place, dataset, [_question(q) for q in body.questions], origin)

        return to_public.golden_set(await transactions(stored), collection)

    @router.post(
        "/v1/evaluations/datasets/{collection}/{dataset}/questions", status_code=201, summary="Add to a golden set"
    )
    async def add_questions(
        collection: str, dataset: DatasetName, body: public.GoldenSet, principal: Principal = Depends(who)
    ) -> public.GoldenSetReply:
        require_role(principal, ROLE)

        def added(connection: Connection) -> GoldenSet:
            place = collections.get(connection, principal, collection).id
            before = golden_sets.latest(connection, place, dataset)
            if before is not None and before.candidate:
                raise Conflict(
                    f"{dataset!r} is a candidate that nobody has approved; approve it first, or add to another set.",
                    code="dataset_not_approved",
                )
            origin = Origin(
                principal.id,
                licence=body.licence or (before.licence if before else ""),
                source=body.source or (before.source if before else ""),
            )
            return golden_sets.append(connection, vault, place, dataset, [_question(q) for q in body.questions], origin)

        return to_public.golden_set(await transactions(added), collection)

    @router.post("/v1/evaluations/datasets/{collection}/{dataset}/sample", summary="Draw a candidate from traffic")
    async def sample_traffic(
        collection: str, dataset: DatasetName, body: public.TrafficSample, principal: Principal = Depends(who)
    ) -> public.GoldenSetReply:
        require_role(principal, ROLE)

        def drawn(connection: Connection) -> GoldenSet:
            place = collections.get(connection, principal, collection).id
            recent = answers.recent(
                connection, vault, principal, place, since_s=body.hours * 3600, limit=MOST_ANSWERS, without=[NIGHTLY]
            )
            asked = ((found.principal, internal.answer.validate_json(found.record)) for found in recent)
            source = f"traffic of {body.hours:g} hours, seed {body.seed}"
            origin = Origin(principal.id, source=source, candidate=True)
            questions = sample(asked, body.questions, seed=body.seed)
            return golden_sets.put(connection, vault, place, dataset, questions, origin)

        return to_public.golden_set(await transactions(drawn), collection)

    @router.post("/v1/evaluations/datasets/{collection}/{dataset}/approve", summary="Approve a candidate as it is")
    async def approve_dataset(
        collection: str, dataset: DatasetName, principal: Principal = Depends(who)
    ) -> public.GoldenSetReply:
        require_role(principal, ROLE)

        def approved(connection: Connection) -> GoldenSet:
            place = collections.get(connection, principal, collection).id
            return golden_sets.approve(connection, vault, place, dataset, by=principal.id)

        return to_public.golden_set(await transactions(approved), collection)

    return router


def _list(collection: str, found: list[GoldenSet]) -> public.GoldenSetList:
    return public.GoldenSetList(datasets=[to_public.golden_set(one, collection) for one in found])


def _question(given: public.GoldenQuestion) -> GoldenQuestion:
    return GoldenQuestion(
        id=given.id,
        question=given.question,
        answer=given.answer,
        answerable=given.answerable,
        passages=tuple(GoldenPassage(p.document, p.quote, p.grade) for p in given.passages),
        type=given.type,
        alternatives=tuple(given.alternatives),
        about=tuple(given.about),
        history=tuple(Turn(turn.role, turn.content) for turn in given.history),
    )
