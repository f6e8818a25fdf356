"""The self-test on a pool with known properties: it passes honest statistics, and it would notice dishonest ones."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from assay_core.errors import Invalid
from assay_core.evaluation import QuestionScore
from assay_evals.pool import Pool, pool_of, read_pool
from assay_evals.selftest import PlantedDrop, PlantedSlice, SelfTest, SlowDrop, plant, self_test
from assay_evals.selftest_arms import ArmsDrop
from assay_evals.statistics.shares import Share
from scipy import stats

SLICES = {f"q{number:03}": {"type": "table" if number % 3 == 0 else "factoid"} for number in range(150)}


def wavering_pool(runs: int = 5) -> Pool:
    """Runs of one system with independent noise: one graded metric, one of 0 and 1, one that few questions have."""
    level = np.random.default_rng(0).uniform(0.4, 1, len(SLICES))
    found: list[list[QuestionScore]] = []
    for number in range(runs):
        draw = np.random.default_rng(100 + number)
        graded = np.clip(level + draw.normal(0, 0.1, len(SLICES)), 0, 1)
        right = draw.random(len(SLICES)) < np.where(level > 0.8, 0.9, level)
        found.append(
            [QuestionScore(q, "groundedness", float(v)) for q, v in zip(SLICES, graded, strict=True)]
            + [QuestionScore(q, "answer_correct", float(v)) for q, v in zip(SLICES, right, strict=True)]
            + [QuestionScore(q, "abstention_recall", 1.0) for q in list(SLICES)[:4]]
        )
    return pool_of(found, SLICES)


def test_promises_are_kept_on_a_pool_of_equal_runs() -> None:
    found = self_test(wavering_pool(), pairs=100, slice_trials=20, trials=30, ab_tests=20)
    assert found.failures == []
    assert found.any_alarm.share <= 0.1
    drops = {one.metric: one for one in found.drops}
    assert set(drops) == {"groundedness", "answer_correct", "scored"}
    assert drops["groundedness"].drop < drops["answer_correct"].drop
    assert found.without_power == ("abstention_recall",)
    slow = {one.metric: one.nights for one in found.slow_drops}
    assert slow["groundedness"] is not None
    assert slow["groundedness"] <= 21
    assert {(one.by, one.value) for one in found.slices} == {("type", "table"), ("type", "factoid")}
    assert found.arms is not None
    assert found.arms.metric == "groundedness"
    assert found.arms.answers in (250, 500, 1_000)
    json.dumps(found.as_json(), allow_nan=False)


def test_the_same_seed_gives_the_same_figures() -> None:
    first, second = (self_test(wavering_pool(), pairs=20, slice_trials=2, trials=2, seed=4).as_json() for _ in range(2))
    assert first == second


def test_promises_that_were_not_kept_are_named() -> None:
    drop = PlantedDrop("groundedness", 0.04, Share(120, 200))
    slow = SlowDrop("groundedness", 0.03, None, Share(20, 100))
    part = PlantedSlice("type", "table", "groundedness", 40, 0.2, Share(20, 50), Share(0, 50))
    arms = ArmsDrop("groundedness", 0.1, None, Share(20, 100))
    bad = SelfTest(5, 150, Share(30, 200), Share(15, 200), (drop,), (slow,), (part,), (), arms)
    assert len(bad.failures) == 5
    fine = Share(10, 200), Share(164, 200)
    good = replace(bad, any_alarm=fine[0], drops=(replace(drop, found=fine[1]),), slow_drops=(), slices=(), arms=None)
    assert good.failures == []


def test_a_drop_is_planted_as_large_as_it_is_said_to_be() -> None:
    values = np.full(100_000, 0.8)
    assert 0.8 - float(plant(values, 0.03, np.random.default_rng(1)).mean()) == pytest.approx(0.03, abs=0.002)
    with_gaps = plant(np.array([0.5, np.nan]), 0.5, np.random.default_rng(1))
    assert np.isnan(with_gaps[1])


def test_a_share_has_the_exact_interval() -> None:
    expected = stats.binomtest(7, 200).proportion_ci(method="exact")
    assert Share(7, 200).interval == pytest.approx((expected.low, expected.high))
    assert Share(0, 10).interval[0] == 0
    assert Share(10, 10).interval[1] == 1


def test_each_question_of_a_pair_has_values_of_two_runs() -> None:
    runs = [[QuestionScore(f"q{q}", "groundedness", run / 10) for q in range(50)] for run in range(3)]
    pairs, origins = pool_of(runs).draw_pair(np.random.default_rng(1))
    assert (pairs.old[:, 0] != pairs.new[:, 0]).all()
    assert len(set(origins)) < len(pairs.questions)


def test_a_pool_is_read_from_lines(tmp_path: Path) -> None:
    file = tmp_path / "pool.jsonl"
    lines = [
        {"run": run, "question": question, "metric": "groundedness", "value": value, "slices": {"type": "table"}}
        for run in ("a", "b")
        for question, value in (("q1", 0.5), ("q2", None))
    ]
    file.write_text("\n".join(json.dumps(line) for line in lines))
    pool = read_pool(file)
    assert (pool.questions, pool.metrics, pool.scores.shape) == (("q1", "q2"), ("groundedness", "scored"), (2, 2, 2))
    assert np.isnan(pool.scores[0, 1, 0])
    assert list(pool.scores[0, :, 1]) == [1, 0]
    assert pool.slices["q1"] == {"type": "table"}


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (['{"run": "a", "question": "q1", "metric": "m", "value": 1}'], "at least 2 runs"),
        (['{"run": "a", "question": 1, "metric": "m", "value": 1}'], "pool.jsonl:1"),
        (['{"run": "a", "question": "q1", "metric": "m", "value": "high"}'], "pool.jsonl:1: the value"),
        (['{"run": "a", "question": "q1", "metric": "m", "value": 1}',
          '{"run": "b", "question": "q2", "metric": "m", "value": 1}'], "in common"),
        (["nonsense"], "pool.jsonl:1: not JSON"),
    ],
)  # fmt: skip
def test_a_pool_that_cannot_be_used_is_refused(tmp_path: Path, lines: list[str], message: str) -> None:
    file = tmp_path / "pool.jsonl"
    file.write_text("\n".join(lines))
    with pytest.raises(Invalid, match=message):
        read_pool(file)
