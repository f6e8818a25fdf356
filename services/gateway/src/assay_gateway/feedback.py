"""What people say of answers: feedback, its review into labelled cases, and labels of sentences."""

from typing import Annotated

import structlog
from assay_core.answers import Answer
from assay_core.documents import Collection, CollectionId
from assay_core.errors import Invalid, NotFound
from assay_core.feedback import ClaimLabel, Feedback, FeedbackState, FeedbackText, Label, LabelledClaim, Thumb
from assay_core.golden_sets import GoldenSet
from assay_core.principals import Principal
from assay_store import claim_labels, collections, feedback, golden_sets
from assay_store.encryption import Vault
from assay_store.golden_sets import Origin
from assay_wire import feedback as wire
from assay_wire import internal, public, to_public
from fastapi import APIRouter, Depends, Query
from sqlalchemy import Connection

from assay_gateway.auth import Authenticator, require_role
from assay_gateway.golden_sets import ROLE
from assay_gateway.ids import answer_id, feedback_id
from assay_gateway.labelled_cases import labelled_case
from assay_gateway.openapi import operation_id
from assay_gateway.stored_answers import stored_answer
from assay_gateway.transactions import Transactions

log = structlog.get_logger()
CollectionName = Annotated[str | None, Query(max_length=200)]
Limit = Annotated[int, Query(ge=1, le=1_000)]


def build_routes(*, who: Authenticator, transactions: Transactions, vault: Vault) -> APIRouter:
    """Routes of feedback. Who asked says what they think of their own answers; evaluators review and label."""
    router = APIRouter(tags=["feedback"], generate_unique_id_function=operation_id)
    desk = Desk(vault)

    @router.post("/v1/answers/{id}/feedback", status_code=201, summary="Say what you think of an answer")
    async def give_feedback(id: str, body: wire.GiveFeedback, principal: Principal = Depends(who)) -> wire.Feedback:
        answer = answer_id(id)
        given = await transactions(lambda c: desk.give(c, principal, answer, body))
        log.info("feedback.given", answer_id=answer, thumb=given.thumb)
        return given

    @router.get("/v1/feedback", summary="List feedback, newest first: all of it as an evaluator, else your own")
    async def list_feedback(
        principal: Principal = Depends(who),
        collection: CollectionName = None,
        state: wire.State | None = None,
        limit: Limit = 50,
    ) -> wire.FeedbackList:
        return await transactions(lambda c: desk.listing(c, principal, collection, state, limit))

    @router.get("/v1/feedback/{id}", summary="Look at feedback and the answer that it is about")
    async def get_feedback(id: str, principal: Principal = Depends(who)) -> wire.FeedbackDetail:
        wanted = feedback_id(id)
        return await transactions(lambda c: desk.detail(c, principal, wanted))

    @router.post("/v1/feedback/{id}/review", summary="Accept feedback as a case of a golden set, or reject it")
    async def review_feedback(id: str, body: wire.Review, principal: Principal = Depends(who)) -> wire.Reviewed:
        require_role(principal, ROLE)
        wanted = feedback_id(id)
        reviewed = await transactions(lambda c: desk.review(c, principal, wanted, body))
        log.info("feedback.reviewed", feedback_id=wanted, decision=body.decision)
        return reviewed

    @router.put("/v1/answers/{id}/labels", summary="Label the sentences of an answer")
    async def put_labels(id: str, body: wire.ClaimLabels, principal: Principal = Depends(who)) -> wire.ClaimLabelsReply:
        answer = answer_id(id)
        return await transactions(lambda c: desk.label(c, principal, answer, body))

    @router.get("/v1/answers/{id}/labels", summary="Read the labels that you gave an answer")
    async def get_labels(id: str, principal: Principal = Depends(who)) -> wire.ClaimLabelsReply:
        answer = answer_id(id)
        return await transactions(lambda c: desk.labels(c, principal, answer))

    @router.get("/v1/evaluations/answers/{id}", summary="Read an answer that anybody was given, to judge it")
    async def get_scored_answer(id: str, principal: Principal = Depends(who)) -> public.Answer:
        require_role(principal, ROLE)
        answer = answer_id(id)
        return to_public.answer(await transactions(lambda c: stored_answer(c, vault, principal, answer)))

    @router.get("/v1/evaluations/labels", summary="List labelled sentences with what judges need to judge them")
    async def list_labelled(
        principal: Principal = Depends(who), collection: CollectionName = None, limit: Limit = 1_000
    ) -> wire.LabelledClaims:
        require_role(principal, ROLE)
        return await transactions(lambda c: desk.labelled(c, principal, collection, limit))

    return router


class Desk:
    """The work behind the routes, each in the transaction that it is given."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def give(self, connection: Connection, who: Principal, answer: str, said: wire.GiveFeedback) -> wire.Feedback:
        self._answer(connection, who, answer, evaluators=False)
        words = FeedbackText(said.corrected_answer, said.missing_source, said.missing_quote, said.comment)
        thumb = None if said.thumb is None else Thumb(said.thumb)
        return self._shown(connection, who, feedback.give(connection, self._vault, who, answer, thumb, words))

    def listing(
        self, connection: Connection, who: Principal, collection: str | None, state: str | None, limit: int
    ) -> wire.FeedbackList:
        place = None if collection is None else collections.get(connection, who, collection).id
        found = feedback.listing(
            connection,
            self._vault,
            who,
            collection=place,
            state=None if state is None else FeedbackState(state),
            by=None if who.has(ROLE) else who.id,
            limit=limit,
        )
        names = {one.id.id: one.name for one in collections.listing(connection, who)}
        return wire.FeedbackList(feedback=[_feedback(one, names[one.collection]) for one in found])

    def detail(self, connection: Connection, who: Principal, identity: str) -> wire.FeedbackDetail:
        found = self._own_or_any(connection, who, identity)
        about = to_public.answer(self._answer(connection, who, found.answer))
        shown = self._shown(connection, who, found).model_dump()
        return wire.FeedbackDetail.model_validate({**shown, "about": about.model_dump()})

    def review(self, connection: Connection, who: Principal, identity: str, review: wire.Review) -> wire.Reviewed:
        found = feedback.get(connection, self._vault, who, identity)
        accepted = review.decision == "accept"
        made = self._accept(connection, who, found, review) if accepted else None
        state = FeedbackState.ACCEPTED if accepted else FeedbackState.REJECTED
        feedback.close(connection, who, identity, state, made)
        shown = self._shown(connection, who, feedback.get(connection, self._vault, who, identity))
        return wire.Reviewed(feedback=shown, stored=made and to_public.golden_set(made, shown.collection))

    def label(
        self, connection: Connection, who: Principal, answer: str, given: wire.ClaimLabels
    ) -> wire.ClaimLabelsReply:
        found = self._answer(connection, who, answer)
        claims = [one.claim for one in given.labels]
        if beyond := [claim for claim in claims if claim >= len(found.claims)]:
            raise Invalid(
                f"There is no claim {beyond[0]}; this answer has {len(found.claims)}, counted from 0.", code="no_claim"
            )
        if len(set(claims)) < len(claims):
            raise Invalid("A claim is labelled twice; send one label for each.", code="validation")
        labels = [ClaimLabel(one.claim, Label(one.label)) for one in given.labels]
        claim_labels.put(connection, who, answer, labels)
        return self.labels(connection, who, answer)

    def labels(self, connection: Connection, who: Principal, answer: str) -> wire.ClaimLabelsReply:
        self._answer(connection, who, answer)
        found = claim_labels.of_answer(connection, who, answer)
        return wire.ClaimLabelsReply(labels=[wire.ClaimLabel(claim=one.claim, label=one.label.value) for one in found])

    def labelled(
        self, connection: Connection, who: Principal, collection: str | None, limit: int
    ) -> wire.LabelledClaims:
        place = None if collection is None else collections.get(connection, who, collection).id
        found = claim_labels.labelled(
            connection, self._vault, who, internal.answer.validate_json, collection=place, limit=limit
        )
        return wire.LabelledClaims(claims=[_labelled(one) for one in found])

    def _accept(self, connection: Connection, who: Principal, found: Feedback, review: wire.Review) -> GoldenSet:
        case = labelled_case(found, self._answer(connection, who, found.answer), review)
        place = self._collection(connection, who, found).id
        origin = Origin(who.id, source="feedback")
        return golden_sets.append(connection, self._vault, place, review.dataset, [case], origin)

    def _answer(self, connection: Connection, who: Principal, answer: str, *, evaluators: bool = True) -> Answer:
        return stored_answer(connection, self._vault, who, answer, reviewers=evaluators)

    def _own_or_any(self, connection: Connection, who: Principal, identity: str) -> Feedback:
        found = feedback.get(connection, self._vault, who, identity)
        if found.principal != who.id and not who.has(ROLE):
            raise NotFound(f"There is no feedback {identity!r}.", code="feedback_not_found")
        return found

    def _collection(self, connection: Connection, who: Principal, found: Feedback) -> Collection:
        return collections.by_id(connection, who, CollectionId(who.tenant, found.collection))

    def _shown(self, connection: Connection, who: Principal, found: Feedback) -> wire.Feedback:
        return _feedback(found, self._collection(connection, who, found).name)


def _feedback(found: Feedback, collection: str) -> wire.Feedback:
    return wire.Feedback(
        id=found.id,
        answer=found.answer,
        collection=collection,
        given_by=found.principal,
        thumb=None if found.thumb is None else found.thumb.value,
        corrected_answer=found.text.corrected_answer,
        missing_source=found.text.missing_source,
        missing_quote=found.text.missing_quote,
        comment=found.text.comment,
        state=found.state.value,
        created_at=found.created_at,
        reviewed_by=found.reviewed_by,
        reviewed_at=found.reviewed_at,
        dataset=found.dataset,
        dataset_version=found.dataset_version,
    )


def _labelled(found: LabelledClaim) -> wire.LabelledClaim:
    return wire.LabelledClaim(
        answer=found.answer,
        claim=found.claim,
        text=found.text,
        sources=list(found.sources),
        label=found.label.value,
        labelled_by=found.labelled_by,
        verdict=found.verdict.value,
        probability=found.probability,
    )
