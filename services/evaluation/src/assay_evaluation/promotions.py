"""Let a collection answer as a run did, if that run is no worse than how it answers now."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from assay_core.ab_tests import ABState
from assay_core.collection_settings import Answering
from assay_core.documents import Collection, CollectionId
from assay_core.errors import Conflict, Denied, Invalid
from assay_core.evaluation import EvaluationRun, RunState
from assay_core.experiments import Promotion
from assay_core.principals import Principal
from assay_evals.gate import decide
from assay_store import ab_tests, collections, evaluations, promotions
from assay_store.ids import new_id
from sqlalchemy import Connection

from assay_evaluation.experiments import check_comparable, compare_runs, facts_of, require_done

ROLE = "curator"
SETTINGS = ("prompt", "mode", "rerank", "top_k")
RECORDED = ("prompt_versions", "chat_models", "judge", "judge_model", "index_kind", "chunking", "embedder", "reranker",
            "epoch", "code_version", "dataset_sha256")  # fmt: skip
"""What the deployment decides, and promotion only writes down."""
MOST_RUNS = 200


def promote(connection: Connection, principal: Principal, *, run: str, override_reason: str | None) -> Promotion:
    """Switch the settings of answering of the run's collection to those that it was made with.

    The run is held against the newest one that was made, with the same golden set, as the collection answers now.

    Raises:
        Denied: the principal is no curator.
        NotFound: there is no such run.
        Conflict: the run is not done, is worse than what is there, or there is nothing to hold it against, and no
            reason is given to promote it all the same.
        Invalid: the run does not say what it was made with.
    """
    require_curator(principal)
    candidate = evaluations.get(connection, principal, run)
    require_done(candidate)
    identity = CollectionId(principal.tenant, candidate.collection)
    promotions.lock(connection, identity)
    collection = collections.by_id(connection, principal, identity)
    wanted = answering_of(candidate)
    present = newest_as_now(connection, principal, collection, candidate)
    decision = judge(connection, principal, collection, present, candidate)
    if not decision.passed and not override_reason:
        raise Conflict(
            f"Run {run!r} cannot be promoted: {'; '.join(decision.reasons)}. To promote it all the same, give a reason"
            " (override_reason), which is kept with your name.",
            code="gate_failed",
        )
    made = Promotion(
        id=new_id(),
        collection=identity.id,
        run=run,
        baseline=present and present.id,
        passed=decision.passed,
        reasons=decision.reasons,
        override_reason=None if decision.passed else override_reason,
        promoted_by=principal.id,
        promoted_at=datetime.now(UTC),
        before=asdict(collection.settings.answering),
        switched=asdict(wanted),
        recorded={key: value for key, value in facts_of(candidate).items() if key in RECORDED},
    )
    collections.change_settings(connection, collection, {"answering": asdict(wanted)})
    if (tried := ab_tests.running(connection, identity)) is not None:
        promoted = f"run {run} was promoted, so its control is not how the collection answers any more"
        ab_tests.end(connection, identity.tenant, tried.id, ABState.VOID, reason=promoted, by=principal.id)
    promotions.record(connection, identity, made)
    return made


def require_curator(principal: Principal) -> None:
    """Raise `Denied` unless the principal may decide how collections answer."""
    if not principal.has(ROLE):
        raise Denied(f"{principal.name!r} lacks the role {ROLE!r}; ask an administrator for it.", code="forbidden")


def answering_of(run: EvaluationRun) -> Answering:
    """What a run answered with. Raises `Invalid` if it was made before runs told that."""
    if any(setting not in run.configuration for setting in SETTINGS):
        raise Invalid(
            f"Run {run.id!r} does not say with which settings it answered; make it again.", code="unknown_configuration"
        )
    return Answering().changed({setting: run.configuration[setting] for setting in SETTINGS})


@dataclass(frozen=True, slots=True)
class Judgement:
    """Why a run may not be promoted; no reasons: it may."""

    reasons: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        return not self.reasons


def judge(
    connection: Connection,
    principal: Principal,
    collection: Collection,
    present: EvaluationRun | None,
    candidate: EvaluationRun,
) -> Judgement:
    """Whether a run is no worse than one that was made as its collection answers now."""
    if present is not None:
        return Judgement(decide(compare_runs(connection, principal, baseline=present.id, run=candidate.id)).reasons)
    if answering_of(candidate) == collection.settings.answering:
        return Judgement()  # it writes down how the collection answers already
    return Judgement((
        f"there is no run of {candidate.dataset!r} as it is now, with the present settings, to hold it against",
    ))  # fmt: skip


def newest_as_now(
    connection: Connection, principal: Principal, collection: Collection, candidate: EvaluationRun
) -> EvaluationRun | None:
    """The newest comparable run that was made as the collection answers now."""
    for run in evaluations.listing(connection, principal, collection=collection.id, limit=MOST_RUNS):
        if run.id == candidate.id or run.state is not RunState.DONE or run.judge != candidate.judge:
            continue
        if any(setting not in run.configuration for setting in SETTINGS):
            continue
        if answering_of(run) != collection.settings.answering:
            continue
        try:
            check_comparable(run, candidate)
        except Invalid:
            continue
        return run
    return None
