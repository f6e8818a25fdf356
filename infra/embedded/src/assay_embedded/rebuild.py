"""`assay rebuild`: makes the search indexes anew, in the environment of the platform that runs on a data folder."""

import json
import subprocess
import sys
from typing import Annotated

import typer

from assay_embedded.commands import HomeOption, JsonOption

_MODULE = "assay_ingestion.rebuild"


def rebuild(
    collection: Annotated[str | None, typer.Argument(help="Its name; all collections without one.")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make the search indexes anew from the database and the blobs, without parsing or embedding again."""
    from assay_embedded.environment import indexer_environment

    argv = [sys.executable, "-m", _MODULE, *([collection] if collection else [])]
    # What the rebuild prints is progress; with --json stdout is for JSON alone.
    output = sys.stderr if as_json else None
    _, environment = indexer_environment(home)
    done = subprocess.run(argv, env=environment, stdout=output, check=False)
    if as_json:
        typer.echo(json.dumps({"collection": collection, "rebuilt": done.returncode == 0}))
    raise typer.Exit(1 if done.returncode else 0)
