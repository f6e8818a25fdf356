"""What people may ask of evaluation: start a run, look at runs, store a golden set."""

import re
from collections.abc import Mapping, Sequence

from assay_core.documents import CollectionId
from assay_core.errors import Denied, Invalid, NotFound
from assay_core.evaluation import EvaluationRun, GoldenQuestion, QuestionScore
from assay_core.principals import Principal
from assay_evals.datasets import check_golden
from assay_store import collections, evaluations
from sqlalchemy import Connection

JUDGES = ("local", "ragas")
TRAFFIC = "traffic"
ROLE = "evaluator"
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
) -> EvaluationRun:
    """Write a run that the worker will take up, as this principal.

    Raises:
        Denied: the principal is no evaluator.
        NotFound: no such collection or golden set for this principal.
        Invalid: no such judge, a limit below 1, or something to be tried that there is not.
    """
    require_evaluator(principal)
    _require_judge(judge)
    if limit is not None and limit < 1:
        raise Invalid(f"The limit is {limit}; it must be at least 1, or left out.", code="bad_limit")
    found = collections.by_id(connection, principal, collection)
    if dataset != TRAFFIC and not evaluations.questions_of(connection, found.id, dataset):
        there = ", ".join([*evaluations.datasets_of(connection, found.id), TRAFFIC])
        raise NotFound(
            f"This collection has no golden set {dataset!r}; there are: {there}. Store one with"
            " PUT /v1/evaluations/datasets/{collection}/{dataset}.",
            code="dataset_not_found",
        )
    found.settings.answering.changed(answering or {})
    new = evaluations.NewRun(found.id, dataset, judge, principal.id, limit, answering=answering or {})
    started = evaluations.create(connection, new)
    assert started is not None  # only nightly runs meet an earlier one
    return started


def put_dataset(
    connection: Connection,
    principal: Principal,
    collection: CollectionId,
    *,
    dataset: str,
    questions: Sequence[GoldenQuestion],
) -> None:
    """Store a golden set, replacing the one of its name. Raises as `start_run`, and `Invalid` for bad questions."""
    require_evaluator(principal)
    if not NAME.fullmatch(dataset) or dataset == TRAFFIC:
        raise Invalid(
            f"{dataset!r} cannot name a golden set: use 1 to 100 of A-Z, a-z, 0-9, '.', '_', '-';"
            f" {TRAFFIC!r} stands for yesterday's answers.",
            code="bad_dataset_name",
        )
    if not questions:
        raise Invalid("The golden set has no questions; send at least one.", code="empty")
    ids = set[str]()
    for number, question in enumerate(questions, 1):
        check_golden(question, f"question {number}")
        if question.id in ids:
            raise Invalid(f"question {number}: the id {question.id!r} stands there twice.", code="bad_dataset")
        ids.add(question.id)
    found = collections.by_id(connection, principal, collection)
    evaluations.put_dataset(connection, found.id, dataset, questions)


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
) -> tuple[EvaluationRun, list[QuestionScore], Mapping[str, Mapping[str, str]]]:
    """A run with every score, and the slices of each question. Raises `NotFound`."""
    found = evaluations.get(connection, principal, run)
    slices = {case.question: case.slices for case in evaluations.cases_of(connection, principal.tenant, run)}
    return found, evaluations.scores_of(connection, principal.tenant, run), slices


def require_evaluator(principal: Principal) -> None:
    """Raise `Denied` unless the principal may measure."""
    if not principal.has(ROLE):
        raise Denied(f"{principal.name!r} lacks the role {ROLE!r}; ask an administrator for it.", code="forbidden")


def _require_judge(judge: str) -> None:
    if judge not in JUDGES:
        raise Invalid(f"{judge!r} is no judge; use one of {', '.join(JUDGES)}.", code="bad_judge")
