import json
from typing import Any

import pytest
from assay_cli.testing import Run
from assay_core.experiments import Experiment, Finding, MetricComparison, SliceComparison
from assay_testing.fake_gateway import FakeGateway
from assay_wire import experiments
from pydantic import TypeAdapter

DROP = MetricComparison(
    "groundedness", Finding.WORSE, 100, 0, 2, baseline=0.9, run=0.8, difference=-0.1, low=-0.15, high=-0.05,
    p_value=0.001, p_adjusted=0.004, effect=-0.5, smallest_drop=0.04,
)  # fmt: skip
SAME = MetricComparison("recall@5", Finding.UNDECIDED, 100, 0, 0, baseline=0.9, run=0.9, difference=0.0)
FOUND = Experiment(
    "r1", "r2", "docs", "golden", 100, (), ("q9",), (DROP, SAME),
    (SliceComparison("type", "table", 40, False, (DROP,)), SliceComparison("type", "list", 4, True)),
    (), ("groundedness is worse: …", "recall@5: 100 questions would have shown a drop of 0.040."),
)  # fmt: skip
AS_SENT: dict[str, Any] = TypeAdapter(Experiment).dump_python(FOUND, mode="json")


def decision(*, passed: bool) -> dict[str, Any]:
    return {"passed": passed, "reasons": [] if passed else ["groundedness is worse"], "experiment": AS_SENT}


def test_what_the_service_sends_is_what_the_client_reads() -> None:
    assert experiments.Experiment.model_validate(AS_SENT).model_dump(mode="json") == AS_SENT


def test_a_comparison_shows_metrics_slices_and_what_it_could_have_found(run: Run, gateway: FakeGateway) -> None:
    gateway.answers["GET compare"] = AS_SENT
    outcome = run("eval", "compare", "r1", "r2")
    assert "worse" in outcome.out
    assert "type: table" in outcome.out
    assert "0.040" in outcome.out
    assert "would have shown a drop of 0.040" in outcome.err
    assert dict(gateway.requests[-1].url.params) == {"baseline": "r1", "run": "r2"}
    assert run("eval", "compare", "r1", "r2", "--json").json["metrics"][0]["finding"] == "worse"


@pytest.mark.parametrize(("passed", "code"), [(True, 0), (False, 3)])
def test_the_gate_says_by_its_exit_code_whether_it_was_passed(
    run: Run, gateway: FakeGateway, passed: bool, code: int
) -> None:
    gateway.answers["GET gate"] = decision(passed=passed)
    outcome = run("eval", "gate", "--baseline", "main", "--run", "r2", "--json")
    assert (outcome.code, outcome.json["passed"]) == (code, passed)
    assert run("eval", "gate", "--baseline", "main", "--run", "r2").code == code


def test_the_gate_makes_a_run_of_its_own(run: Run, gateway: FakeGateway) -> None:
    made = {
        "id": "r7", "collection": "docs", "dataset": "golden", "judge": "local", "configuration": {}, "metrics": {},
        "intervals": {}, "questions": 0, "failures": 0, "started_at": "2026-01-02T03:04:00Z", "finished_at": None,
        "error": None,
    }  # fmt: skip
    gateway.answers["POST runs"] = {**made, "state": "waiting"}
    gateway.answers["GET runs"] = {**made, "state": "done", "scores": []}
    gateway.answers["GET gate"] = decision(passed=True)
    assert run("eval", "gate", "--baseline", "main", "-c", "docs", "-d", "golden").code == 0
    assert gateway.requests[-1].url.params["run"] == "r7"
    gateway.answers["GET runs"] = {**made, "state": "failed", "error": "no judge", "scores": []}
    outcome = run("eval", "gate", "--baseline", "main", "-c", "docs", "-d", "golden")
    assert outcome.code == 1
    assert "no judge" in outcome.err


def test_a_gate_without_a_run_is_an_error_and_no_verdict(run: Run) -> None:
    assert run("eval", "gate", "--baseline", "main").code == 2


def test_a_baseline_is_named_and_listed(run: Run, gateway: FakeGateway) -> None:
    named = {"collection": "docs", "name": "main", "run": "r1", "dataset": "golden", "set_by": "ann",
             "set_at": "2026-01-02T03:04:00Z"}  # fmt: skip
    gateway.answers["PUT baselines"] = named
    gateway.answers["GET baselines"] = {"baselines": [named]}
    assert "main" in run("eval", "baseline", "main", "r1").err
    assert json.loads(gateway.requests[-1].content) == {"run": "r1"}
    assert run("eval", "baselines", "--json").json["baselines"][0]["run"] == "r1"
    assert "golden" in run("eval", "baselines").out
