"""Results as plain text for people and as JSON for machines."""

import json
from collections.abc import Mapping, Sequence

from assay_core.evaluation import EvaluationRun, QuestionScore

from assay_evals.beir import RetrievalReport

Cell = str | float | int | None


def table(header: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """Columns of equal width; numbers to the right with three decimals, None as a dash."""
    cells = [list(header), *([_shown(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    right = [all(not isinstance(row[column], str) for row in rows) for column in range(len(header))]
    lines = [
        "  ".join(
            cell.rjust(width) if is_right else cell.ljust(width)
            for cell, width, is_right in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in cells
    ]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])


def retrieval_text(report: RetrievalReport) -> str:
    """Figures of a retrieval set, a line a mode."""
    metrics = list(next(iter(report.stages.values()), {}))
    rows = [
        [mode, *values.values(), report.latency[mode].p50_ms, report.latency[mode].p99_ms]
        for mode, values in report.stages.items()
    ]
    title = f"{report.dataset}: {report.queries} queries, {report.documents} documents"
    return f"{title}\n\n{table(['mode', *metrics, 'p50 ms', 'p99 ms'], rows)}"


def run_text(run: EvaluationRun) -> str:
    """A run: its metrics with intervals, what failed, and the configuration that it measured."""
    rows: list[list[Cell]] = [
        [metric, value, *(run.intervals.get(metric) or (None, None))] for metric, value in run.metrics.items()
    ]
    lines = [
        f"run {run.id}: {run.dataset}, judge {run.judge}, {run.state}",
        f"{run.questions} questions, {run.failures} with failures" + (f": {run.error}" if run.error else ""),
        "",
        table(["metric", "mean", "95 % from", "to"], rows) if rows else "no scores",
        "",
        *(f"{key}: {_plain(value)}" for key, value in sorted(run.configuration.items())),
    ]
    return "\n".join(lines)


def failures_text(scores: Sequence[QuestionScore]) -> str:
    """Each different failure with how often it happened and one question as an example."""
    found: dict[str, list[QuestionScore]] = {}
    for score in scores:
        if score.failure is not None:
            found.setdefault(score.failure, []).append(score)
    rows = [[len(same), same[0].question, failure] for failure, same in sorted(found.items(), key=_commonest)]
    return table(["times", "for example", "failure"], rows) if rows else "no failures"


def retrieval_json(report: RetrievalReport) -> str:
    """One JSON object. Numbers are finite: a metric without a value is absent."""
    return json.dumps(report.as_json(), allow_nan=False)


def _commonest(item: tuple[str, list[QuestionScore]]) -> tuple[int, str]:
    return -len(item[1]), item[0]


def _shown(cell: Cell) -> str:
    match cell:
        case None:
            return "–"
        case float():
            return f"{cell:.3f}"
        case _:
            return str(cell)


def _plain(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={item}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value)
    return str(value)
