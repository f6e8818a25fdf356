"""A worker that is killed at random moments: every case of its run is scored exactly once. Long: `make kill-test`."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from assay_core.documents import TenantId
from assay_core.evaluation import EvaluationRun, GoldenPassage, GoldenQuestion, RunState
from assay_core.principals import Principal
from assay_store import access, collections, evaluations, golden_sets
from assay_store.database import Database
from assay_store.encryption import Vault
from assay_store.evaluations import NewRun
from assay_store.golden_sets import Origin
from sqlalchemy import text

pytestmark = [pytest.mark.integration, pytest.mark.slow]
WORKER = Path(__file__).with_name("evaluation_worker.py")
TENANT = TenantId("acme")
ANN = Principal(TENANT, "ann", "Ann", frozenset({"evaluator"}))
LONGEST_WORK_S = 1.0


def begin(database: Database, questions: int) -> str:
    passage = (GoldenPassage("leave.md", "Parental leave is twenty days"),)
    golden = [GoldenQuestion(f"q{n:04}", f"How long is leave {n}?", "20 days", True, passage) for n in range(questions)]
    with database.transaction() as connection:
        access.ensure_tenant(connection, TENANT, "Acme")
        access.ensure_principal(connection, ANN)
        acl = access.acl_for(connection, TENANT)
        collection = collections.create(connection, TENANT, "handbook", acl=acl).id
        golden_sets.put(connection, Vault(bytes(32)), collection, "golden", golden, Origin(ANN.id))
        run = evaluations.create(connection, NewRun(collection, "golden", "local", ANN.id))
    assert run is not None
    return run.id


def started(database_url: str, seed: int) -> "subprocess.Popen[str]":
    command = [sys.executable, str(WORKER), database_url, str(seed)]
    worker = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert worker.stdout is not None
    line = next((line for line in worker.stdout if "ready" in line), None)
    assert line is not None, "the worker did not start"
    return worker


def state_of(database: Database, run: str) -> EvaluationRun:
    with database.transaction() as connection:
        return evaluations.get(connection, ANN, run)


def killed_at_random(database: Database, database_url: str, run: str, *, kills: int, seed: int) -> int:
    """Kill workers until it is enough or the run is done. Returns how often one was killed in the middle of it."""
    draw, in_the_middle = random.Random(seed), 0
    for number in range(kills):
        before = state_of(database, run).questions
        worker = started(database_url, number)
        # A run whose workers die three times without one more case is given up, which is another test's matter.
        await_progress(database, run, before)
        time.sleep(draw.uniform(0, LONGEST_WORK_S))
        worker.kill()
        worker.wait()
        if state_of(database, run).state is not RunState.RUNNING:
            break
        in_the_middle += 1
    return in_the_middle


def await_progress(database: Database, run: str, before: int) -> None:
    end = time.monotonic() + 120
    while state_of(database, run).questions == before and time.monotonic() < end:
        time.sleep(0.02)


def finished(database: Database, database_url: str, run: str) -> EvaluationRun:
    worker = started(database_url, 1000)
    try:
        end = time.monotonic() + 300
        while (found := state_of(database, run)).state is RunState.RUNNING and time.monotonic() < end:
            time.sleep(0.2)
        return found
    finally:
        worker.kill()
        worker.wait()


def scored_once(database: Database, run: str, questions: int) -> None:
    with database.transaction() as connection:
        scores = evaluations.scores_of(connection, TENANT, run)
        open_cases = connection.execute(
            text("SELECT count(*) FROM evaluation_cases WHERE run = :r AND scored_at IS NULL"), {"r": run}
        ).scalar_one()
    per_metric: dict[str, list[str]] = {}
    for score in scores:
        per_metric.setdefault(score.metric, []).append(score.question)
    expected = [f"q{n:04}" for n in range(questions)]
    assert open_cases == 0
    assert {"recall@5", "groundedness", "answer_correct"} <= set(per_metric)
    assert all(sorted(found) == expected for found in per_metric.values())


@pytest.mark.parametrize(
    ("kills", "questions"),
    [(4, 300), pytest.param(int(os.environ.get("RUN_KILLS", "50")), 3000, marks=pytest.mark.nightly)],
)
def test_a_run_whose_workers_are_killed_scores_every_case_exactly_once(
    database: Database, database_url: str, kills: int, questions: int
) -> None:
    run = begin(database, questions)
    died = killed_at_random(database, database_url, run, kills=kills, seed=kills)
    found = finished(database, database_url, run)
    assert (found.state, found.questions, found.failures, found.error) == (RunState.DONE, questions, 0, None)
    scored_once(database, run, questions)
    print(f"killed {died} times in the middle of {questions} cases")
    assert died == kills
