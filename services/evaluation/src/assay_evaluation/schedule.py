"""Which runs a night has: every golden set of every collection, and the answers of the day before it."""

from datetime import UTC, datetime, timedelta

from assay_core.documents import CollectionId, TenantId
from assay_core.errors import Conflict, Invalid
from assay_core.evaluation import EvaluationRun
from assay_core.golden_sets import TRAFFIC
from assay_core.principals import Principal
from assay_store import access, collections, evaluations, golden_sets, nights
from assay_store.database import clock
from assay_store.evaluations import NewRun, Window
from sqlalchemy import Connection

ROLE = "evaluator"
NIGHTLY_PRINCIPAL = "evaluation"
DAY = timedelta(days=1)
MOST_CAUGHT_UP = 14
"""Older nights that were missed are left: what was answered so long ago is of little use."""


def last_due(now: datetime, *, hour: int, minute: int) -> datetime:
    """The last time (UTC) that the clock showed `hour:minute`; the night that a ring belongs to bears its date."""
    now = now.astimezone(UTC)
    due = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return due if due <= now else due - DAY


def plan_night(connection: Connection, due_at: datetime, *, judge: str) -> list[EvaluationRun]:
    """Write the runs of a night that are not there yet, so that ringing twice, or late, does no harm.

    Nights that were missed since the last one are written too: their golden sets cannot be asked of a corpus that is
    gone, but what was answered then can be scored. All is done as the service principal `evaluation`: a collection that
    it may not read is left out.
    """
    return [run for tenant in access.all_tenants(connection) for run in _plan(connection, tenant, due_at, judge)]


def begin_night(connection: Connection, collection: CollectionId, *, judge: str) -> list[EvaluationRun]:
    """Write this day's night of one collection, of which all has been checked, to begin at once.

    Raises:
        Conflict: it has been planned already.
        NotFound: the service principal may not read the collection.
        Invalid: there is neither a golden set nor an answer of the last day.
    """
    principal = _nightly(connection, collection.tenant)
    collections.by_id(connection, principal, collection)
    due_at = clock(connection)
    if nights.last_planned(connection, collection) == due_at.date():
        raise Conflict(f"The night of {due_at.date()} has begun already; look at its report.", code="night_begun")
    planned = _plan_collection(connection, principal, collection, due_at, judge)
    if not planned:
        raise Invalid(
            "There is nothing to evaluate: store a golden set (`assay eval upload`), or ask something first.",
            code="empty_sample",
        )
    return planned


def _nightly(connection: Connection, tenant: TenantId) -> Principal:
    principal = Principal(tenant, NIGHTLY_PRINCIPAL, NIGHTLY_PRINCIPAL, frozenset({ROLE}))
    access.ensure_principal(connection, principal, kind="service")
    return principal


def _plan(connection: Connection, tenant: TenantId, due_at: datetime, judge: str) -> list[EvaluationRun]:
    principal = _nightly(connection, tenant)
    planned: list[EvaluationRun] = []
    for found in collections.listing(connection, principal):
        for missed_at in _missed(connection, found.id, due_at):
            planned += _plan_collection(connection, principal, found.id, missed_at, judge, caught_up=True)
        planned += _plan_collection(connection, principal, found.id, due_at, judge)
    return planned


def _missed(connection: Connection, collection: CollectionId, due_at: datetime) -> list[datetime]:
    last = nights.last_planned(connection, collection)
    if last is None:
        return []
    days = min((due_at.date() - last).days - 1, MOST_CAUGHT_UP)
    return [due_at - DAY * back for back in range(days, 0, -1)]


def _plan_collection(
    connection: Connection,
    principal: Principal,
    collection: CollectionId,
    due_at: datetime,
    judge: str,
    *,
    caught_up: bool = False,
) -> list[EvaluationRun]:
    night, window = due_at.date(), Window(due_at - DAY, due_at)
    datasets: list[str] = []
    if not caught_up:
        datasets = [one.name for one in golden_sets.listing(connection, collection) if not one.candidate]
    if evaluations.sample_answers(connection, principal, collection, window, limit=1, without=[NIGHTLY_PRINCIPAL]):
        datasets.append(TRAFFIC)
    if not datasets and nights.last_planned(connection, collection) is None:
        return []
    nights.plan(connection, collection, night, due_at=due_at, caught_up=caught_up)
    runs = [
        evaluations.create(
            connection,
            NewRun(
                collection,
                dataset,
                judge,
                principal.id,
                night=night,
                window=window if dataset == TRAFFIC else None,
            ),
        )
        for dataset in datasets
    ]
    return [run for run in runs if run is not None]
