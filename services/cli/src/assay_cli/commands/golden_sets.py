"""`assay eval`: what is measured, and with which questions."""

import typer

from assay_cli.commands.evaluate import no_evals
from assay_cli.options import Command
from assay_cli.output import print_json, print_table
from assay_cli.session import session_of


def register(app: typer.Typer) -> None:
    app.command(cls=Command)(metrics)


def metrics(context: typer.Context) -> None:
    """Say what each metric means, where it is defined, its range, and which way is better."""
    try:
        from assay_evals.metrics import METRICS
    except ModuleNotFoundError as error:
        raise no_evals() from error
    if session_of(context).json:
        print_json({"metrics": [metric.as_json() for metric in METRICS.values()]})
        return
    print_table(
        ["metric", "range", "better", "definition", "source"],
        [
            [m.name, m.range, "higher" if m.higher_is_better else "lower", m.definition, m.source]
            for m in METRICS.values()
        ],
    )
