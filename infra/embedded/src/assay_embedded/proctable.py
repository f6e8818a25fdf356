"""What runs on this machine, from /proc. Standard library only: the watchdog uses it too."""

import contextlib
import os
import signal
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

MARK = "ASSAY_SUPERVISED"


@dataclass(frozen=True)
class Process:
    pid: int
    parent: int
    group: int
    session: int
    started_ticks: int


@dataclass(frozen=True)
class Footprint:
    """How to recognise everything that belongs to one part, also after its main process is gone.

    Postgres gives every backend a session of its own and overwrites its environment with a title, so
    neither alone suffices: a process belongs if it descends from the part, shares its session, carries its
    mark, or, where `program` is set, runs that program in the part's folder.
    """

    pid: int
    started_ticks: int
    mark: str
    cwd: str
    program: str
    stop_signal: int


def read(pid: int) -> Process | None:
    """The process, or None if there is none or it is only waiting to be reaped."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (OSError, UnicodeDecodeError):
        return None
    if fields[0] in "ZX":
        return None
    return Process(pid, int(fields[1]), int(fields[2]), int(fields[3]), int(fields[19]))


def everything() -> dict[int, Process]:
    pids = (int(name) for name in os.listdir("/proc") if name.isdigit())
    return {pid: process for pid in pids if (process := read(pid))}


def descendants(pid: int, table: Mapping[int, Process]) -> set[int]:
    children: dict[int, list[int]] = {}
    for process in table.values():
        children.setdefault(process.parent, []).append(process.pid)
    found: set[int] = set()
    queue = [pid]
    while queue:
        for child in children.get(queue.pop(), []):
            if child not in found:
                found.add(child)
                queue.append(child)
    return found


def carries(pid: int, mark: str) -> bool:
    """Whether the process was started with this mark, or with this folder's mark for any part."""
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False
    wanted = f"{MARK}={mark}".encode()
    return any(entry == wanted or entry.startswith(wanted + b":") for entry in environment)


def _link(pid: int, name: str) -> str:
    try:
        return os.readlink(f"/proc/{pid}/{name}").removesuffix(" (deleted)")
    except OSError:
        return ""


def program(pid: int) -> str:
    """The file that the process executes, or an empty string."""
    return _link(pid, "exe")


def members(footprint: Footprint, table: Mapping[int, Process] | None = None) -> set[int]:
    """Every living process of a part."""
    table = everything() if table is None else table
    leader = table.get(footprint.pid)
    reused = leader is not None and leader.started_ticks != footprint.started_ticks
    found: set[int] = set()
    if not reused:
        found = descendants(footprint.pid, table)
        found |= {p.pid for p in table.values() if footprint.pid in (p.pid, p.session, p.group)}
    for pid in table.keys() - found - {os.getpid()}:
        at_home = footprint.program and _link(pid, "cwd") == footprint.cwd and _link(pid, "exe") == footprint.program
        if at_home or carries(pid, footprint.mark):
            found.add(pid)
            found |= descendants(pid, table)
    return found - {os.getpid()}


def marked(mark: str) -> set[int]:
    """Every living process under a mark, with its descendants."""
    table = everything()
    found = {pid for pid in table if carries(pid, mark)}
    return (found | {child for pid in found for child in descendants(pid, table)}) - {os.getpid()}


def send(pids: Iterable[int], signal_number: int) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal_number)


def kill_all(footprints: Sequence[Footprint], rounds: int = 20) -> bool:
    """SIGKILL every member of the parts until a look finds none. True if none is left."""
    for _ in range(rounds):
        table = everything()
        living = {pid for footprint in footprints for pid in members(footprint, table)}
        if not living:
            return True
        send(living, signal.SIGKILL)
        signal.sigtimedwait([], 0.05)
    return False


def memory_bytes(pids: Iterable[int]) -> int:
    """Proportional memory of the processes, so that what they share counts once."""
    return sum(_pss_bytes(pid) for pid in pids)


def _pss_bytes(pid: int) -> int:
    for file, key in (("smaps_rollup", "Pss:"), ("status", "VmRSS:")):
        try:
            lines = Path(f"/proc/{pid}/{file}").read_text().splitlines()
        except OSError:
            continue
        for line in lines:
            if line.startswith(key):
                return int(line.split()[1]) * 1024
    return 0


def cpu_seconds(pids: Iterable[int]) -> float:
    """Processor time of processes and of those children of theirs that have ended, such as a worker's parsers."""
    ticks = 0
    for pid in pids:
        with contextlib.suppress(OSError, IndexError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")
