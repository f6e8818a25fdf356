import json
from typing import Any

from assay_cli.testing import Run
from assay_testing.fake_gateway import FakeGateway, problem

ARM: dict[str, Any] = {"given": 40, "scored": 38, "failed": 1, "means": {"groundedness": 0.75}}
TEST: dict[str, Any] = {
    "id": "ab1", "collection": "docs", "state": "running", "reason": "", "run": "r2", "share": 0.1,
    "metric": "groundedness", "judge": "local", "most_answers": 5000, "days": 14, "override_reason": None,
    "control": {"prompt": "", "mode": "hybrid", "rerank": True, "top_k": 5},
    "trial": {"prompt": "cite.v1", "mode": "hybrid", "rerank": True, "top_k": 5},
    "control_figures": ARM, "trial_figures": ARM | {"given": 4, "means": {"groundedness": 0.8, "answered": 1.0}},
    "differences": [{"metric": "groundedness", "pairs": 4, "difference": 0.05, "low": -0.4, "high": 0.5}],
    "words": ["groundedness is not decided."], "started_by": "ann", "started_at": "2026-01-02T03:04:00Z",
    "ended_by": None, "ended_at": None,
}  # fmt: skip


def test_a_test_is_started_with_what_was_chosen_and_the_servers_defaults(run: Run, gateway: FakeGateway) -> None:
    gateway.answers["POST ab-tests"] = TEST
    outcome = run("eval", "ab", "start", "r2")
    assert outcome.code == 0
    assert "10% of the questions to 'docs'" in outcome.err
    assert "prompt cite.v1" in outcome.err
    assert json.loads(gateway.requests[-1].content) == {"run": "r2"}
    assert run("eval", "ab", "start", "r2", "--share", "0.2", "--days", "3", "--json").json["id"] == "ab1"
    assert json.loads(gateway.requests[-1].content) == {"run": "r2", "share": 0.2, "days": 3}


def test_a_run_that_is_worse_is_exit_code_3_and_other_conflicts_are_not(run: Run, gateway: FakeGateway) -> None:
    gateway.answers["POST ab-tests"] = problem(409, "gate_failed", "groundedness is worse")
    outcome = run("eval", "ab", "start", "r2")
    assert outcome.code == 3
    assert "groundedness is worse" in outcome.err
    gateway.answers["POST ab-tests"] = problem(409, "ab_test_running", "another one is running")
    assert run("eval", "ab", "start", "r2").code == 1


def test_how_a_test_stands_is_shown_for_both_arms(run: Run, gateway: FakeGateway) -> None:
    gateway.answers["GET ab-tests"] = TEST
    outcome = run("eval", "ab", "show", "ab1")
    assert "groundedness is not decided." in outcome.out
    assert "+0.050 (-0.400 to +0.500)" in outcome.out
    assert gateway.requests[-1].url.path == "/v1/ab-tests/ab1"
    assert run("eval", "ab", "show", "ab1", "--json").json["trial_figures"]["given"] == 4


def test_tests_are_listed_and_stopped(run: Run, gateway: FakeGateway) -> None:
    gateway.answers["GET ab-tests"] = {"tests": [TEST | {"state": "void", "reason": "r3 was promoted"}]}
    assert "r3 was promoted" in run("eval", "ab", "list", "-c", "docs").out
    gateway.answers["GET ab-tests"] = {"tests": []}
    assert "There is no A/B test" in run("eval", "ab", "list").err
    gateway.answers["POST ab-tests"] = TEST | {"state": "stopped", "reason": "enough"}
    assert "answered as before" in run("eval", "ab", "stop", "ab1", "--reason", "enough").err
    assert gateway.requests[-1].url.path == "/v1/ab-tests/ab1/stop"
    assert json.loads(gateway.requests[-1].content) == {"reason": "enough"}
