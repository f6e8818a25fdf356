"""What Prometheus is told of the last runs and the last night of each collection, which its id names."""

from assay_core.evaluation import EvaluationRun, NightReport, Severity
from prometheus_client import Gauge

SCORE = Gauge("assay_evaluation_score", "Mean of a metric in the last run.", ["collection", "dataset", "metric"])
FAILED = Gauge("assay_evaluation_failed_questions", "Questions that could not be scored.", ["collection", "dataset"])
FIGURE = Gauge("assay_night_figure", "What the last night measured.", ["collection", "figure"])
REMARKS = Gauge("assay_night_remarks", "Remarks of the last night.", ["collection", "severity"])
FAILURES = Gauge("assay_night_failures", "What the last night could not measure.", ["collection"])
CLOSED = Gauge("assay_night_closed_timestamp_seconds", "When the last night was closed.", ["collection"])


def record(report: NightReport) -> None:
    """Show a night that was just closed."""
    for name, value in report.figures.items():
        FIGURE.labels(report.collection, name).set(value)
    for severity in Severity:
        REMARKS.labels(report.collection, severity).set(sum(r.severity is severity for r in report.remarks))
    FAILURES.labels(report.collection).set(len(report.failures))
    CLOSED.labels(report.collection).set_to_current_time()


def record_run(run: EvaluationRun) -> None:
    """Show a run that has just ended."""
    for metric, value in run.metrics.items():
        SCORE.labels(run.collection, run.dataset, metric).set(value)
    FAILED.labels(run.collection, run.dataset).set(run.failures)
