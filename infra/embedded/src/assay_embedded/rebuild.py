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
    argv = [sys.executable, "-m", _MODULE, *([collection] if collection else [])]
    # What the rebuild prints is progress; with --json stdout is for JSON alone.
    output = sys.stderr if as_json else None
    done = subprocess.run(argv, env=_environment(home), stdout=output, check=False)
    if as_json:
        typer.echo(json.dumps({"collection": collection, "rebuilt": done.returncode == 0}))
    raise typer.Exit(1 if done.returncode else 0)


def _environment(home: HomeOption) -> dict[str, str]:
    """What the indexer of the running platform is told, but for its port."""
    from assay_embedded import control, secrets, settings
    from assay_embedded.home import Home
    from assay_embedded.wiring import Wiring

    read = settings.read(home=home)
    folder = Home(read.home)
    ports = {part.name: part.port for part in control.status(folder).parts if part.port}
    wiring = Wiring(
        settings=read, home=folder, secrets=secrets.ensure(folder.secrets), ports=ports, milvus_closed_in=False
    )
    return {
        key: value for key, value in wiring.service_environment("indexer").items() if not key.startswith("ASSAY_HTTP__")
    }
