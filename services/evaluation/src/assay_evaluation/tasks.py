"""The Celery tasks. Each only rings: what is to be done is in SQL, and a run outlives any message."""

from collections.abc import Callable

from celery import Celery

RUN_TASK = "evaluation.run"
NIGHTLY_TASK = "evaluation.nightly"


def register(app: Celery, *, ring: Callable[[], None], plan_night: Callable[[], None]) -> None:
    """Define the tasks on the worker's application."""

    def run(*_names: str) -> None:
        ring()

    def nightly() -> None:
        plan_night()
        ring()

    app.task(run, name=RUN_TASK)
    app.task(nightly, name=NIGHTLY_TASK)
