"""Comparisons, baselines, gate and promotion: the client against the routes of the evaluation service."""

from collections.abc import Sequence

import pytest
from assay_core.ab_tests import ABPlan, ABState
from assay_core.documents import CollectionId
from assay_core.errors import Conflict, Denied, NotFound
from assay_core.evaluation import QuestionScore
from assay_core.experiments import Finding
from assay_core.principals import Principal
from assay_store import evaluations
from assay_store.database import Database
from assay_store.evaluations import Case, NewRun, Outcome
from assay_wire import internal
from assay_wire.peers import EvaluationClient

# The fixtures come along.
from .test_evaluation_service import ANN, BOB, TENANT, client, collection

pytestmark = pytest.mark.integration
__all__ = ["client", "collection"]
CARL = Principal(TENANT, "ann", "Ann", frozenset({"evaluator", "curator"}))
ANSWERING = {"prompt": "", "mode": "hybrid", "rerank": True, "top_k": 5}


def done(database: Database, collection: CollectionId, values: Sequence[float], **answering: object) -> str:
    """A run of one metric, by hand."""
    scores = [QuestionScore(f"q{n:02}", "groundedness", value) for n, value in enumerate(values)]
    with database.transaction() as connection:
        run = evaluations.create(connection, NewRun(collection, "golden", "local", ANN.id))
        held = evaluations.lease(connection, owner="me", lease_s=60)
        assert run is not None
        assert held is not None
        cases = [Case(score.question, slices={"type": "factoid"}) for score in scores]
        evaluations.pin(connection, held, cases, {"dataset_sha256": "same", **ANSWERING, **answering})
        for case, score in zip(cases, scores, strict=True):
            evaluations.record_case(connection, held, case, [score])
        evaluations.finish(connection, held, Outcome({}, {}, 0))
    return run.id


async def test_a_comparison_and_a_gate_make_the_round_trip(
    client: EvaluationClient, database: Database, collection: CollectionId
) -> None:
    good, bad = done(database, collection, [0.9] * 30), done(database, collection, [0.5] * 30)
    found = await client.compare(BOB, baseline=good, run=bad)
    assert (found.metrics[0].finding, found.metrics[0].difference) == (Finding.WORSE, pytest.approx(-0.4))
    assert (await client.name_baseline(ANN, name="main.1", run=good)).run == good
    assert [one.name for one in await client.baselines(BOB)] == ["main.1"]
    assert not (await client.gate(BOB, baseline="main.1", run=bad)).passed
    assert (await client.gate(BOB, baseline="main.1", run=good)).passed
    assert (await client.run(BOB, good)).slices["q00"] == {"type": "factoid"}
    with pytest.raises(Denied):
        await client.name_baseline(BOB, name="main.1", run=bad)


async def test_a_promotion_makes_the_round_trip(
    client: EvaluationClient, database: Database, collection: CollectionId
) -> None:
    good = done(database, collection, [0.9] * 30)
    better = done(database, collection, [0.95] * 30, prompt="cite.v1")
    bad = done(database, collection, [0.5] * 30, top_k=1)
    made = await client.promote(CARL, internal.PromotionRequest(better))
    assert (made.baseline, made.passed, made.switched["prompt"]) == (good, True, "cite.v1")
    with pytest.raises(Conflict) as caught:
        await client.promote(CARL, internal.PromotionRequest(bad))
    assert caught.value.code == "gate_failed"
    over = await client.promote(CARL, internal.PromotionRequest(bad, "all the same"))
    assert (over.passed, over.override_reason, over.before["prompt"]) == (False, "all the same", "cite.v1")
    with pytest.raises(Denied):
        await client.promote(BOB, internal.PromotionRequest(better))


async def test_what_is_tried_by_a_run_makes_the_round_trip(client: EvaluationClient, collection: CollectionId) -> None:
    started = await client.start(
        ANN, internal.RunRequest(collection.id, "traffic", answering={"prompt": "cite.v1", "rerank": False, "top_k": 3})
    )
    assert started.configuration["answering"] == {"prompt": "cite.v1", "rerank": False, "top_k": 3}


async def test_an_ab_test_makes_the_round_trip(
    client: EvaluationClient, database: Database, collection: CollectionId
) -> None:
    done(database, collection, [0.9] * 30)
    better = done(database, collection, [0.95] * 30, prompt="cite.v1")
    bad = done(database, collection, [0.5] * 30, top_k=1)
    with pytest.raises(Conflict) as caught:
        await client.start_ab_test(CARL, ABPlan(bad))
    assert caught.value.code == "gate_failed"
    with pytest.raises(Denied):
        await client.start_ab_test(BOB, ABPlan(better))
    plan = ABPlan(better, share=0.2, metric="answered", judge="embedding", most_answers=100, days=3)
    started = await client.start_ab_test(CARL, plan)
    assert (started.plan, started.state, started.trial["prompt"]) == (plan, ABState.RUNNING, "cite.v1")
    assert await client.ab_test(BOB, started.id) == started
    assert (await client.ab_tests(BOB, collection_id=collection.id, limit=5)).tests == (started,)
    assert (await client.ab_tests(BOB, collection_id=None, limit=5)).tests == (started,)
    stopped = await client.stop_ab_test(CARL, started.id, reason="enough")
    assert (stopped.state, stopped.reason, stopped.ended_by) == (ABState.STOPPED, "enough", CARL.id)
    with pytest.raises(NotFound):
        await client.ab_test(BOB, "0" * 32)
