"""The most memory that ingestion's processes take, watched from outside while they work. Linux only."""

import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from assay_cli.parts import platform_status

PARTS = ("worker", "indexer")
_EVERY_S = 0.5
_PROC = Path("/proc")


class PeakMemory:
    """While it is entered, looks at the parts' process trees twice a second; `peaks` holds bytes by part."""

    def __init__(self, pids: dict[str, int]) -> None:
        self.peaks: dict[str, int] = {}
        self._pids = pids
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="memory", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(_EVERY_S) and self._pids:
            children = _children()
            for part, pid in self._pids.items():
                used = sum(_pss_bytes(each) for each in _tree(pid, children))
                self.peaks[part] = max(self.peaks.get(part, 0), used)


def part_pids(home: Path | None, *, every: bool = False) -> dict[str, int]:
    """Process ids of the parts that ingest (or of every one); empty if no platform runs on this machine."""
    parts = platform_status(home).get("parts", [])
    return {part["name"]: part["pid"] for part in parts if (every or part["name"] in PARTS) and part.get("pid")}


def _children() -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for folder in _PROC.glob("[0-9]*"):
        try:
            # The name in parentheses may hold blanks; the parent is the second field after it.
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            continue
        found.setdefault(parent, []).append(int(folder.name))
    return found


def _tree(pid: int, children: dict[int, list[int]]) -> list[int]:
    return [pid, *(below for child in children.get(pid, []) for below in _tree(child, children))]


def _pss_bytes(pid: int) -> int:
    """Memory of a process, where pages that others share count in part."""
    try:
        lines = (_PROC / str(pid) / "smaps_rollup").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    except (OSError, ValueError, StopIteration):
        return 0
