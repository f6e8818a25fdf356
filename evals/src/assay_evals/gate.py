"""Whether a run is good enough to take the place of its baseline."""

from collections.abc import Iterator

from assay_core.experiments import Experiment, Finding, GateDecision


def decide(experiment: Experiment) -> GateDecision:
    """Passed unless a metric that decides is worse, over all questions or in a slice, or can no longer be compared
    because scoring failed. What is only undecided passes: its smallest detectable drop says how much that means."""
    reasons = (*_lost(experiment), *(f"{what} is worse" for what in experiment.regressions))
    return GateDecision(not reasons, reasons, experiment)


def _lost(experiment: Experiment) -> Iterator[str]:
    for metric in experiment.metrics:
        missing = metric.finding is Finding.NOT_COMPARABLE and metric.decides
        if missing and metric.failed_in_run > metric.failed_in_baseline:
            yield f"{metric.metric} could not be scored for {metric.failed_in_run} questions"
