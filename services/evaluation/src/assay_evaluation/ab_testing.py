"""Start, look at and stop A/B tests: a run that passed the gate is tried on a share of the live questions."""

from dataclasses import asdict

from assay_core.ab_tests import ABPlan, ABState, ABTest
from assay_core.documents import CollectionId
from assay_core.errors import Conflict, Invalid
from assay_core.principals import Principal
from assay_store import ab_tests, collections, evaluations, promotions
from sqlalchemy import Connection

from assay_evaluation.experiments import require_done
from assay_evaluation.promotions import answering_of, judge, newest_as_now, require_curator
from assay_evaluation.requests import MAX_RUNS, require_judge


def start(connection: Connection, principal: Principal, plan: ABPlan) -> ABTest:
    """Let a share of the questions to a run's collection be answered as the run did.

    Raises:
        Denied: the principal is no curator.
        NotFound: there is no such run.
        Conflict: the run is not done, did not pass the gate and no reason is given, or another test is running.
        Invalid: the plan cannot be used, or the run answered as the collection does already.
    """
    require_curator(principal)
    plan.check()
    require_judge(plan.judge)
    candidate = evaluations.get(connection, principal, plan.run)
    require_done(candidate)
    identity = CollectionId(principal.tenant, candidate.collection)
    promotions.lock(connection, identity)
    collection = collections.by_id(connection, principal, identity)
    control, trial = collection.settings.answering, answering_of(candidate)
    if trial == control:
        raise Invalid(
            f"Run {plan.run!r} was made as the collection answers already; there is nothing to compare.",
            code="nothing_to_compare",
        )
    present = newest_as_now(connection, principal, collection, candidate)
    decision = judge(connection, principal, collection, present, candidate)
    if not decision.passed and not plan.override_reason:
        raise Conflict(
            f"Run {plan.run!r} cannot be tried on live questions: {'; '.join(decision.reasons)}. To try it all the"
            " same, give a reason (override_reason), which is kept with your name.",
            code="gate_failed",
        )
    return ab_tests.start(connection, identity, plan, control=asdict(control), trial=asdict(trial), by=principal.id)


def list_tests(
    connection: Connection, principal: Principal, *, collection: CollectionId | None, limit: int
) -> list[ABTest]:
    """Tests that the principal may see, newest first."""
    if not 1 <= limit <= MAX_RUNS:
        raise Invalid(f"The limit is {limit}; ask for 1 to {MAX_RUNS} tests.", code="bad_limit")
    if collection is not None:
        collections.by_id(connection, principal, collection)
    return ab_tests.listing(connection, principal, collection=collection, limit=limit)


def stop(connection: Connection, principal: Principal, test: str, *, reason: str) -> ABTest:
    """Let all questions be answered as before. Raises `Denied`, `NotFound`, or `Conflict` if it has ended already."""
    require_curator(principal)
    found = ab_tests.get(connection, principal, test)
    ab_tests.end(connection, principal.tenant, found.id, ABState.STOPPED, reason=reason, by=principal.id)
    return ab_tests.get(connection, principal, test)
