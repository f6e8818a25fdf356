"""Two runs side by side: what is found, what is not, and what could not have been."""

import numpy as np
import pytest
from assay_core.evaluation import QuestionScore
from assay_core.experiments import Experiment, Finding, MetricComparison
from assay_evals.changes import changes
from assay_evals.experiments import SCORED, compare_pairs, compare_slices, in_words, pair
from assay_evals.gate import decide

QUESTIONS = [f"q{number:03}" for number in range(200)]
SLICES = {
    question: {
        "type": "table" if number % 4 == 0 else "factoid",
        "language": "en",
        "length": "long" if number < 5 else "short",
    }
    for number, question in enumerate(QUESTIONS)
}


def run_of(seed: int, **drops: float) -> list[QuestionScore]:
    """A run with three metrics; of those named, a share of the answers is lost."""
    draw = np.random.default_rng(seed)
    level = np.random.default_rng(99).uniform(0.5, 1, len(QUESTIONS))
    scores: list[QuestionScore] = []
    for metric in ("groundedness", "answer_correct", "recall@5"):
        values = np.clip(level + draw.normal(0, 0.1, len(QUESTIONS)), 0, 1)
        if metric == "answer_correct":
            values = np.round(level)
        values[draw.random(len(QUESTIONS)) < drops.get(metric.split("@")[0], 0)] = 0
        scores += [QuestionScore(q, metric, float(v)) for q, v in zip(QUESTIONS, values, strict=True)]
    return scores


def of(found: list[MetricComparison], metric: str) -> MetricComparison:
    return next(one for one in found if one.metric == metric)


def experiment(metrics: list[MetricComparison], **more: object) -> Experiment:
    given: dict[str, object] = {"slices": (), "changes": (), "only_in_baseline": (), "only_in_run": ()}
    return Experiment("a", "b", "c", "golden", 200, metrics=tuple(metrics), **(given | more))  # pyright: ignore[reportArgumentType] - values of a test


def test_two_runs_of_one_system_do_not_differ_and_say_what_they_could_have_seen() -> None:
    found = compare_pairs(pair(run_of(1), run_of(2)))
    assert {one.finding for one in found} == {Finding.UNDECIDED}
    grounded = of(found, "groundedness")
    assert (grounded.low or 0) < (grounded.difference or 0) < (grounded.high or 0)
    assert 0.01 < (grounded.smallest_drop or 0) < 0.1
    same = of(found, "answer_correct")
    assert (same.p_value, same.effect, same.worse_questions, same.mcnemar_p) == (1, None, 0, 1)
    assert decide(experiment(found)).passed


def test_a_drop_is_found_where_it_is() -> None:
    found = compare_pairs(pair(run_of(1), run_of(2, groundedness=0.15)))
    worse = of(found, "groundedness")
    assert worse.finding is Finding.WORSE
    assert (worse.effect_high or 0) < 0
    assert of(found, "recall@5").finding is Finding.UNDECIDED
    decision = decide(experiment(found))
    assert (decision.passed, decision.reasons) == (False, ("groundedness is worse",))
    assert in_words(experiment(found))[0].startswith("groundedness is worse: 0.7")


def test_an_improvement_is_no_regression() -> None:
    found = compare_pairs(pair(run_of(1, groundedness=0.15), run_of(2)))
    assert of(found, "groundedness").finding is Finding.BETTER
    assert decide(experiment(found)).passed


def test_of_zeros_and_ones_the_questions_that_turned_are_counted() -> None:
    worse = of(compare_pairs(pair(run_of(1), run_of(1, answer_correct=0.1))), "answer_correct")
    assert worse.better_questions == 0
    assert worse.worse_questions == round(-(worse.difference or 0) * 200)
    assert (worse.mcnemar_p or 1) < 0.01


def test_failures_are_no_zeros_but_more_of_them_are_a_regression() -> None:
    broken = [
        QuestionScore(s.question, s.metric, None, "no judgement") if s.question < "q020" else s for s in run_of(2)
    ]
    found = compare_pairs(pair(run_of(1), broken))
    assert of(found, "groundedness").questions == 180
    assert of(found, "groundedness").finding is Finding.UNDECIDED
    assert (of(found, "groundedness").failed_in_baseline, of(found, "groundedness").failed_in_run) == (0, 20)
    assert of(found, SCORED).finding is Finding.WORSE


def test_a_metric_that_can_no_longer_be_scored_does_not_pass() -> None:
    gone = [
        QuestionScore(s.question, s.metric, None, "no judge") if s.metric == "groundedness" else s for s in run_of(2)
    ]
    found = compare_pairs(pair(run_of(1), gone))
    assert of(found, "groundedness").finding is Finding.NOT_COMPARABLE
    assert "groundedness could not be scored for 200 questions" in decide(experiment(found)).reasons
    assert any("Not comparable" in line for line in in_words(experiment(found)))


def test_what_an_answer_costs_is_told_and_decides_nothing() -> None:
    slow = [QuestionScore(q, "latency_ms", 900.0 + n) for n, q in enumerate(QUESTIONS)]
    fast = [QuestionScore(q, "latency_ms", 500.0 + n / 2) for n, q in enumerate(QUESTIONS)]
    found = compare_pairs(pair(run_of(1) + fast, run_of(2) + slow))
    assert of(found, "latency_ms").finding is Finding.WORSE
    assert decide(experiment(found)).passed


def test_a_drop_in_one_slice_is_named_with_it() -> None:
    hurt = [
        QuestionScore(s.question, s.metric, 0.0)
        if s.metric == "groundedness" and SLICES[s.question]["type"] == "table" and int(s.question[1:]) % 3 == 0
        else s
        for s in run_of(2)
    ]
    found = compare_slices(pair(run_of(1), hurt), SLICES)
    worse = [(s.by, s.value, m.metric) for s in found for m in s.metrics if m.finding is Finding.WORSE]
    assert ("type", "table", "groundedness") in worse
    assert ("type", "factoid", "groundedness") not in worse
    whole = experiment([], slices=tuple(found))
    assert "groundedness where type is table is worse" in decide(whole).reasons


def test_a_slice_that_is_too_small_is_named_and_not_tested() -> None:
    found = compare_slices(pair(run_of(1), run_of(2)), SLICES)
    assert [(s.value, s.too_small, s.metrics) for s in found if s.by == "length" and s.value == "long"] == [
        ("long", True, ())
    ]
    assert not any(s.by == "language" for s in found)  # all are of one language
    assert any("length long (5)" in line for line in in_words(experiment([], slices=tuple(found))))


@pytest.mark.parametrize("trial", range(3))
def test_the_order_of_scores_does_not_matter(trial: int) -> None:
    one, two = run_of(1), run_of(2)
    turned = list(np.random.default_rng(trial).permutation(len(two)))
    assert compare_pairs(pair(one, two)) == compare_pairs(pair(one[::-1], [two[place] for place in turned]))


def test_the_factor_that_moved_is_named() -> None:
    before = {"epoch": 3, "prompt_versions": ["answer.v1"], "top_k": 5, "judge": "local"}
    after = before | {"epoch": 4, "prompt_versions": ["cite.v1"], "unknown": 1}
    found = changes(before, after)
    assert [(c.factor, c.before, c.after) for c in found] == [("corpus", "3", "4"), ("prompt", "answer.v1", "cite.v1")]
    assert in_words(experiment([], changes=found))[-1] == (
        "What was changed: state of the corpus (3 → 4), prompt (answer.v1 → cite.v1)."
    )
