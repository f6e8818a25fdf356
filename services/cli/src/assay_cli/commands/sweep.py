"""`assay eval sweep`: which configurations are worth their time and memory?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay_cli.commands.evaluate import no_evals
from assay_cli.golden_file import read_golden
from assay_cli.options import Command
from assay_cli.output import print_json, print_table, say
from assay_cli.progress import Steps
from assay_cli.session import session_of

if TYPE_CHECKING:
    from assay_evals.sweep import Point

_COLUMNS = ["configuration", "front", "quality", "95 % from", "to", "latency ms", "index MiB", "failures"]


def register(app: typer.Typer) -> None:
    """Add the command to `assay eval`."""
    app.command(cls=Command)(sweep)


def sweep(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="CONFIG.yaml", help="What is varied, and on what it is tried.")],
    picture: Annotated[
        Path | None, typer.Option("--picture", metavar="FILE.svg", help="Draw quality against latency and memory.")
    ] = None,
) -> None:
    """Run each point of a sweep that is not done yet, and say which ones no other is better than in everything.

    What is done is remembered in NAME.sweep.jsonl beside the file: run it again to go on.
    """
    try:
        from assay_evals.pareto import picture as draw
        from assay_evals.sweep import Memory, run_sweep
        from assay_evals.sweep_file import read_sweep
    except ModuleNotFoundError as error:
        raise no_evals() from error
    session = session_of(context)
    wanted = read_sweep(file)

    def upload(collection: str, questions: Path) -> None:
        session.client.put_dataset(collection, wanted.dataset, read_golden(questions))

    with Steps() as steps:
        points = run_sweep(
            session.client,
            wanted,
            Memory(file.parent / f"{wanted.name}.sweep.jsonl"),
            upload_questions=upload,
            on_progress=steps.update,
            sleep=session.sleep,
        )
    if picture is not None:
        picture.write_text(draw([point.figures for point in points], quality=wanted.quality), encoding="utf-8")
    if session.json:
        print_json({"quality": wanted.quality, "points": [point.as_json() for point in points]})
    else:
        _show(points, wanted.quality)


def _show(points: "list[Point]", quality: str) -> None:
    print_table(
        _COLUMNS,
        [
            [p.name, "●" if p.on_front else "", p.quality, p.quality_low, p.quality_high, p.latency_ms, p.memory_mib,
             p.failures]
            for p in points
        ],
        title=f"{quality}; ● no other point is as good and costs less",
    )  # fmt: skip
    say("Differences within the intervals may be chance: `assay eval compare` tells of two runs.")
