"""What an A/B test says: right decisions, few false ones, and none where the arms cannot be compared."""

import numpy as np
import pytest
from assay_core.ab_tests import ABPlan, ABState, Arm
from assay_core.errors import Invalid
from assay_core.evaluation import QuestionScore
from assay_evals.ab import Arrival, Collected, decide, report, scores_of
from assay_evals.statistics.sequential import evidence_against_share
from scipy import integrate, stats

PLAN = ABPlan("run", share=0.3)


def collected(
    number: int, *, trial: float, control: float = 0.7, share: float = 0.3, metric: str = "groundedness", seed: int = 1
) -> Collected:
    """Answers whose scores are 1 with the probability of their arm."""
    draw = np.random.default_rng(seed)
    arms = [Arm.TRIAL if one < share else Arm.CONTROL for one in draw.random(number)]
    chance = {Arm.TRIAL: trial, Arm.CONTROL: control}
    arrivals = [Arrival(arm, {metric: float(draw.random() < chance[arm])}) for arm in arms]
    return Collected({arm: arms.count(arm) for arm in Arm}, arrivals)


def test_a_better_trial_is_found_and_said_in_words() -> None:
    found = report(PLAN, collected(1_500, trial=0.95))
    end = decide(PLAN, found, time_is_up=False)
    assert end is not None
    assert end.state is ABState.BETTER
    assert end.reason.startswith("groundedness rose by 0.2")
    assert found.words[0].startswith("groundedness rose by")
    assert (found.trial.given, found.trial.scored) == (found.trial.scored, found.trial.given) != (0, 0)


def test_a_trial_is_stopped_where_any_metric_falls_though_another_one_was_to_rise() -> None:
    end = decide(PLAN, report(PLAN, collected(1_500, trial=0.4, metric="answered")), time_is_up=False)
    assert end is not None
    assert end.state is ABState.WORSE
    assert end.reason.startswith("answered fell by 0.2")


def test_a_metric_that_was_not_asked_for_may_rise_without_an_end() -> None:
    assert decide(PLAN, report(PLAN, collected(1_500, trial=0.95, metric="answered")), time_is_up=False) is None


def test_equal_arms_are_seldom_called_different_however_often_one_looks() -> None:
    false_alarms = 0
    for seed in range(30):
        whole = collected(400, trial=0.7, seed=seed)
        false_alarms += any(
            decide(
                PLAN,
                report(PLAN, Collected(whole.given, whole.arrivals[:seen])),
                time_is_up=False,
            )
            is not None
            for seen in range(50, 401, 50)
        )
    assert false_alarms <= stats.binom.ppf(0.999, 30, 0.05)


def test_arms_that_got_other_shares_than_were_drawn_cannot_be_compared() -> None:
    # All of the trial's questions failed, so none of its answers is there.
    end = decide(PLAN, report(PLAN, collected(40, trial=0.9, share=0.0)), time_is_up=False)
    assert end is not None
    assert end.state is ABState.VOID
    assert "0 of 40 answers" in end.reason


def test_shares_count_all_answers_and_not_only_those_that_were_scored() -> None:
    whole = collected(200, trial=0.7)
    only_control = [arrival for arrival in whole.arrivals if arrival.arm is Arm.CONTROL]
    assert decide(PLAN, report(PLAN, Collected(whole.given, only_control)), time_is_up=False) is None


@pytest.mark.parametrize(("most", "time_is_up", "said"), [(100, False, "answers"), (5_000, True, "days")])
def test_a_test_ends_undecided_when_its_answers_or_days_are_used_up(most: int, time_is_up: bool, said: str) -> None:
    plan = ABPlan("run", share=0.3, most_answers=most)
    end = decide(plan, report(plan, collected(150, trial=0.7)), time_is_up=time_is_up)
    assert end is not None
    assert end.state is ABState.UNDECIDED
    assert said in end.reason


def test_thumbs_are_a_metric_of_their_own() -> None:
    draw = np.random.default_rng(4)
    thumbs = [(arm, float(draw.random() < (0.2 if arm is Arm.TRIAL else 0.9))) for arm in [*Arm] * 150]
    found = report(PLAN, Collected({Arm.CONTROL: 350, Arm.TRIAL: 150}, (), thumbs))
    assert [difference.metric for difference in found.differences] == ["thumbs"]
    end = decide(PLAN, found, time_is_up=False)
    assert end is not None
    assert end.state is ABState.WORSE


def test_failures_are_counted_and_told_and_never_a_score() -> None:
    scores, failed = scores_of(
        [QuestionScore("a", "groundedness", None, "judge: timeout"), QuestionScore("a", "latency_ms", 12.0)],
        abstained=False,
    )
    assert failed
    assert scores == {"latency_ms": 12.0, "answered": 1.0}
    found = report(PLAN, Collected({Arm.CONTROL: 1, Arm.TRIAL: 0}, [Arrival(Arm.CONTROL, scores, failed)]))
    assert found.control.failed == 1
    assert "groundedness" not in found.control.means
    assert found.words[-1].startswith("1 of 1 answers could not be scored")


def test_nothing_is_said_before_both_arms_have_something() -> None:
    only = Collected({Arm.CONTROL: 3, Arm.TRIAL: 0}, [Arrival(Arm.CONTROL, {"groundedness": 1.0})] * 3)
    found = report(PLAN, only)
    assert found.differences == ()
    assert decide(PLAN, found, time_is_up=False) is None


def test_evidence_against_a_share_is_the_mixed_likelihood_ratio() -> None:
    mixed, _ = integrate.quad(lambda p: stats.beta.pdf(p, 3, 7) * stats.binom.pmf(9, 12, p), 0, 1)
    assert evidence_against_share(9, 12, 0.3) == pytest.approx(mixed / stats.binom.pmf(9, 12, 0.3))


def test_true_shares_seldom_raise_an_alarm_however_often_one_looks() -> None:
    draw = np.random.default_rng(5)
    alarms = 0
    for _ in range(200):
        times = np.cumsum(draw.random(500) < 0.1)
        alarms += any(evidence_against_share(int(k), n, 0.1) >= 20 for n, k in enumerate(times, 1))
    assert alarms <= stats.binom.ppf(0.999, 200, 0.05)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"share": 0.0}, "share is 0.0"),
        ({"share": 0.95}, "share is 0.95"),
        ({"metric": "beauty"}, "metric is 'beauty'"),
        ({"days": 0}, "days is 0"),
        ({"most_answers": 5}, "most_answers is 5"),
    ],
)
def test_a_plan_that_cannot_be_used_is_refused(changes: dict[str, float], named: str) -> None:
    with pytest.raises(Invalid, match=named):
        ABPlan("run", **changes).check()  # pyright: ignore[reportArgumentType]  bad values are the point
