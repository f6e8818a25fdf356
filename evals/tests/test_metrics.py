"""The table of metrics: complete, and the one that is documented."""

import ast
from pathlib import Path

import pytest
from assay_evals import abstention, audit, run
from assay_evals.metrics import METRICS, refused

ROOT = Path(__file__).parents[2]


def test_the_documented_table_is_the_one_in_use() -> None:
    rows = [line for line in (ROOT / "docs/metrics.md").read_text().splitlines() if line.startswith("| `")]
    assert rows == [
        f"| `{m.name}` | {m.definition} | {m.range} | {'higher' if m.higher_is_better else 'lower'} | {m.source} |"
        for m in METRICS.values()
    ]


def test_every_metric_of_a_run_is_defined() -> None:
    named = {*run.RETRIEVAL, *run.TRIAD, *run.CORRECTNESS, audit.HIT_RATE, audit.WRONG_HIT_RATE}
    constants = ast.parse(Path(run.__file__).read_text()).body
    named |= {
        node.value.value
        for node in constants
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    }
    named |= abstention.figures([abstention.Given(0.5, True)] * abstention.FEWEST).keys()
    assert {"semantic_similarity", "latency_ms", "aurc"} <= named
    assert named <= METRICS.keys()


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -0.1, 1.5])
def test_what_is_out_of_range_is_no_score(bad: float) -> None:
    assert "range 0 to 1" in (refused("groundedness", bad) or "")
    assert refused("groundedness", 1) is None


def test_a_metric_without_an_upper_end_takes_any_finite_number() -> None:
    assert refused("latency_ms", 90_000) is None
    assert refused("latency_ms", float("inf"))
    assert refused("latency_ms", -1)
