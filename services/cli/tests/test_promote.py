import json
from typing import Any

from assay_cli.testing import Run
from assay_testing.fake_gateway import FakeGateway, problem

MADE: dict[str, Any] = {
    "id": "p1", "collection": "docs", "run": "r2", "baseline": "r1", "passed": True, "reasons": [],
    "override_reason": None, "promoted_by": "ann", "promoted_at": "2026-01-02T03:04:00Z",
    "before": {"prompt": "", "mode": "hybrid", "rerank": True, "top_k": 5},
    "switched": {"prompt": "cite.v1", "mode": "hybrid", "rerank": True, "top_k": 5},
    "recorded": {"chat_models": ["small"], "index_kind": "hnsw"},
}  # fmt: skip


def test_what_was_switched_and_what_was_only_written_down_is_said(run: Run, gateway: FakeGateway) -> None:
    gateway.answers["POST promotions"] = MADE
    outcome = run("promote", "r2")
    assert outcome.code == 0
    assert "prompt cite.v1" in outcome.err
    assert "Only written down" in outcome.err
    assert "chat_models, index_kind" in outcome.err
    assert json.loads(gateway.requests[-1].content) == {"run": "r2"}


def test_a_run_that_is_worse_is_exit_code_3(run: Run, gateway: FakeGateway) -> None:
    gateway.answers["POST promotions"] = problem(409, "gate_failed", "groundedness is worse")
    outcome = run("promote", "r2")
    assert outcome.code == 3
    assert "groundedness is worse" in outcome.err
    gateway.answers["POST promotions"] = problem(409, "run_not_done", "Run is waiting")
    assert run("promote", "r2").code == 1


def test_an_override_needs_a_reason_and_is_shown(run: Run, gateway: FakeGateway) -> None:
    over = MADE | {"passed": False, "reasons": ["groundedness is worse"], "override_reason": "the law changed"}
    gateway.answers["POST promotions"] = over
    gateway.answers["GET promotions"] = {"promotions": [over]}
    assert "the law changed" in run("promote", "r2", "--override-reason", "the law changed").err
    assert "overridden" in run("promotions").out
    assert run("promotions", "-c", "docs", "--json").json["promotions"][0]["override_reason"] == "the law changed"
    assert gateway.requests[-1].url.params["collection"] == "docs"
