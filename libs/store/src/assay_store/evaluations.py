"""Evaluation runs with their scores and the configuration that produced them.

A run is work with a lease, like a job: whoever holds it writes with its epoch, and is refused once someone else has
taken it over. Its cases are pinned when it starts, and a case gets all its scores in one transaction, so a run that
was killed goes on where it stopped and scores nothing twice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import NamedTuple, cast

from assay_core.documents import AclId, CollectionId, TenantId
from assay_core.errors import Conflict, NotFound
from assay_core.evaluation import EvaluationRun, QuestionScore, RunState
from assay_core.principals import Principal
from sqlalchemy import Connection, Row, insert, text
from sqlalchemy.dialects.postgresql import insert as insert_new

from assay_store import answers, outbox, visibility
from assay_store.ids import new_id
from assay_store.tables import evaluation_cases, evaluation_runs, evaluation_scores

RUN_TASK = "evaluation.run"
MAX_ATTEMPTS = 3

_LEASE = text("""
UPDATE evaluation_runs r
SET state = 'running', owner = :owner, epoch = r.epoch + 1, attempts = r.attempts + 1,
    lease_until = now() + make_interval(secs => :lease_s),
    started_at = CASE WHEN r.attempts = 0 THEN now() ELSE r.started_at END
FROM (
    SELECT tenant, id FROM evaluation_runs
    WHERE attempts < :most AND (state = 'waiting' OR (state = 'running' AND lease_until < now()))
    ORDER BY started_at, id LIMIT 1 FOR UPDATE SKIP LOCKED
) open
WHERE r.tenant = open.tenant AND r.id = open.id
RETURNING r.*
""")

_VISIBLE_RUNS = """
SELECT r.* FROM evaluation_runs r
JOIN collections c ON c.tenant = r.tenant AND c.id = r.collection
WHERE r.tenant = :tenant AND c.deleted_at IS NULL AND c.default_acl = ANY(:acls)
"""

_SAMPLE_ANSWERS = text(f"""
SELECT a.id FROM answers a
WHERE a.tenant = :tenant AND a.collection = :collection AND a.from_cache = :from_cache
  AND a.principal <> ALL(:except) AND a.created_at >= :since AND a.created_at < :until
  AND NOT EXISTS (
      SELECT 1 FROM evaluation_cases e WHERE e.tenant = a.tenant AND e.answer = a.id AND e.question <> a.id)
  AND {answers.READABLE}
ORDER BY random() LIMIT :limit
""")


class Window(NamedTuple):
    """A stretch of time, from `since` until before `until`."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class NewRun:
    """A run that is asked for. `night` marks the nightly one, of which there is one per collection and golden set.

    `answering` is tried in the place of what the collection was given; `window` is whose answers it scores, if not
    those of the last day.
    """

    collection: CollectionId
    dataset: str
    judge: str
    requested_by: str
    limit: int | None = None
    night: date | None = None
    answering: Mapping[str, object] = field(default_factory=dict[str, object])
    dataset_version: int | None = None
    window: Window | None = None

    @property
    def asked(self) -> dict[str, object]:
        """What is settled of its configuration when it is asked for."""
        given = {
            "limit": self.limit,
            "dataset_version": self.dataset_version,
            "answering": dict(self.answering) or None,
            "since": self.window and self.window.since.isoformat(),
            "until": self.window and self.window.until.isoformat(),
        }
        return {name: value for name, value in given.items() if value is not None}


@dataclass(frozen=True, slots=True)
class RunLease:
    """The right to work on a run until it lapses; writes with an older `epoch` are refused."""

    run: str
    collection: CollectionId
    dataset: str
    judge: str
    requested_by: str
    configuration: Mapping[str, object]
    epoch: int
    attempt: int

    @property
    def limit(self) -> int | None:
        return cast(int | None, self.configuration.get("limit"))

    @property
    def answering(self) -> Mapping[str, object]:
        """What is tried in the place of what the collection was given by promotion."""
        return cast(Mapping[str, object], self.configuration.get("answering", {}))

    @property
    def dataset_version(self) -> int | None:
        """Of the golden set; None before it is settled."""
        return cast(int | None, self.configuration.get("dataset_version"))

    @property
    def window(self) -> Window | None:
        """Whose answers are scored; None for those of the last day."""
        ends = [self.configuration.get(end) for end in ("since", "until")]
        return Window(*map(datetime.fromisoformat, cast(list[str], ends))) if all(ends) else None


@dataclass(frozen=True, slots=True)
class Case:
    """A question of a run; `answer` is known from the start where an answer of yesterday is scored.

    `slices` says what it is, by name of the division (question type, language, …), for comparing parts of runs.
    """

    question: str
    answer: str | None = None
    slices: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended."""

    metrics: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]
    failures: int


def create(connection: Connection, new: NewRun) -> EvaluationRun | None:
    """Write a waiting run and ring for it. Returns None if that night's run is there already."""
    run = new_id()
    row = connection.execute(
        insert_new(evaluation_runs)
        .values(
            tenant=new.collection.tenant,
            id=run,
            collection=new.collection.id,
            dataset=new.dataset,
            judge=new.judge,
            state=RunState.WAITING,
            requested_by=new.requested_by,
            night=new.night,
            configuration=new.asked,
        )
        .on_conflict_do_nothing(constraint="evaluation_runs_night")
        .returning(evaluation_runs)
    ).one_or_none()
    if row is None:
        return None
    outbox.add(connection, tenant=new.collection.tenant, task=RUN_TASK, job=run)
    return run_of(row)


def lease(connection: Connection, *, owner: str, lease_s: float) -> RunLease | None:
    """Take the oldest open run, by the database's clock; None if nothing waits."""
    row = connection.execute(_LEASE, {"owner": owner, "lease_s": lease_s, "most": MAX_ATTEMPTS}).one_or_none()
    if row is None:
        return None
    return RunLease(
        run=row.id,
        collection=CollectionId(TenantId(row.tenant), row.collection),
        dataset=row.dataset,
        judge=row.judge,
        requested_by=row.requested_by,
        configuration=row.configuration,
        epoch=row.epoch,
        attempt=row.attempts,
    )


def renew(connection: Connection, held: RunLease, *, lease_s: float) -> None:
    """Extend a lease. Raises `Conflict` if it was lost to someone else."""
    _held_update(connection, held, "lease_until = now() + make_interval(secs => :s)", {"s": lease_s})


def give_back(connection: Connection, held: RunLease) -> None:
    """Let someone else go on at once; the try does not count."""
    _held_update(
        connection, held, "state = 'waiting', owner = NULL, lease_until = NULL, attempts = greatest(attempts - 1, 0)"
    )


def fail_exhausted(connection: Connection) -> int:
    """Fail the runs whose worker died `MAX_ATTEMPTS` times without scoring one more case. Returns how many."""
    return connection.execute(
        text("""
            UPDATE evaluation_runs SET state = 'failed', owner = NULL, finished_at = now(), epoch = epoch + 1,
                   error = 'the worker died ' || attempts || ' times at the same question; look at its log'
            WHERE state = 'running' AND lease_until < now() AND attempts >= :most
        """),
        {"most": MAX_ATTEMPTS},
    ).rowcount


def pin(
    connection: Connection, held: RunLease, cases: Sequence[Case], configuration: Mapping[str, object]
) -> Mapping[str, object]:
    """Settle once which cases a run has, and what it knows of its configuration before the first answer.

    Returns the configuration as it stands; a run that was taken up again keeps its own.
    """
    if "planned" in held.configuration:
        return held.configuration
    settled = dict(held.configuration) | dict(configuration) | {"planned": len(cases)}
    set_configuration(connection, held, settled)
    if cases:
        tenant = held.collection.tenant
        connection.execute(
            insert(evaluation_cases),
            [{"tenant": tenant, "run": held.run, **asdict(case)} for case in cases],
        )
    return settled


def set_configuration(connection: Connection, held: RunLease, configuration: Mapping[str, object]) -> None:
    """Record what produced the answers. Raises `Conflict` if the lease was lost."""
    _require_held(connection, held)
    connection.execute(
        evaluation_runs.update()
        .where(evaluation_runs.c.tenant == held.collection.tenant, evaluation_runs.c.id == held.run)
        .values(configuration=dict(configuration))
    )


def open_cases(connection: Connection, held: RunLease) -> list[Case]:
    """The cases that have no scores yet, in a stable order."""
    rows = connection.execute(
        text("""
            SELECT question, answer, slices FROM evaluation_cases
            WHERE tenant = :t AND run = :r AND scored_at IS NULL ORDER BY question
        """),
        {"t": held.collection.tenant, "r": held.run},
    )
    return [Case(row.question, row.answer, row.slices) for row in rows]


def record_case(connection: Connection, held: RunLease, case: Case, scores: Sequence[QuestionScore]) -> None:
    """Write all scores of a case and count it. Raises `Conflict` if the lease was lost.

    A run that gets on is worth further tries, however often its worker dies.
    """
    _held_update(
        connection,
        held,
        "questions = questions + 1, failures = failures + :failed, attempts = 1",
        {"failed": int(any(score.value is None for score in scores))},
    )
    tenant = held.collection.tenant
    connection.execute(
        evaluation_cases.update()
        .where(
            evaluation_cases.c.tenant == tenant,
            evaluation_cases.c.run == held.run,
            evaluation_cases.c.question == case.question,
        )
        .values(answer=case.answer, slices=dict(case.slices), scored_at=text("now()"))
    )
    if scores:
        connection.execute(
            insert(evaluation_scores), [{"tenant": tenant, "run": held.run, **asdict(score)} for score in scores]
        )


def finish(connection: Connection, held: RunLease, outcome: Outcome) -> None:
    """Close a run with its figures. Raises `Conflict` if the lease was lost."""
    _require_held(connection, held)
    connection.execute(
        evaluation_runs.update()
        .where(evaluation_runs.c.tenant == held.collection.tenant, evaluation_runs.c.id == held.run)
        .values(
            state=RunState.DONE,
            owner=None,
            lease_until=None,
            finished_at=text("now()"),
            metrics=dict(outcome.metrics),
            intervals={metric: list(ends) for metric, ends in outcome.intervals.items()},
            failures=outcome.failures,
        )
    )


def fail(connection: Connection, held: RunLease, reason: str) -> None:
    """Close a run that cannot be done, with a reason for people. Raises `Conflict` if the lease was lost."""
    _held_update(
        connection,
        held,
        "state = 'failed', owner = NULL, lease_until = NULL, finished_at = now(), error = :reason",
        {"reason": reason},
    )


def listing(
    connection: Connection, principal: Principal, *, collection: CollectionId | None, limit: int
) -> list[EvaluationRun]:
    """Runs on collections that the principal may see, newest first."""
    rows = connection.execute(
        text(
            f"{_VISIBLE_RUNS} AND (CAST(:collection AS text) IS NULL OR r.collection = :collection)"
            " ORDER BY r.started_at DESC, r.id LIMIT :limit"
        ),
        _readable(connection, principal) | {"collection": collection and collection.id, "limit": limit},
    )
    return [run_of(row) for row in rows]


def get(connection: Connection, principal: Principal, run: str) -> EvaluationRun:
    """A run. Raises `NotFound` if there is none that the principal may see."""
    row = connection.execute(
        text(f"{_VISIBLE_RUNS} AND r.id = :run"), _readable(connection, principal) | {"run": run}
    ).one_or_none()
    if row is None:
        raise NotFound(f"There is no evaluation run {run!r}.", code="run_not_found")
    return run_of(row)


def scores_of(connection: Connection, tenant: TenantId, run: str) -> list[QuestionScore]:
    """Every score of a run, by question and metric; call `get` first to check the right to see them."""
    rows = connection.execute(
        text("""
            SELECT question, metric, value, failure FROM evaluation_scores
            WHERE tenant = :t AND run = :r ORDER BY question, metric
        """),
        {"t": tenant, "r": run},
    )
    return [QuestionScore(row.question, row.metric, row.value, row.failure) for row in rows]


def cases_of(connection: Connection, tenant: TenantId, run: str) -> list[Case]:
    """Every case of a run, by question; call `get` first to check the right to see them."""
    rows = connection.execute(
        text("SELECT question, answer, slices FROM evaluation_cases WHERE tenant = :t AND run = :r ORDER BY question"),
        {"t": tenant, "r": run},
    )
    return [Case(row.question, row.answer, row.slices) for row in rows]


def sample_answers(
    connection: Connection,
    principal: Principal,
    collection: CollectionId,
    window: Window,
    *,
    limit: int,
    without: Sequence[str] = (),
    from_cache: bool = False,
) -> list[str]:
    """Ids of a random sample of the answers of a time, without those given to the principals `without`, those that
    evaluation asked for, and those that rest on a document that `principal` may not read."""
    rows = connection.execute(
        _SAMPLE_ANSWERS,
        {
            "tenant": collection.tenant,
            "collection": collection.id,
            "since": window.since,
            "until": window.until,
            "from_cache": from_cache,
            "limit": limit,
            "except": list(without),
            "acls": _acls(connection, principal),
        },
    )
    return [row.id for row in rows]


def count_answers(
    connection: Connection, collection: CollectionId, window: Window, *, without: Sequence[str] = ()
) -> tuple[int, int]:
    """How many answers were given in a time but to the principals `without`, and how many of them from the cache."""
    row = connection.execute(
        text("""
            SELECT count(*) AS all, count(*) FILTER (WHERE from_cache) AS cached FROM answers
            WHERE tenant = :t AND collection = :c AND principal <> ALL(:without)
              AND created_at >= :since AND created_at < :until
        """),
        {"t": collection.tenant, "c": collection.id, "without": list(without), **window._asdict()},
    ).one()
    return row.all, row.cached


def _require_held(connection: Connection, held: RunLease) -> None:
    _held_update(connection, held, "epoch = epoch")


def _held_update(
    connection: Connection, held: RunLease, assignments: str, values: Mapping[str, object] | None = None
) -> None:
    changed = connection.execute(
        text(f"""
            UPDATE evaluation_runs SET {assignments}
            WHERE tenant = :tenant AND id = :run AND epoch = :epoch AND state = 'running'
        """),
        {"tenant": held.collection.tenant, "run": held.run, "epoch": held.epoch, **(values or {})},
    ).rowcount
    if not changed:
        raise Conflict(f"Evaluation run {held.run!r} was taken over by another worker.", code="lease_lost")


def _readable(connection: Connection, principal: Principal) -> dict[str, object]:
    return {"tenant": principal.tenant, "acls": _acls(connection, principal)}


def _acls(connection: Connection, principal: Principal) -> list[AclId]:
    return sorted(visibility.readable_acls(connection, principal))


def run_of(row: Row[tuple[object, ...]]) -> EvaluationRun:
    """A run from its row."""
    return EvaluationRun(
        id=row.id,
        collection=row.collection,
        dataset=row.dataset,
        judge=row.judge,
        state=RunState(row.state),
        configuration=row.configuration,
        metrics=row.metrics,
        questions=row.questions,
        failures=row.failures,
        started_at=row.started_at,
        finished_at=row.finished_at,
        error=row.error,
        intervals={metric: (low, high) for metric, (low, high) in row.intervals.items()},
    )
