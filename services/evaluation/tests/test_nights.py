"""When beat rings, and which night a ring belongs to."""

from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest
from assay_core.errors import Broken
from assay_evaluation import beat
from assay_evaluation.schedule import last_due
from assay_evaluation.settings import BeatSettings, NightlySettings
from assay_evaluation.tasks import NIGHTLY_TASK, RUN_TASK, register
from assay_store import evaluations
from celery import Celery
from pydantic import SecretStr


@pytest.mark.parametrize(
    ("now", "night"),
    [
        (datetime(2026, 3, 5, 2, 15, tzinfo=UTC), date(2026, 3, 5)),
        (datetime(2026, 3, 5, 4, 15, 9, tzinfo=UTC), date(2026, 3, 5)),
        (datetime(2026, 3, 5, 2, 14, 59, tzinfo=UTC), date(2026, 3, 4)),
        (datetime(2026, 3, 5, 23, 0, tzinfo=timezone(timedelta(hours=-5))), date(2026, 3, 6)),
    ],
)
def test_a_ring_belongs_to_the_last_night_that_was_due(now: datetime, night: date) -> None:
    assert last_due(now, hour=2, minute=15).date() == night


def test_late_rings_past_midnight_belong_to_the_same_night() -> None:
    rings = [datetime(2026, 3, 5, 23, 15, tzinfo=UTC) + timedelta(hours=later) for later in range(beat.RINGS)]
    assert {last_due(ring, hour=23, minute=15).date() for ring in rings} == {date(2026, 3, 5)}


def scheduled(nightly: NightlySettings) -> dict[str, object]:
    app = Celery("test")
    beat.schedule(app, nightly)
    return app.conf.beat_schedule


def test_beat_rings_at_the_set_time_and_twice_more() -> None:
    entry = scheduled(NightlySettings(hour=23, minute=15))["nightly"]
    assert isinstance(entry, dict)
    assert entry["task"] == NIGHTLY_TASK
    assert (entry["schedule"].hour, entry["schedule"].minute) == ({23, 0, 1}, {15})


def test_beat_is_silent_if_nights_are_off() -> None:
    assert scheduled(NightlySettings(enabled=False)) == {}


def test_beat_remembers_in_the_data_folder(tmp_path: Path) -> None:
    settings = BeatSettings(home=tmp_path, broker={"url": SecretStr("redis://127.0.0.1:1/0")})  # pyright: ignore[reportArgumentType] - pydantic reads it
    heartbeat = beat.Heartbeat()
    service = beat.build_beat(settings, heartbeat)
    assert service.scheduler.tick() <= beat.TICK_S
    service.sync()
    assert list((tmp_path / "run" / "beat").glob("schedule*"))
    heartbeat.check()


def test_a_beat_that_stands_still_is_not_ready() -> None:
    clock = iter([0.0, 4 * beat.TICK_S + 1.0])
    with pytest.raises(Broken, match="not looked"):
        beat.Heartbeat(now=lambda: next(clock)).check()


def test_tasks_ring_and_plan_and_bear_the_names_that_the_outbox_sends() -> None:
    app, heard = Celery("test"), list[str]()
    register(app, ring=lambda: heard.append("ring"), plan_night=lambda: heard.append("plan"))
    assert evaluations.RUN_TASK == RUN_TASK
    app.tasks[RUN_TASK]("tenant", "run")
    app.tasks[NIGHTLY_TASK]()
    assert heard == ["ring", "plan", "ring"]
