"""Which runs a night has: every golden set of every collection, and yesterday's answers where there are any."""

from datetime import UTC, date, datetime, timedelta

from assay_core.documents import TenantId
from assay_core.evaluation import EvaluationRun
from assay_core.golden_sets import TRAFFIC
from assay_core.principals import Principal
from assay_store import access, collections, evaluations, golden_sets
from assay_store.evaluations import NewRun
from sqlalchemy import Connection

from assay_evaluation.requests import ROLE

NIGHTLY_PRINCIPAL = "evaluation"
TRAFFIC_S = 24 * 3600.0


def night_of(now: datetime, *, hour: int, minute: int) -> date:
    """The night that a ring belongs to: the date (UTC) of the last time that the clock showed `hour:minute`."""
    now = now.astimezone(UTC)
    due = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return (due if due <= now else due - timedelta(days=1)).date()


def plan_night(connection: Connection, night: date, *, judge: str) -> list[EvaluationRun]:
    """Write the runs of a night that are not there yet, so that ringing twice, or late, does no harm.

    They are done as the service principal `evaluation`: a collection that it may not read is left out.
    """
    return [run for tenant in access.all_tenants(connection) for run in _plan(connection, tenant, night, judge)]


def _plan(connection: Connection, tenant: TenantId, night: date, judge: str) -> list[EvaluationRun]:
    principal = Principal(tenant, NIGHTLY_PRINCIPAL, NIGHTLY_PRINCIPAL, frozenset({ROLE}))
    access.ensure_principal(connection, principal, kind="service")
    planned: list[EvaluationRun | None] = []
    for collection in collections.listing(connection, principal):
        datasets = [found.name for found in golden_sets.listing(connection, collection.id) if not found.candidate]
        if evaluations.sample_answers(
            connection, principal, collection.id, since_s=TRAFFIC_S, limit=1, without=[NIGHTLY_PRINCIPAL]
        ):
            datasets.append(TRAFFIC)
        planned += [
            evaluations.create(connection, NewRun(collection.id, dataset, judge, principal.id, night=night))
            for dataset in datasets
        ]
    return [run for run in planned if run is not None]
