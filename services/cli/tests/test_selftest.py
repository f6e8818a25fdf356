import json
import random
from pathlib import Path
from typing import Any

import pytest
from assay_cli.testing import Run
from assay_testing.fake_gateway import FakeGateway


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    draw = random.Random(1)
    lines = [
        {"run": run, "question": f"q{question}", "metric": "groundedness", "value": min(1.0, draw.gauss(0.8, 0.1))}
        for run in "abc"
        for question in range(60)
    ]
    file = tmp_path / "pool.jsonl"
    file.write_text("\n".join(json.dumps(line) for line in lines))
    return file


def test_a_pool_in_a_file_is_tried(run: Run, pool: Path) -> None:
    found = run("eval", "selftest", pool, "--pairs", "40", "--json")
    assert found.code == 0
    assert found.json["failures"] == []
    said = run("eval", "selftest", pool, "--pairs", "40", "--ab-tests", "2")
    assert "groundedness" in said.out
    assert "A/B tests: equal arms decided, ever: 0.0% (0 of 2)" in said.err


def test_runs_of_the_platform_are_a_pool(run: Run, gateway: FakeGateway) -> None:
    draw = random.Random(2)

    def detail(identity: str, **changes: Any) -> dict[str, Any]:
        scores = [
            {"question": f"q{n}", "metric": "groundedness", "value": draw.random(), "failure": None} for n in range(30)
        ]
        return {
            "id": identity, "collection": "docs", "dataset": "golden", "judge": "local", "state": "done",
            "configuration": {}, "metrics": {}, "intervals": {}, "questions": 30, "failures": 0,
            "started_at": "2026-01-02T03:04:00Z", "finished_at": None, "error": None, "scores": scores,
        } | changes  # fmt: skip

    gateway.answers["GET runs"] = [detail("a"), detail("b")]
    found = run("eval", "selftest", "--run", "a", "--run", "b", "--pairs", "20", "--json").json
    assert (found["runs"], found["questions"]) == (2, 30)
    gateway.answers["GET runs"] = [detail("a"), detail("b", collection="other")]
    refused = run("eval", "selftest", "--run", "a", "--run", "b")
    assert refused.code == 2
    assert "Run b" in refused.err


def test_without_a_pool_there_is_nothing_to_try(run: Run) -> None:
    assert run("eval", "selftest", "--run", "a").code == 2
