"""Evaluations and the state of the platform through the gateway."""

from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest
from assay_core.evaluation import EvaluationRun, NightReport, QuestionScore, Remark, RunState, Severity
from assay_wire import internal

pytestmark = pytest.mark.integration
RUN = "e" * 32


def run_of(collection: str, identity: str = RUN) -> EvaluationRun:
    return EvaluationRun(
        id=identity,
        collection=collection,
        dataset="golden",
        judge="local",
        state=RunState.WAITING,
        configuration={"embedder": "fake"},
        metrics={"recall@5": 0.9},
        questions=2,
        failures=0,
        started_at=datetime(2026, 1, 2, tzinfo=UTC),
        intervals={"recall@5": (0.8, 1.0)},
    )


async def test_a_run_is_started_and_shown_by_the_collections_name(door: Any, admin: httpx.AsyncClient) -> None:
    score = QuestionScore("q1", "recall@5", None, "no passage")
    door.evaluation.starts = lambda asked: internal.RunDetail(
        run_of(asked.collection_id), (score,), {"q1": {"type": "factoid"}}, {"q1": "0" * 32}
    )
    started = await admin.post("/v1/evaluations/runs", json={"collection": "handbook", "dataset": "golden"})
    assert started.status_code == 202
    run = started.json()
    assert (run["collection"], run["state"], run["intervals"]) == ("handbook", "waiting", {"recall@5": [0.8, 1.0]})
    assert (await admin.get("/v1/evaluations/runs")).json() == {"runs": [run]}
    assert (await admin.get("/v1/evaluations/runs", params={"collection": "handbook"})).json() == {"runs": [run]}
    detail = (await admin.get(f"/v1/evaluations/runs/{RUN}")).json()
    assert detail["scores"] == [{"question": "q1", "metric": "recall@5", "value": None, "failure": "no passage"}]
    assert (detail["slices"], detail["answers"]) == ({"q1": {"type": "factoid"}}, {"q1": "0" * 32})


async def test_runs_of_foreign_collections_are_not_shown(door: Any, admin: httpx.AsyncClient) -> None:
    door.evaluation.details[RUN] = internal.RunDetail(run_of("0" * 32), ())
    assert (await admin.get("/v1/evaluations/runs")).json() == {"runs": []}
    for run in (RUN, "f" * 32, "not-an-id"):
        assert (await admin.get(f"/v1/evaluations/runs/{run}")).status_code == 404


async def test_nights_are_shown_by_the_collections_name(door: Any, admin: httpx.AsyncClient) -> None:
    remark = Remark(Severity.ALARM, "index", "The index finds too little.", ("index",), {"recall@10": 0.5})
    at = datetime(2026, 3, 5, 2, 30, tzinfo=UTC)
    handbook = (await admin.get("/v1/collections/handbook")).json()["id"]
    for collection in (handbook, "0" * 32):
        door.evaluation.nights.append(
            NightReport(collection, date(2026, 3, 5), False, (RUN,), (remark,), {"index.missing": 2}, {}, at)
        )
    (night,) = (await admin.get("/v1/evaluations/nights")).json()["nights"]
    assert (night["collection"], night["remarks"][0]["severity"]) == ("handbook", "alarm")
    assert (await admin.get("/v1/evaluations/nights/handbook/2026-03-05")).json() == night
    assert (await admin.get("/v1/evaluations/nights/handbook/2026-03-06")).status_code == 404
    assert (await admin.post("/v1/evaluations/nights/handbook")).status_code == 202
    assert door.evaluation.begun == [handbook]


async def test_the_platform_says_what_is_ready(admin: httpx.AsyncClient) -> None:
    await admin.post("/v1/collections/handbook/documents", files={"file": ("a.txt", b"text")})
    parts = (await admin.get("/v1/system")).json()["parts"]
    assert parts["retrieval"] == {"ready": True, "detail": ""}
    assert parts["generator"] == {"ready": True, "detail": ""}
    assert parts["ingestion"] == {"waiting": 1, "working": 0, "dead": 0, "repairs": {}}


async def test_a_missing_part_does_not_stop_the_others(
    door: Any, admin: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door.generation_peer, "_client", httpx.AsyncClient(base_url="http://127.0.0.1:1"))
    parts = (await admin.get("/v1/system")).json()["parts"]
    assert parts["generation"] == {"ready": False, "detail": "The generation service cannot be reached."}
    assert parts["generator"]["ready"] is False
    assert parts["retrieval"]["ready"] is True
