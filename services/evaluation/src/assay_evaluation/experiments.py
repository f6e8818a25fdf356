"""Compare two runs that a principal may see; what cannot be compared is refused as what it is."""

from dataclasses import replace

from assay_core.documents import CollectionId
from assay_core.errors import Conflict, Invalid, NotFound
from assay_core.evaluation import EvaluationRun, RunState
from assay_core.experiments import Baseline, Experiment, GateDecision
from assay_core.principals import Principal
from assay_evals.changes import changes
from assay_evals.experiments import compare_pairs, compare_slices, in_words, pair
from assay_evals.gate import decide
from assay_store import baselines, evaluations
from sqlalchemy import Connection

from assay_evaluation.requests import NAME, require_evaluator


def compare_runs(connection: Connection, principal: Principal, *, baseline: str, run: str) -> Experiment:
    """The run against the baseline.

    Raises:
        NotFound: one of them is not there, or not for this principal.
        Conflict: one of them is not done.
        Invalid: they are of different collections or golden sets, or have no question in common.
    """
    old, new = (evaluations.get(connection, principal, each) for each in (baseline, run))
    check_comparable(old, new)
    scores = [evaluations.scores_of(connection, principal.tenant, each.id) for each in (old, new)]
    asked = [{score.question for score in found} for found in scores]
    if not asked[0] & asked[1]:
        raise Invalid(
            f"Runs {old.id!r} and {new.id!r} have no question in common; runs over traffic cannot be paired.",
            code="nothing_in_common",
        )
    pairs = pair(*scores)
    slices = {case.question: case.slices for case in evaluations.cases_of(connection, principal.tenant, new.id)}
    found = Experiment(
        baseline=old.id,
        run=new.id,
        collection=new.collection,
        dataset=new.dataset,
        questions=len(pairs.questions),
        only_in_baseline=tuple(sorted(asked[0] - asked[1])),
        only_in_run=tuple(sorted(asked[1] - asked[0])),
        metrics=tuple(compare_pairs(pairs)),
        slices=tuple(compare_slices(pairs, slices)),
        changes=changes(facts_of(old), facts_of(new)),
    )
    return replace(found, words=in_words(found))


def gate(connection: Connection, principal: Principal, *, baseline: str, run: str) -> GateDecision:
    """Whether a run is no worse than the baseline of this name.

    Raises:
        NotFound: there is no such run, or no baseline of this name in its collection.
        Conflict: the run is not done.
        Invalid: the baseline is of another collection or golden set.
    """
    candidate = evaluations.get(connection, principal, run)
    named = baselines.listing(connection, principal, name=baseline)
    own = next((one for one in named if one.collection == candidate.collection), None)
    if own is not None:
        return decide(compare_runs(connection, principal, baseline=own.run, run=run))
    if named:
        raise Invalid(
            f"The baseline {baseline!r} is of another collection than run {run!r}; a corpus is measured against itself"
            " only.",
            code="other_collection",
        )
    raise NotFound(
        f"There is no baseline {baseline!r}; name a run with `assay eval baseline {baseline} RUN`.",
        code="baseline_not_found",
    )


def name_baseline(connection: Connection, principal: Principal, *, name: str, run: str) -> Baseline:
    """Give a run that is done a name, in place of the one that had it in its collection.

    Raises:
        Denied: the principal is no evaluator.
        NotFound: there is no such run.
        Conflict: it is not done.
        Invalid: the name cannot be used.
    """
    require_evaluator(principal)
    if not NAME.fullmatch(name):
        raise Invalid(
            f"{name!r} cannot name a baseline: use 1 to 100 of A-Z, a-z, 0-9, '.', '_', '-'.", code="bad_baseline_name"
        )
    found = evaluations.get(connection, principal, run)
    require_done(found)
    baselines.put(connection, CollectionId(principal.tenant, found.collection), name, run=run, by=principal.id)
    return next(
        one for one in baselines.listing(connection, principal, name=name) if one.collection == found.collection
    )


def require_done(run: EvaluationRun) -> None:
    """Raise `Conflict` unless the run has its figures."""
    if run.state is not RunState.DONE:
        raise Conflict(f"Run {run.id!r} is {run.state}; only runs that are done have figures.", code="run_not_done")


def check_comparable(old: EvaluationRun, new: EvaluationRun) -> None:
    """Raise `Conflict` or `Invalid` unless both are done, of one collection and of the same golden set."""
    for each in (old, new):
        require_done(each)
    if old.collection != new.collection:
        raise Invalid(
            f"Run {new.id!r} is of another collection than the baseline {old.id!r}; a corpus is measured against"
            " itself only.",
            code="other_collection",
        )
    if old.dataset != new.dataset:
        raise Invalid(
            f"The baseline was measured with {old.dataset!r} and run {new.id!r} with {new.dataset!r}; run both with the"
            " same golden set.",
            code="other_dataset",
        )
    if old.configuration.get("dataset_sha256") != new.configuration.get("dataset_sha256"):
        raise Invalid(
            f"The golden set {new.dataset!r} was changed since the baseline {old.id!r}; make a new baseline with it.",
            code="other_dataset",
        )


def facts_of(run: EvaluationRun) -> dict[str, object]:
    """The configuration of a run with its judge."""
    return {**run.configuration, "judge": run.judge}
