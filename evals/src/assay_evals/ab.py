"""What an A/B test shows so far, and whether it is decided; to be asked after every answer, as often as one likes."""

from collections.abc import Sequence
from dataclasses import dataclass

from assay_core.ab_tests import METRICS, ABPlan, ABReport, ABState, Arm, ArmDifference, ArmFigures
from assay_core.evaluation import QuestionScore

from assay_evals import statistics
from assay_evals.statistics.sequential import ALPHA, difference_by_betting, evidence_against_share

ANSWERED = "answered"
THUMBS = "thumbs"
SHARE_ALPHA = 0.001
FOR_EACH_METRIC = ALPHA / len(METRICS)  # Bonferroni: all intervals hold together


@dataclass(frozen=True, slots=True)
class Arrival:
    """An answer of one arm with its scores; `failed` if one of them could not be had."""

    arm: Arm
    scores: dict[str, float]
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Collected:
    """What a test has had. `given` counts all answers by arm, scored or not; `thumbs` are 1 (up) or 0.

    `arrivals` stand in the order in which they were scored, which later ones do not change.
    """

    given: dict[Arm, int]
    arrivals: Sequence[Arrival]
    thumbs: Sequence[tuple[Arm, float]] = ()


@dataclass(frozen=True, slots=True)
class End:
    """How a test ends, and why."""

    state: ABState
    reason: str


def scores_of(scores: Sequence[QuestionScore], *, abstained: bool) -> tuple[dict[str, float], bool]:
    """What an answer's scores say to a test, and whether one of them could not be had."""
    found = {score.metric: score.value for score in scores if score.value is not None}
    return found | {ANSWERED: float(not abstained)}, any(score.value is None for score in scores)


def report(plan: ABPlan, collected: Collected) -> ABReport:
    """The figures of both arms, how far apart they are, and what that says."""
    differences = tuple(
        _difference(metric, found) for metric in METRICS if (found := _values(collected, metric)) is not None
    )
    control, trial = (_figures(collected, arm) for arm in (Arm.CONTROL, Arm.TRIAL))
    return ABReport(control, trial, differences, (*_words(plan, differences), *_failures(control, trial)))


def decide(plan: ABPlan, found: ABReport, *, time_is_up: bool) -> End | None:
    """Whether the test is over: the arms got other shares than were drawn, one is better, or it has lasted enough."""
    given = found.control.given + found.trial.given
    if evidence_against_share(found.trial.given, given, plan.share) >= 1 / SHARE_ALPHA:
        return End(
            ABState.VOID,
            f"{found.trial.given} of {given} answers were the trial's, where a share of {plan.share:g} was drawn: one"
            " arm's requests fail or are given up more often, so their answers cannot be compared",
        )
    fallen = [difference for difference in found.differences if difference.high < 0]
    if fallen:
        return End(ABState.WORSE, "; ".join(_moved(difference) for difference in fallen))
    risen = next((d for d in found.differences if d.metric == plan.metric and d.low > 0), None)
    if risen is not None:
        return End(ABState.BETTER, _moved(risen))
    if given >= plan.most_answers:
        return End(ABState.UNDECIDED, f"{given} answers were given, and {plan.metric} shows no difference")
    if time_is_up:
        return End(ABState.UNDECIDED, f"{plan.days} days are over, and {plan.metric} shows no difference")
    return None


def _figures(collected: Collected, arm: Arm) -> ArmFigures:
    mine = [arrival for arrival in collected.arrivals if arrival.arm is arm]
    values: dict[str, list[float]] = {}
    for arrival in mine:
        for metric, value in arrival.scores.items():
            values.setdefault(metric, []).append(value)
    if thumbs := [value for of, value in collected.thumbs if of is arm]:
        values[THUMBS] = thumbs
    return ArmFigures(
        given=collected.given.get(arm, 0),
        scored=len(mine),
        failed=sum(arrival.failed for arrival in mine),
        means={metric: statistics.mean(found) for metric, found in sorted(values.items())},
    )


def _values(collected: Collected, metric: str) -> list[tuple[bool, float]] | None:
    """The values of a metric in order, each with whether it is the trial's; None while an arm has none."""
    if metric == THUMBS:
        found = [(arm is Arm.TRIAL, value) for arm, value in collected.thumbs]
    else:
        found = [(a.arm is Arm.TRIAL, a.scores[metric]) for a in collected.arrivals if metric in a.scores]
    return found if len({is_trial for is_trial, _ in found}) == len(Arm) else None


def _difference(metric: str, arrivals: Sequence[tuple[bool, float]]) -> ArmDifference:
    found = difference_by_betting(arrivals, alpha=FOR_EACH_METRIC)
    return ArmDifference(metric, found.pairs, found.difference, found.low, found.high)


def _words(plan: ABPlan, differences: Sequence[ArmDifference]) -> list[str]:
    decided = [f"{_moved(difference)}." for difference in differences if difference.decided]
    open_ones = [difference for difference in differences if not difference.decided]
    main_first = sorted(open_ones, key=lambda difference: difference.metric != plan.metric)
    return decided + [
        f"{d.metric} is not decided: the trial is between {d.low:+.3f} and {d.high:+.3f} of the control"
        f" ({d.pairs} pairs)."
        for d in main_first
    ]


def _moved(found: ArmDifference) -> str:
    way = "rose" if found.difference > 0 else "fell"
    near, far = sorted((abs(found.low), abs(found.high)))
    return (
        f"{found.metric} {way} by {abs(found.difference):.3f} with the trial"
        f" ({near:.3f} to {far:.3f}, {found.pairs} pairs)"
    )


def _failures(*arms: ArmFigures) -> list[str]:
    failed = sum(arm.failed for arm in arms)
    scored = sum(arm.scored for arm in arms)
    return [f"{failed} of {scored} answers could not be scored in full; they are not in the figures."] if failed else []
