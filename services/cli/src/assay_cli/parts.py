"""The parts of a platform on this machine, as `assay status` tells of them."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from assay_core.errors import Unavailable


def platform_status(home: Path | None) -> dict[str, Any]:
    """What `assay status --json` prints; empty if no platform runs on this machine."""
    command = [sys.executable, "-m", "assay_cli.main", "status", "--json"]
    if home:
        command += ["--home", str(home)]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        found = json.loads(answer.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return {}
    return found if isinstance(found, dict) and "parts" in found else {}


def running_parts(home: Path | None) -> list[tuple[str, float, int]]:
    """Name, processor seconds so far and MiB of each part, the supervisor among them.

    Raises:
        Unavailable: no platform runs on this machine.
    """
    status = platform_status(home)
    if not status:
        raise Unavailable("No platform runs on this machine; start it with `assay up`.", code="not_running")
    parts = [*status["parts"], {"name": "supervisor", **status["supervisor"]}]
    return [(part["name"], float(part["cpu_s"]), int(part["memory_mib"])) for part in parts if part["cpu_s"]]
