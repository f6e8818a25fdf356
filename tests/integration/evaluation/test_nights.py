"""Nights on a real PostgreSQL: planned once, missed ones caught up, closed by one worker, told until taken."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Event

import pytest
from assay_core.collection_settings import Answering
from assay_core.documents import CollectionId
from assay_core.errors import Conflict, Exhausted, Invalid, NotFound, Unavailable
from assay_core.evaluation import NightReport, Remark, Severity
from assay_core.principals import Principal
from assay_evaluation import requests
from assay_evaluation.loop import RunLoop
from assay_evaluation.night_answers import Answers
from assay_evaluation.night_closing import NightCloser, OpenedPlatform
from assay_evaluation.probes import Looked, Probe, Scope
from assay_evaluation.schedule import DAY, begin_night, plan_night
from assay_evaluation.telling import RETRY_S, Teller
from assay_store import evaluations, nights
from assay_store.evaluations import Window
from assay_testing.fake_judge import FakeJudge
from assay_wire import internal
from sqlalchemy import text

from .conftest import ANN, TENANT, VAULT, World

pytestmark = pytest.mark.integration
DUE = datetime(2026, 3, 5, 2, 15, tzinfo=UTC)
ALARM = Remark(Severity.ALARM, "index", "The vector index finds too little.", ("index",), {"recall@10": 0.5})


def closer(world: World, probes: Mapping[str, Probe], *, budget_s: float = 60) -> NightCloser:
    @contextmanager
    def choose_judge(_: str) -> Generator[FakeJudge]:
        yield world.judge

    @contextmanager
    def open_platform(
        _who: Principal, _of: CollectionId, _answering: Answering, _stopping: Event
    ) -> Generator[OpenedPlatform]:
        yield OpenedPlatform(world.platform, None)  # pyright: ignore[reportArgumentType] - these probes do not ask it

    return NightCloser(
        database=world.database,
        vault=VAULT,
        open_platform=open_platform,
        choose_judge=choose_judge,
        read_answer=internal.answer.validate_json,
        judge="local",
        budget_s=budget_s,
        probes=probes,
    )


def work(world: World, probes: Mapping[str, Probe] | None = None, *, budget_s: float = 60) -> None:
    loop = RunLoop(
        database=world.database,
        runner=world.runner(),
        closer=closer(world, probes or {}, budget_s=budget_s),
        owner="one",
        lease_s=60,
        poll_s=1,
    )
    while loop.do_next():
        pass


def plan(world: World, due_at: datetime = DUE) -> None:
    with world.database.transaction() as connection:
        plan_night(connection, due_at, judge="local")


def shown(world: World, due_at: datetime = DUE) -> NightReport:
    with world.database.transaction() as connection:
        return nights.get(connection, world.collection, due_at.date())


def answered_at(world: World, identity: str, at: datetime) -> None:
    world.record_answer(identity, world.answer())
    with world.database.transaction() as connection:
        connection.execute(text("UPDATE answers SET created_at = :at WHERE id = :i"), {"at": at, "i": identity})


def seen(_: Scope) -> Looked:
    return Looked({"index.recall@10": 0.5}, [ALARM])


def test_a_night_is_closed_when_its_runs_have_ended(world: World) -> None:
    world.golden("q1", "q2")
    plan(world)
    with world.database.transaction() as connection:
        assert nights.lease(connection, owner="early", lease_s=60) is None
    work(world, {"index": seen})
    report = shown(world)
    assert (report.remarks, report.figures, report.failures) == ((ALARM,), {"index.recall@10": 0.5}, {})
    assert len(report.runs) == 1
    assert not report.caught_up
    plan(world)
    work(world)
    with world.database.transaction() as connection:
        assert len(nights.listing(connection, ANN, collection=world.collection, limit=9)) == 1


def test_missed_nights_are_seen_and_what_was_answered_then_is_scored(world: World) -> None:
    world.golden("q1")
    plan(world)
    work(world)
    answered_at(world, "then", DUE + DAY + timedelta(hours=3))
    plan(world, DUE + 4 * DAY)
    work(world, {"index": seen})
    late = [shown(world, DUE + days * DAY) for days in (1, 2, 3)]
    assert [report.caught_up for report in late] == [True] * 3
    assert [len(report.runs) for report in late] == [0, 1, 0]
    assert {report.figures.get("index.recall@10") for report in late} == {None}
    assert "Nothing ran on this night" in late[0].remarks[0].sentence
    with world.database.transaction() as connection:
        scored = evaluations.scores_of(connection, TENANT, late[1].runs[0])
    assert {score.question for score in scored} == {"then"}
    assert not shown(world, DUE + 4 * DAY).caught_up


def test_a_run_that_failed_and_a_probe_that_failed_are_in_the_report(world: World) -> None:
    def blind(_: Scope) -> Looked:
        raise Exhausted("Not all vectors could be looked at.", code="deadline")

    def never(_: Scope) -> Looked:
        pytest.fail("the time was used up")

    world.golden("q1")
    world.platform.reply = world.platform.hits = Unavailable("all is down")
    plan(world)
    work(world, {"index": blind, "questions": seen})
    report = shown(world)
    assert report.remarks[0].sentence.startswith("The run of golden failed")
    assert report.failures == {"index": "deadline: Not all vectors could be looked at."}
    assert report.figures == {"index.recall@10": 0.5}
    plan(world, DUE + DAY)
    work(world, {"index": never}, budget_s=-1)
    assert "used up" in shown(world, DUE + DAY).failures["index"]


def test_a_worker_that_lost_a_night_cannot_close_it(world: World) -> None:
    world.golden("q1")
    plan(world)
    with world.database.transaction() as connection:
        connection.execute(text("UPDATE evaluation_runs SET state = 'failed'"))
        lost = nights.lease(connection, owner="dead", lease_s=60)
        assert lost is not None
        connection.execute(text("UPDATE evaluation_nights SET lease_until = now() - interval '1 second'"))
        taken = nights.lease(connection, owner="alive", lease_s=60)
        assert taken is not None
        assert taken.attempt == 2
    with pytest.raises(Conflict):
        closer(world, {}).close(lost, Event())
    closer(world, {}).close(taken, Event())
    assert shown(world).night == DUE.date()


def test_a_fault_of_ours_closes_a_night_in_the_end_with_its_reason(world: World) -> None:
    def broken(_: Scope) -> Looked:
        raise ZeroDivisionError

    world.golden("q1")
    plan(world)
    work(world)  # its run; this night is closed well
    plan(world, DUE + DAY)
    with world.database.transaction() as connection:
        connection.execute(text("UPDATE evaluation_runs SET state = 'done' WHERE state = 'waiting'"))
    for _ in range(nights.MAX_ATTEMPTS):
        with world.database.transaction() as connection:
            connection.execute(text("UPDATE evaluation_nights SET lease_until = now() - interval '1 second'"))
            held = nights.lease(connection, owner="one", lease_s=60)
        assert held is not None
        try:
            closer(world, {"index": broken}).close(held, Event())
        except ZeroDivisionError:
            assert not held.is_last_try
    (remark,) = shown(world, DUE + DAY).remarks
    assert remark.severity is Severity.ALARM
    assert "ZeroDivisionError" in remark.sentence


def test_a_night_can_be_begun_now_and_once_a_day(world: World) -> None:
    with world.database.transaction() as connection, pytest.raises(Invalid, match="nothing to evaluate"):
        begin_night(connection, world.collection, judge="local")
    world.golden("q1")
    with world.database.transaction() as connection:
        (run,) = requests.begin_night(connection, ANN, world.collection, judge="local")
    assert run.dataset == "golden"
    with world.database.transaction() as connection, pytest.raises(Conflict, match="has begun"):
        requests.begin_night(connection, ANN, world.collection, judge="local")
    work(world)
    with world.database.transaction() as connection:
        (report,) = requests.list_nights(connection, ANN, collection=world.collection, limit=5)
        assert requests.show_night(connection, ANN, world.collection, report.night) == report
        with pytest.raises(NotFound):
            requests.show_night(connection, ANN, world.collection, DUE.date())


Message = tuple[str, str, Mapping[str, object]]


@dataclass
class Post:
    """A way that takes messages, unless it is `down`."""

    down: bool = False
    taken: list[Message] = field(default_factory=list[Message])

    def tell(self, subject: str, text: str, facts: Mapping[str, object]) -> None:
        if self.down:
            raise Unavailable("The webhook answers 500.", code="webhook")
        self.taken.append((subject, text, facts))


def test_answers_of_a_day_are_counted_and_sampled(world: World) -> None:
    world.record_answer("fresh", world.answer())
    world.record_answer("cached", world.answer(), from_cache=True)
    world.record_answer("nightly", world.answer(), principal="evaluation")
    answered_at(world, "old", DUE)
    now = datetime.now(UTC)
    window = Window(now - DAY, now + DAY)
    asked = Answers(world.database, VAULT, ANN, world.collection, internal.answer.validate_json)
    assert asked.counted(window) == (2, 1)
    assert [answer.id for answer in asked.given(window, limit=5)] == ["fresh"]
    assert [answer.id for answer in asked.given(window, limit=5, from_cache=True)] == ["cached"]


def test_alarms_are_told_until_somebody_has_taken_them(world: World) -> None:
    world.golden("q1")
    plan(world)
    work(world, {"index": seen})
    clock, post = [0.0], Post(down=True)
    teller = Teller(world.database, {"webhook": post}, now=lambda: clock[0])
    teller.tell()
    post.down = False
    teller.tell()  # too early to try again
    assert post.taken == []
    clock[0] += RETRY_S
    teller.tell()
    teller.tell()
    ((subject, told, facts),) = post.taken
    assert subject == "Assay: 1 alarm in handbook, night of 2026-03-05"
    assert ALARM.sentence in told
    assert facts["alarms"] == [ALARM.sentence]


def test_a_night_without_alarms_wakes_nobody(world: World) -> None:
    world.golden("q1")
    plan(world)
    work(world)
    post = Post()
    Teller(world.database, {"webhook": post}).tell()
    assert post.taken == []
