"""The parts' log files: bounded in size, and asked for the reason when a part fails."""

import os
import re
from pathlib import Path

LIMIT_BYTES = 10 * 1024 * 1024
_TAIL_BYTES = 16 * 1024
_REASON = re.compile(r"error|fatal|panic|exception|refused|cannot|could not|failed|denied|no such", re.IGNORECASE)
_NOISE = re.compile(r"^\s*(File \"|at |goroutine |\.\.\.|\^+|Traceback)")


def rotate(log: Path, limit_bytes: int = LIMIT_BYTES) -> bool:
    """Keep one older file beside the current one. True if it was time.

    The part appends through a descriptor of its own, so the file is copied and cut rather than renamed;
    what it writes in between is lost.
    """
    try:
        if log.stat().st_size <= limit_bytes:
            return False
    except FileNotFoundError:
        return False
    older = log.with_suffix(log.suffix + ".1")
    with log.open("rb") as source, older.open("wb") as target:
        source.seek(-min(limit_bytes, log.stat().st_size), os.SEEK_END)
        while block := source.read(1 << 20):
            target.write(block)
    os.truncate(log, 0)
    return True


def tail(log: Path, lines: int = 5, *, after_bytes: int = 0) -> list[str]:
    """The last lines that say something, oldest first."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(after_bytes if after_bytes <= size else 0, size - _TAIL_BYTES))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return []
    return [line.rstrip() for line in text.splitlines() if line.strip()][-lines:]


def reason(log: Path, *, after_bytes: int = 0) -> str:
    """The line that most likely says why a part failed, or an empty string."""
    recent = tail(log, 60, after_bytes=after_bytes)
    telling = [line for line in recent if _REASON.search(line) and not _NOISE.match(line)]
    return (telling or recent or [""])[-1].strip()[:300]
