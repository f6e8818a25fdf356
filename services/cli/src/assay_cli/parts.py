"""The parts of a platform on this machine, as `assay status` tells of them."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any


def platform_status(home: Path | None) -> dict[str, Any]:
    """What `assay status --json` prints; empty if no platform runs on this machine."""
    command = [sys.executable, "-m", "assay_cli.main", "status", "--json"]
    if home:
        command += ["--home", str(home)]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        found = json.loads(answer.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return {}
    return found if isinstance(found, dict) and "parts" in found else {}
