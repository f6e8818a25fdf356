"""Start beat: `python -m assay_evaluation.beat`. It rings for the night's runs; which those are, SQL knows.

It rings again in the two hours after, in case nobody heard: a night is planned once, so that does no harm. What beat
remembers in its file is when it last rang, so a night missed while it was down is rung for when it is back.
"""

import signal
import sys
import time
from collections.abc import Callable
from types import FrameType

from assay_core.errors import Broken
from assay_runtime import health, log
from assay_runtime.queue import build_queue
from celery import Celery
from celery.beat import PersistentScheduler, Service
from celery.schedules import crontab

from assay_evaluation.settings import BeatSettings, NightlySettings
from assay_evaluation.tasks import NIGHTLY_TASK

TICK_S = 30
RINGS = 3


class Heartbeat:
    """When beat last looked at its schedule."""

    def __init__(self, *, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._at = now()

    def note(self) -> None:
        self._at = self._now()

    def check(self) -> None:
        """For readiness. Raises `Broken` if beat has stood still."""
        still_s = self._now() - self._at
        if still_s > 4 * TICK_S:
            raise Broken(f"Beat has not looked at its schedule for {still_s:.0f} s.", code="beat_stands_still")


def build_beat(settings: BeatSettings, heartbeat: Heartbeat) -> Service:
    """Celery's beat with the schedule of these settings."""

    class NotingScheduler(PersistentScheduler):
        def tick(self) -> float:  # pyright: ignore[reportIncompatibleMethodOverride] - its arguments are for speed
            heartbeat.note()
            return super().tick()

    app = build_queue(settings.broker.url.get_secret_value(), name="assay-beat")
    schedule(app, settings.nightly)
    settings.state_path.parent.mkdir(parents=True, exist_ok=True)
    return Service(
        app,
        max_interval=TICK_S,
        schedule_filename=str(settings.state_path),
        scheduler_cls=NotingScheduler,
        remote_control=False,
    )


def schedule(app: Celery, nightly: NightlySettings) -> None:
    """Ring at the set time and in the hours after."""
    hours = ",".join(str((nightly.hour + later) % 24) for later in range(RINGS))
    entry = {
        "task": NIGHTLY_TASK,
        "schedule": crontab(minute=str(nightly.minute), hour=hours),
        "options": {"expires": 1800},
    }
    app.conf.beat_schedule = {"nightly": entry} if nightly.enabled else {}


def main() -> None:
    settings = BeatSettings()  # pyright: ignore[reportCallIssue] - required values come from the environment
    log.configure(settings.log, process="beat")
    heartbeat = Heartbeat()
    beat = build_beat(settings, heartbeat)
    health.serve_in_background(settings.http, {"schedule": heartbeat.check})
    signal.signal(signal.SIGTERM, _leave)
    beat.start()


def _leave(_signal: int, _frame: FrameType | None) -> None:
    # Celery writes its state down on the way out.
    sys.exit(0)


if __name__ == "__main__":
    main()
