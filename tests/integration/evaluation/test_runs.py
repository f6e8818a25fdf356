"""Runs on a real PostgreSQL: what is stored, and what a crash, a stop or a change in the middle leaves."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Event, Thread

import pytest
from assay_core.answers import Answer, Outcome, Turn
from assay_core.errors import Conflict, Unavailable
from assay_core.evaluation import EvaluationRun, QuestionScore, RunState
from assay_evaluation.loop import RunLoop
from assay_evaluation.schedule import DAY, NIGHTLY_PRINCIPAL, plan_night
from assay_store import access, documents, evaluations, golden_sets, pipeline
from assay_store.database import clock
from assay_store.evaluations import Case, Window
from assay_store.evaluations import Outcome as Figures
from assay_store.golden_sets import Origin
from sqlalchemy import text

from .conftest import ANN, TENANT, VAULT, World

pytestmark = pytest.mark.integration
TONIGHT = datetime.now(UTC) + timedelta(hours=12)  # whenever this file was collected


def loop(world: World, *, owner: str = "one", lease_s: float = 60) -> RunLoop:
    return RunLoop(database=world.database, runner=world.runner(), owner=owner, lease_s=lease_s, poll_s=0.05)


def shown(world: World, run: str) -> tuple[EvaluationRun, dict[tuple[str, str], QuestionScore]]:
    with world.database.transaction() as connection:
        scores = evaluations.scores_of(connection, TENANT, run)
        return evaluations.get(connection, ANN, run), {(s.question, s.metric): s for s in scores}


def lapse(world: World, run: str) -> None:
    with world.database.transaction() as connection:
        connection.execute(
            text("UPDATE evaluation_runs SET lease_until = now() - interval '1 second' WHERE id = :r"), {"r": run}
        )


def test_a_run_stores_scores_with_the_configuration_that_produced_them(world: World) -> None:
    questions = world.golden("q1", "q2", unanswerable=["u1", "u2"])
    nothing = replace(world.answer(outcome=Outcome.NOTHING_FOUND), citations=())
    world.platform.replies = {questions[2].question: nothing}
    run = world.start()
    assert loop(world).do_next()
    found, scores = shown(world, run)
    assert (found.state, found.questions, found.failures) == (RunState.DONE, 4, 0)
    assert found.metrics["recall@5"] == 1
    assert found.metrics["citation_exactness"] == 1
    assert found.metrics["abstention_recall"] == 0.5
    assert found.metrics["abstention_precision"] == 1
    assert found.intervals["abstention_recall"] == (0, 1)
    assert scores["q1", "groundedness"].value == 1
    assert ("u1", "groundedness") not in scores
    assert found.configuration.keys() >= {"judge_model", "dataset_sha256", "epoch", "index_kind", "top_k", "planned"}
    assert found.configuration["chat_models"] == ["fake-chat"]
    assert found.configuration["prompt_versions"] == ["v1"]
    assert found.finished_at is not None
    assert world.platform.principal == ANN
    assert not loop(world).do_next()


def test_failures_are_counted_and_never_averaged(world: World) -> None:
    questions = world.golden("q1", "q2", "q3")
    world.platform.replies = {questions[0].question: Unavailable("loading", code="generator_unavailable")}
    run = world.start()
    loop(world).do_next()
    found, scores = shown(world, run)
    assert (found.state, found.questions, found.failures) == (RunState.DONE, 3, 1)
    assert found.metrics["groundedness"] == 1
    assert scores["q1", "groundedness"].value is None
    assert "generator_unavailable" in (scores["q1", "groundedness"].failure or "")
    assert scores["q1", "recall@5"].value == 1


def test_a_run_in_which_nothing_could_be_scored_has_failed(world: World) -> None:
    world.golden("q1")
    world.platform.reply = world.platform.hits = Unavailable("all is down")
    run = world.start()
    loop(world).do_next()
    found, _ = shown(world, run)
    assert (found.state, found.metrics) == (RunState.FAILED, {})
    assert "all is down" in (found.error or "")


def test_a_quote_that_the_store_does_not_hold_is_found_out(world: World) -> None:
    world.golden("q1")
    world.platform.reply = world.answer(quote="Parental leave is thirty days for each parent.")
    run = world.start()
    loop(world).do_next()
    assert shown(world, run)[0].metrics["citation_exactness"] == 0


def test_a_killed_run_goes_on_where_it_stopped_and_scores_nothing_twice(world: World) -> None:
    questions = world.golden("q1", "q2", "q3")
    run = world.start()
    with world.database.transaction() as connection:
        dead = evaluations.lease(connection, owner="dead", lease_s=60)
        assert dead is not None
        cases = [Case(question.id) for question in questions]
        evaluations.pin(connection, dead, cases, {"dataset_version": 1})
        evaluations.record_case(connection, dead, Case("q1", "a1"), [QuestionScore("q1", "groundedness", 0.25)])
    assert not loop(world).do_next()
    lapse(world, run)
    assert loop(world).do_next()
    found, scores = shown(world, run)
    assert (found.state, found.questions) == (RunState.DONE, 3)
    assert scores["q1", "groundedness"].value == 0.25
    assert len(world.platform.asked) == 2


def test_who_lost_the_lease_can_write_nothing(world: World) -> None:
    world.golden("q1")
    run = world.start()
    with world.database.transaction() as connection:
        slow = evaluations.lease(connection, owner="slow", lease_s=60)
    assert slow is not None
    lapse(world, run)
    loop(world, owner="quick").do_next()
    for write in (
        lambda c: evaluations.record_case(c, slow, Case("q1"), [QuestionScore("q1", "groundedness", 0.0)]),
        lambda c: evaluations.finish(c, slow, Figures({}, {}, 0)),
        lambda c: evaluations.fail(c, slow, "too slow"),
        lambda c: evaluations.renew(c, slow, lease_s=60),
        lambda c: evaluations.give_back(c, slow),
    ):
        with pytest.raises(Conflict), world.database.transaction() as connection:
            write(connection)
    assert shown(world, run)[0].state is RunState.DONE


def test_a_run_whose_worker_dies_at_the_same_question_is_given_up(world: World) -> None:
    world.golden("q1")
    run = world.start()
    for _ in range(evaluations.MAX_ATTEMPTS):
        with world.database.transaction() as connection:
            assert evaluations.lease(connection, owner="dying", lease_s=60) is not None
        lapse(world, run)
    assert not loop(world).do_next()
    found, _ = shown(world, run)
    assert found.state is RunState.FAILED
    assert "died 3 times" in (found.error or "")


def test_a_worker_that_is_told_to_stop_gives_its_run_back(world: World) -> None:
    world.golden("q1", "q2", "q3", "q4", "q5", "q6")
    reached, release = Event(), Event()
    quick = world.platform.ask

    def ask(question: str, history: tuple[Turn, ...] = ()) -> Answer:
        if len(world.platform.asked) >= 2:
            reached.set()
            release.wait(30)
        return quick(question, history)

    world.platform.ask = ask  # pyright: ignore[reportAttributeAccessIssue] - a slow platform
    run = world.start()
    stopped = loop(world)
    stopped.start()
    assert reached.wait(10)
    stopped.stop(timeout_s=10)
    release.set()
    assert shown(world, run)[0].state is RunState.WAITING
    world.platform.ask = quick  # pyright: ignore[reportAttributeAccessIssue] - quick again
    assert loop(world, owner="two").do_next()
    found, scores = shown(world, run)
    assert (found.state, found.questions) == (RunState.DONE, 6)
    assert len({question for question, _ in scores}) == 6


def test_a_waiting_run_is_found_without_a_ring(world: World) -> None:
    world.golden("q1")
    polling = loop(world)
    polling.start()
    run = world.start()
    for _ in range(100):
        if shown(world, run)[0].state is RunState.DONE:
            break
        Event().wait(0.05)
    polling.stop(timeout_s=10)
    assert shown(world, run)[0].state is RunState.DONE


def test_two_workers_never_do_the_same_run(world: World) -> None:
    world.golden("q1", "q2")
    runs = [world.start() for _ in range(6)]
    workers = [loop(world, owner=str(i)) for i in range(3)]

    def work(worker: RunLoop) -> None:
        while worker.do_next():
            pass

    threads = [Thread(target=work, args=(worker,)) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert all(shown(world, run)[0].state is RunState.DONE for run in runs)
    assert len(world.platform.asked) == 12


def test_a_fault_of_ours_fails_the_run_and_not_the_worker(world: World) -> None:
    world.golden("q1")
    world.platform.reply = None  # the fake trips over it
    run = world.start()
    with pytest.raises(AssertionError):
        loop(world).do_next()
    found, _ = shown(world, run)
    assert found.state is RunState.FAILED
    assert "AssertionError" in (found.error or "")


def test_a_run_keeps_the_version_that_it_began_with(world: World) -> None:
    questions = world.golden("q1", "q2")
    run = world.start()
    with world.database.transaction() as connection:
        dead = evaluations.lease(connection, owner="dead", lease_s=60)
        assert dead is not None
        evaluations.pin(connection, dead, [Case(q.id) for q in questions], {"dataset_version": 1})
    world.golden("q2", "q3")
    lapse(world, run)
    loop(world).do_next()
    found, scores = shown(world, run)
    assert (found.state, found.questions, found.configuration["dataset_version"]) == (RunState.DONE, 2, 1)
    assert {question for question, _ in scores} == {"q1", "q2"}
    assert world.start() != run
    loop(world).do_next()
    assert "q3" in world.platform.asked[-1]


def test_a_question_that_is_erased_in_the_middle_is_a_failure(world: World) -> None:
    questions = world.golden("q1", unanswerable=["u1"])
    run = world.start()
    with world.database.transaction() as connection:
        dead = evaluations.lease(connection, owner="dead", lease_s=60)
        assert dead is not None
        evaluations.pin(connection, dead, [Case(q.id) for q in questions], {"dataset_version": 1})
        documents.delete(connection, world.document)
    lapse(world, run)
    loop(world).do_next()
    found, scores = shown(world, run)
    assert (found.state, found.questions) == (RunState.DONE, 2)
    assert "erased" in (scores["q1", "groundedness"].failure or "")


def test_cases_know_what_they_are(world: World) -> None:
    world.golden("q1", unanswerable=["u1"])
    world.record_answer("given-1", world.answer())
    golden, traffic = world.start(), world.start("traffic")
    work = loop(world)
    while work.do_next():
        pass
    with world.database.transaction() as connection:
        (one, two), (given,) = (evaluations.cases_of(connection, TENANT, run) for run in (golden, traffic))
    assert one.slices == {"type": "factoid", "language": "en", "length": "short", "document": "md"}
    assert two.slices["document"] == "none"
    assert given.slices["type"] == "answered"


def test_a_limit_asks_a_part(world: World) -> None:
    world.golden("q1", "q2", "q3", "q4")
    run = world.start(limit=2)
    loop(world).do_next()
    found, scores = shown(world, run)
    assert found.questions == 2
    assert {question for question, _ in scores} == {"q1", "q3"}


def test_a_requester_who_is_gone_fails_the_run(world: World) -> None:
    world.golden("q1")
    run = world.start(requested_by="bob")
    with world.database.transaction() as connection:
        connection.execute(text("UPDATE principals SET disabled_at = now() WHERE id = 'bob'"))
    loop(world).do_next()
    found, _ = shown(world, run)
    assert found.state is RunState.FAILED
    assert "'bob'" in (found.error or "")
    assert world.platform.asked == []


def test_yesterdays_answers_are_judged_without_asking_again(world: World) -> None:
    world.record_answer("given-1", world.answer())
    world.record_answer("given-2", replace(world.answer(), text="The canteen is blue."))
    run = world.start("traffic")
    loop(world).do_next()
    found, scores = shown(world, run)
    assert (found.state, found.questions) == (RunState.DONE, 2)
    assert scores["given-1", "groundedness"].value == 1
    assert (scores["given-2", "groundedness"].value or 0) < 1
    assert found.configuration["chat_models"] == ["fake-chat"]
    assert world.platform.asked == []


def test_the_sample_leaves_out_what_is_no_traffic(world: World) -> None:
    world.golden("q1")
    world.record_answer("answer-1", world.answer(), principal=ANN.id)  # the one that the run below asks for
    world.start()
    loop(world).do_next()
    world.record_answer("cached", world.answer(), from_cache=True)
    world.record_answer("nightly", world.answer(), principal=NIGHTLY_PRINCIPAL)
    world.record_answer("old", world.answer())
    world.record_answer("asked", world.answer())
    with world.database.transaction() as connection:
        connection.execute(text("UPDATE answers SET created_at = now() - interval '25 hours' WHERE id = 'old'"))
        window = Window(clock(connection) - DAY, clock(connection) + DAY)
        found = evaluations.sample_answers(
            connection, ANN, world.collection, window, limit=10, without=[NIGHTLY_PRINCIPAL]
        )
        cached = evaluations.sample_answers(connection, ANN, world.collection, window, limit=10, from_cache=True)
    assert found == ["asked"]
    assert cached == ["cached"]


def test_answers_from_documents_that_the_evaluator_may_not_read_are_left_alone(world: World) -> None:
    world.record_answer("given-1", world.answer())
    with world.database.transaction() as connection:
        secret = access.acl_for(connection, TENANT, allow=["bob"])
        connection.execute(text("UPDATE documents SET acl = :a"), {"a": secret})
    run = world.start("traffic")
    loop(world).do_next()
    found, scores = shown(world, run)
    assert (found.state, scores) == (RunState.FAILED, {})
    assert "empty_sample" in (found.error or "")


def test_an_answer_that_is_erased_in_the_middle_is_a_failure(world: World) -> None:
    world.record_answer("given-1", world.answer())
    run = world.start("traffic")
    with world.database.transaction() as connection:
        dead = evaluations.lease(connection, owner="dead", lease_s=60)
        assert dead is not None
        evaluations.pin(connection, dead, [Case("given-1", "given-1")], {})
        documents.delete(connection, world.document)
        pipeline.erase(connection, world.document)
    lapse(world, run)
    loop(world).do_next()
    _, scores = shown(world, run)
    assert "erased" in (scores["given-1", "groundedness"].failure or "")


def test_a_night_is_planned_once_for_golden_sets_and_traffic(world: World) -> None:
    world.golden("q1")
    world.record_answer("given-1", world.answer())
    with world.database.transaction() as connection:
        planned = plan_night(connection, TONIGHT, judge="local")
    with world.database.transaction() as connection:
        again = plan_night(connection, TONIGHT, judge="local")
        next_night = plan_night(connection, TONIGHT + DAY, judge="local")
        rung = connection.execute(text("SELECT count(*) FROM outbox WHERE task = 'evaluation.run'")).scalar_one()
    assert sorted(run.dataset for run in planned) == ["golden", "traffic"]
    assert (again, [run.dataset for run in next_night], rung) == ([], ["golden"], 3)
    work = loop(world)
    while work.do_next():
        pass
    with world.database.transaction() as connection:
        runs = evaluations.listing(connection, ANN, collection=world.collection, limit=10)
    assert {run.state for run in runs} == {RunState.DONE}
    assert world.platform.principal == access_of(world)


def test_a_night_passes_over_candidates(world: World) -> None:
    questions = world.golden("q1")
    with world.database.transaction() as connection:
        origin = Origin(ANN.id, candidate=True)
        golden_sets.put(connection, VAULT, world.collection, "candidate", questions, origin)
        planned = plan_night(connection, TONIGHT, judge="local")
    assert [run.dataset for run in planned] == ["golden"]


def access_of(world: World):
    with world.database.transaction() as connection:
        return access.get_principal(connection, TENANT, NIGHTLY_PRINCIPAL)


def test_a_night_leaves_out_collections_that_evaluation_may_not_read(world: World) -> None:
    world.golden("q1")
    with world.database.transaction() as connection:
        secret = access.acl_for(connection, TENANT, allow=["bob"])
        connection.execute(text("UPDATE collections SET default_acl = :a"), {"a": secret})
        assert plan_night(connection, TONIGHT, judge="local") == []
