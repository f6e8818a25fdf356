"""What people may ask of evaluation: start a run, look at runs."""

import re
from collections.abc import Mapping
from datetime import date

from assay_core.documents import CollectionId
from assay_core.errors import Denied, Invalid
from assay_core.evaluation import EvaluationRun, NightReport, QuestionScore
from assay_core.golden_sets import TRAFFIC
from assay_core.principals import Principal
from assay_store import collections, evaluations, golden_sets, nights
from assay_store.evaluations import Case
from sqlalchemy import Connection

from assay_evaluation import schedule
from assay_evaluation.schedule import ROLE

JUDGES = ("local", "embedding", "ragas")
MAX_RUNS = 500
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def start_run(
    connection: Connection,
    principal: Principal,
    collection: CollectionId,
    *,
    dataset: str,
    judge: str,
    limit: int | None,
    answering: Mapping[str, str | bool | int] | None = None,
    version: int | None = None,
) -> EvaluationRun:
    """Write a run that the worker will take up, as this principal, on this version of a golden set or the newest.

    Raises:
        Denied: the principal is no evaluator.
        NotFound: no such collection, golden set or version of it for this principal.
        Invalid: no such judge, a limit below 1, or something to be tried that there is not.
    """
    require_evaluator(principal)
    require_judge(judge)
    if limit is not None and limit < 1:
        raise Invalid(f"The limit is {limit}; it must be at least 1, or left out.", code="bad_limit")
    found = collections.by_id(connection, principal, collection)
    pinned = None if dataset == TRAFFIC else golden_sets.find(connection, found.id, dataset, version).version
    found.settings.answering.changed(answering or {})
    new = evaluations.NewRun(
        found.id, dataset, judge, principal.id, limit, answering=answering or {}, dataset_version=pinned
    )
    started = evaluations.create(connection, new)
    assert started is not None  # only nightly runs meet an earlier one
    return started


def list_runs(
    connection: Connection, principal: Principal, *, collection: CollectionId | None, limit: int
) -> list[EvaluationRun]:
    """Runs that the principal may see, newest first."""
    if not 1 <= limit <= MAX_RUNS:
        raise Invalid(f"The limit is {limit}; ask for 1 to {MAX_RUNS} runs.", code="bad_limit")
    if collection is not None:
        collections.by_id(connection, principal, collection)
    return evaluations.listing(connection, principal, collection=collection, limit=limit)


def show_run(
    connection: Connection, principal: Principal, run: str
) -> tuple[EvaluationRun, list[QuestionScore], list[Case]]:
    """A run with every score and every case. Raises `NotFound`."""
    found = evaluations.get(connection, principal, run)
    cases = evaluations.cases_of(connection, principal.tenant, run)
    return found, evaluations.scores_of(connection, principal.tenant, run), cases


def list_nights(
    connection: Connection, principal: Principal, *, collection: CollectionId | None, limit: int
) -> list[NightReport]:
    """Closed nights that the principal may see, newest first."""
    if not 1 <= limit <= MAX_RUNS:
        raise Invalid(f"The limit is {limit}; ask for 1 to {MAX_RUNS} nights.", code="bad_limit")
    if collection is not None:
        collections.by_id(connection, principal, collection)
    return nights.listing(connection, principal, collection=collection, limit=limit)


def begin_night(
    connection: Connection, principal: Principal, collection: CollectionId, *, judge: str
) -> list[EvaluationRun]:
    """Have this day's night of a collection begin now. Raises as `schedule.begin_night`, and `Denied`."""
    require_evaluator(principal)
    return schedule.begin_night(connection, collections.by_id(connection, principal, collection).id, judge=judge)


def show_night(connection: Connection, principal: Principal, collection: CollectionId, night: date) -> NightReport:
    """The report of a night. Raises `NotFound`."""
    return nights.get(connection, collections.by_id(connection, principal, collection).id, night)


def require_evaluator(principal: Principal) -> None:
    """Raise `Denied` unless the principal may measure."""
    if not principal.has(ROLE):
        raise Denied(f"{principal.name!r} lacks the role {ROLE!r}; ask an administrator for it.", code="forbidden")


def require_judge(judge: str) -> None:
    """Raise `Invalid` for a judge that there is not."""
    if judge not in JUDGES:
        raise Invalid(f"{judge!r} is no judge; use one of {', '.join(JUDGES)}.", code="bad_judge")
