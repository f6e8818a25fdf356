"""`assay index advise`: which kind of index to take, measured on the platform that runs on a data folder."""

import subprocess
import sys
from typing import Annotated

import typer

from assay_embedded.commands import HomeOption, JsonOption

_ADVISE = "assay_retrieval.advise"


def advise(
    collection: Annotated[str, typer.Argument(help="Its name.")],
    recall: Annotated[float, typer.Option(help="Recall@10 that is wanted, beside exact search.")] = 0.95,
    most_vectors: Annotated[int, typer.Option(help="Try on a sample of so many vectors at most.")] = 50_000,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure kinds of index on a collection's own vectors and questions, and name the one to take.

    Builds indexes beside those in use and removes them. Takes minutes, and a core of this machine.
    """
    from assay_embedded.environment import environment_of, running

    argv = [sys.executable, "-m", _ADVISE, collection, f"--recall={recall}", f"--most-vectors={most_vectors}"]
    argv += ["--json"] if as_json else []
    environment = environment_of(running(home), "retrieval")
    raise typer.Exit(1 if subprocess.run(argv, env=environment, check=False).returncode else 0)
