"""`assay erasure verify`: scans the files of a platform on this machine for what was erased."""

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from assay_embedded.commands import HomeOption, JsonOption

_MODULE = "assay_ingestion.erasure_scan"
# Programs, models and environments of Python hold nothing of any document.
_STORES = {
    "postgres": "postgres",
    "milvus": "milvus/data",
    "bm25": "bm25",
    "blobs": "blobs",
    "broker": "broker",
    "cache": "cache",
    "logs": "logs",
    "run": "run",
}


def verify(
    erasure: Annotated[list[str] | None, typer.Option(metavar="ID", help="Only this one; may be repeated.")] = None,
    seek: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Words of at least 16 bytes that may be nowhere either, one a line."),
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look through every store's files for what was erased, after finding a planted control in each.

    Erasures of which nothing is found are marked as proven. Exit code 1 if something was found, or if a control was
    not.
    """
    from assay_embedded.environment import indexer_environment

    folder, environment = indexer_environment(home)
    stores = [f"--store={name}={folder / place}" for name, place in _STORES.items() if (folder / place).is_dir()]
    argv = [sys.executable, "-m", _MODULE, *stores]
    argv += [f"--erasure={one}" for one in erasure or []]
    argv += [f"--seek={seek}"] if seek else []
    argv += ["--json"] if as_json else []
    raise typer.Exit(subprocess.run(argv, env=environment, check=False).returncode)
