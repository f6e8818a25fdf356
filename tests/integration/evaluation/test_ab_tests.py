"""A/B tests on a real PostgreSQL: who may start one, what it counts, how it ends, and who is told."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import Event

import pytest
from assay_core.ab_tests import ABPlan, ABState, ABTest, Arm, Assigned
from assay_core.answers import Outcome
from assay_core.errors import Conflict, Denied, Invalid, NotFound, Unavailable
from assay_core.evaluation import QuestionScore
from assay_core.ports import Judge
from assay_core.principals import Principal
from assay_core.search import EvidenceVersion
from assay_evaluation import ab_testing
from assay_evaluation.ab_scoring import AT_ONCE, ABScorer
from assay_evaluation.loop import RunLoop
from assay_evaluation.promotions import promote
from assay_evaluation.telling import Teller
from assay_store import ab_tests, access, answers, evaluations
from assay_store.ab_tests import ABLease
from assay_store.evaluations import Case, NewRun
from assay_store.evaluations import Outcome as RunOutcome
from assay_wire import internal
from sqlalchemy import text

from .conftest import ANN, TENANT, VAULT, World

pytestmark = pytest.mark.integration
CARL = Principal(TENANT, "ann", "Ann", frozenset({"evaluator", "curator"}))
NOW: dict[str, object] = {"prompt": "", "mode": "hybrid", "rerank": True, "top_k": 5}
FALSE = "The moon is made of cheese."


def done(world: World, value: float = 0.9, **answering: object) -> str:
    """A run of thirty questions, by hand."""
    with world.database.transaction() as connection:
        run = evaluations.create(connection, NewRun(world.collection, "golden", "local", ANN.id))
        held = evaluations.lease(connection, owner="me", lease_s=60)
        assert run is not None
        assert held is not None
        cases = [Case(f"q{number}") for number in range(30)]
        evaluations.pin(connection, held, cases, {"dataset_sha256": "same", **NOW, **answering})
        for case in cases:
            evaluations.record_case(connection, held, case, [QuestionScore(case.question, "groundedness", value)])
        evaluations.finish(connection, held, RunOutcome({}, {}, 0))
    return run.id


@dataclass
class Trial:
    """A running test with hands to give answers and to work."""

    world: World
    test: ABTest
    given: int = 0

    def give(self, arm: Arm, *, number: int = 1, true: bool = True, outcome: Outcome = Outcome.ANSWERED) -> list[str]:
        """Answers of an arm. Returns their ids."""
        ids = [f"{arm}-{self.given + n:04}" for n in range(number)]
        self.given += number
        made = self.world.answer(outcome=outcome)
        made = made if true else replace(made, text=FALSE)
        with self.world.database.transaction() as connection:
            for identity in ids:
                facts = answers.AnswerFacts(
                    identity, self.world.collection, "bob", outcome, made.model, made.prompt_version, False,
                    (EvidenceVersion(self.world.document, 1),), Assigned(self.test.id, arm),
                )  # fmt: skip
                answers.record(connection, VAULT, facts, internal.answer.dump_json(replace(made, id=identity)))
        return ids

    def work(self) -> None:
        """Until nothing waits."""
        loop = RunLoop(
            database=self.world.database, runner=self.world.runner(), comparer=scorer(self.world), owner="one",
            lease_s=60, poll_s=1,
        )  # fmt: skip
        while loop.do_next():
            pass

    def lease(self) -> ABLease | None:
        with self.world.database.transaction() as connection:
            return ab_tests.lease(connection, owner="other", lease_s=60)

    @property
    def now(self) -> ABTest:
        with self.world.database.transaction() as connection:
            return ab_tests.get(connection, ANN, self.test.id)


def scorer(world: World) -> ABScorer:
    @contextmanager
    def choose_judge(name: str) -> Generator[Judge]:
        assert name == "local"
        if world.judge.down:
            raise Unavailable("The judge cannot be had.", code="no_judge")
        yield world.judge

    return ABScorer(
        database=world.database, vault=VAULT, choose_judge=choose_judge, read_answer=internal.answer.validate_json
    )


def started(world: World, run: str, *, who: Principal = CARL, **options: float | str) -> ABTest:
    with world.database.transaction() as connection:
        return ab_testing.start(connection, who, ABPlan(run, **options))  # pyright: ignore[reportArgumentType]


@pytest.fixture
def trial(world: World) -> Trial:
    done(world)
    return Trial(world, started(world, done(world, top_k=8), share=0.5))


def test_a_run_is_tried_and_its_settings_are_what_the_door_is_told(world: World) -> None:
    done(world)
    run = done(world, prompt="cite.v1", top_k=8)
    made = started(world, run, share=0.25)
    assert (made.state, made.plan.run, made.plan.share) == (ABState.RUNNING, run, 0.25)
    assert (made.control, made.trial) == (NOW, NOW | {"prompt": "cite.v1", "top_k": 8})
    with world.database.transaction() as connection:
        running = ab_tests.running(connection, world.collection)
    assert running == ab_tests.Running(made.id, 0.25, made.trial)


def test_one_test_at_a_time(trial: Trial) -> None:
    with pytest.raises(Conflict, match="is running in this collection"):
        started(trial.world, trial.test.plan.run)
    with trial.world.database.transaction() as connection:
        stopped = ab_testing.stop(connection, CARL, trial.test.id, reason="enough")
    assert (stopped.state, stopped.reason, stopped.ended_by) == (ABState.STOPPED, "enough", "ann")
    assert started(trial.world, trial.test.plan.run).state is ABState.RUNNING
    with trial.world.database.transaction() as connection:
        with pytest.raises(Conflict, match="ended already"):
            ab_testing.stop(connection, CARL, trial.test.id, reason="once more")
        assert len(ab_testing.list_tests(connection, ANN, collection=trial.world.collection, limit=5)) == 2


def test_a_run_that_is_worse_is_tried_for_a_reason_only(world: World) -> None:
    done(world)
    worse = done(world, 0.5, top_k=1)
    with pytest.raises(Conflict, match="groundedness is worse"):
        started(world, worse)
    assert started(world, worse, override_reason="to see it").plan.override_reason == "to see it"


def test_what_cannot_be_tried(world: World) -> None:
    same = done(world)
    with pytest.raises(Invalid, match="nothing to compare"):
        started(world, same)
    with pytest.raises(NotFound):
        started(world, "0" * 32)
    with pytest.raises(Conflict, match="waiting"):
        started(world, world.start() if world.golden("q1") else "")
    with pytest.raises(Invalid, match="share"):
        started(world, done(world, top_k=8), share=2)
    with pytest.raises(Invalid, match="no judge"):
        started(world, done(world, top_k=8), judge="nobody")


def test_it_takes_a_curator_who_sees_the_collection(trial: Trial) -> None:
    with trial.world.database.transaction() as connection, pytest.raises(Denied):
        ab_testing.stop(connection, ANN, trial.test.id, reason="no")
    with pytest.raises(Denied):
        started(trial.world, trial.test.plan.run, who=ANN)
    bob = Principal(TENANT, "bob", "Bob", frozenset({"curator"}))
    with trial.world.database.transaction() as connection:
        secret = access.acl_for(connection, TENANT, allow=["ann"])
        connection.execute(text("UPDATE collections SET default_acl = :a"), {"a": secret})
    with trial.world.database.transaction() as connection:
        assert ab_tests.listing(connection, bob) == []
        with pytest.raises(NotFound):
            ab_testing.stop(connection, bob, trial.test.id, reason="no")


def test_a_better_trial_ends_the_test_and_somebody_is_told(trial: Trial) -> None:
    for _ in range(120):
        trial.give(Arm.CONTROL, true=False)
        trial.give(Arm.TRIAL)
    trial.work()
    ended = trial.now
    assert ended.state is ABState.BETTER
    assert ended.reason.startswith("groundedness rose by")
    assert ended.ended_by is None
    assert ended.report.trial.means["groundedness"] == 1
    assert ended.report.control.means["groundedness"] < 0.5
    assert ended.report.trial.scored >= 25
    with trial.world.database.transaction() as connection:
        assert ab_tests.running(connection, trial.world.collection) is None
    post = list[tuple[str, str, Mapping[str, object]]]()

    class Way:
        def tell(self, subject: str, text: str, facts: Mapping[str, object]) -> None:
            post.append((subject, text, facts))

    for _ in range(2):
        Teller(trial.world.database, {"webhook": Way()}).tell()
    ((subject, told, facts),) = post
    assert subject == "Assay: the A/B test in handbook has ended: better"
    assert f"assay promote {trial.test.plan.run}" in told
    assert facts["state"] == "better"


def test_a_trial_that_abstains_more_is_stopped(trial: Trial) -> None:
    for _ in range(120):
        trial.give(Arm.CONTROL)
        trial.give(Arm.TRIAL, outcome=Outcome.NOTHING_FOUND)
    trial.work()
    assert trial.now.state is ABState.WORSE
    assert trial.now.reason.startswith("answered fell by")


def test_a_trial_that_gives_no_answers_cannot_be_compared(trial: Trial) -> None:
    trial.give(Arm.CONTROL, number=30)
    trial.work()
    assert trial.now.state is ABState.VOID
    assert "0 of 30 answers were the trial's" in trial.now.reason


def test_every_answer_is_scored_once_also_if_a_worker_dies_between(trial: Trial) -> None:
    ids = trial.give(Arm.CONTROL, number=3) + trial.give(Arm.TRIAL, number=3)
    first = trial.lease()
    assert first is not None
    with trial.world.database.transaction() as connection:
        ab_tests.score(connection, first, ids[0], {"groundedness": 0.25}, failed=False)
    assert trial.lease() is None  # it is held
    with trial.world.database.transaction() as connection:
        connection.execute(text("UPDATE ab_tests SET lease_until = now() - interval '1 second'"))
    trial.work()
    with trial.world.database.transaction() as connection:
        with pytest.raises(Conflict):  # the dead one comes back
            ab_tests.score(connection, first, ids[1], {"groundedness": 0.25}, failed=False)
        rows = connection.execute(text("SELECT answer, scores->>'groundedness' AS g FROM ab_answers ORDER BY answer"))
        scored = {row.answer: float(row.g) for row in rows}
    assert scored == {one: 0.25 if one == ids[0] else 1.0 for one in ids}
    assert trial.lease() is None  # nothing waits


def test_more_answers_than_are_scored_at_once_are_scored_in_turns(trial: Trial) -> None:
    trial.give(Arm.CONTROL, number=AT_ONCE)
    trial.give(Arm.TRIAL, number=AT_ONCE)
    held = trial.lease()
    assert held is not None
    scorer(trial.world).compare(held, Event())
    assert (trial.now.report.control.scored, trial.now.report.trial.scored) == (AT_ONCE, 0)
    assert (trial.now.report.control.given, trial.now.report.trial.given) == (AT_ONCE, AT_ONCE)
    trial.work()
    assert trial.now.report.trial.scored == AT_ONCE
    assert trial.now.state is ABState.RUNNING  # equal arms are not different


def test_a_worker_that_is_to_stop_leaves_the_rest_to_the_next(trial: Trial) -> None:
    trial.give(Arm.CONTROL, number=3)
    held, stopping = trial.lease(), Event()
    assert held is not None
    stopping.set()
    scorer(trial.world).compare(held, stopping)
    assert trial.now.report.control.scored == 0
    trial.work()
    assert trial.now.report.control.scored == 3


def test_an_answer_that_was_erased_and_one_that_no_judge_can_score_are_failures_and_no_scores(trial: Trial) -> None:
    erased, _ = trial.give(Arm.CONTROL, number=2)
    with trial.world.database.transaction() as connection:
        connection.execute(text("DELETE FROM answers WHERE id = :a"), {"a": erased})
    trial.work()
    assert (trial.now.report.control.scored, trial.now.report.control.failed) == (2, 1)
    assert trial.now.report.control.means["answered"] == 1
    assert "could not be scored in full" in trial.now.report.words[-1]


def test_without_a_judge_answers_wait_and_the_days_pass_all_the_same(trial: Trial) -> None:
    trial.world.judge.down = True
    trial.give(Arm.CONTROL)
    trial.give(Arm.TRIAL)
    held = trial.lease()
    assert held is not None
    with pytest.raises(Unavailable):
        scorer(trial.world).compare(held, Event())
    assert (trial.now.report.control.given, trial.now.report.control.scored) == (1, 0)
    with trial.world.database.transaction() as connection:
        connection.execute(text("UPDATE ab_tests SET started_at = now() - interval '15 days'"))
    late = trial.lease()
    assert late is not None
    with pytest.raises(Unavailable):
        scorer(trial.world).compare(late, Event())
    assert trial.now.state is ABState.UNDECIDED
    assert "14 days are over" in trial.now.reason


def test_thumbs_are_counted_to_the_arm_that_gave_the_answer(trial: Trial) -> None:
    good, bad = trial.give(Arm.TRIAL)[0], trial.give(Arm.CONTROL)[0]
    with trial.world.database.transaction() as connection:
        for number, (answer, thumb) in enumerate([(good, "up"), (bad, "down")]):
            connection.execute(
                text("""
                    INSERT INTO feedback (tenant, id, answer, principal, thumb, sealed, state)
                    VALUES (:t, :id, :a, 'bob', :thumb, '', 'open')
                """),
                {"t": TENANT, "id": f"f{number}", "a": answer, "thumb": thumb},
            )
    trial.work()
    assert trial.now.report.trial.means["thumbs"] == 1
    assert trial.now.report.control.means["thumbs"] == 0
    assert {difference.metric for difference in trial.now.report.differences} >= {"thumbs", "groundedness", "answered"}


def test_what_comes_after_the_end_is_not_counted(trial: Trial) -> None:
    with trial.world.database.transaction() as connection:
        ab_tests.end(connection, TENANT, trial.test.id, ABState.STOPPED, reason="enough", by="ann")
    trial.give(Arm.TRIAL)
    with trial.world.database.transaction() as connection:
        assert connection.execute(text("SELECT count(*) FROM ab_answers")).scalar_one() == 0
        assert connection.execute(text("SELECT count(*) FROM answers")).scalar_one() == 1
    assert trial.lease() is None


def test_a_promotion_voids_the_test_since_its_control_is_gone(trial: Trial) -> None:
    with trial.world.database.transaction() as connection:
        promote(connection, CARL, run=trial.test.plan.run, override_reason=None)
    assert trial.now.state is ABState.VOID
    assert "was promoted" in trial.now.reason
