"""Stands between fork and exec: puts the new process into its place, then becomes the part.

A separate program instead of `preexec_fn`, which may deadlock in a process with threads.
"""

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from assay_embedded import namespaces


@dataclass(frozen=True)
class Place:
    parent_pid: int
    death_signal: int | None
    hide_root: bool = False
    join_pid: int | None = None
    uid: int | None = None
    gid: int | None = None
    nice: int = 0


def launching(place: Place, argv: Sequence[str]) -> list[str]:
    code = "from assay_embedded import launch; launch.main()"
    return namespaces.bare_python(code, json.dumps(asdict(place)), *argv)


def main() -> None:
    place, argv = Place(**json.loads(sys.argv[1])), sys.argv[2:]
    if place.nice:
        os.nice(place.nice)
    if place.join_pid is not None:
        namespaces.join(place.join_pid)
    if place.hide_root:
        namespaces.hide_root()
    if place.uid is not None and place.gid is not None:
        os.setgroups([])
        os.setgid(place.gid)
        os.setuid(place.uid)
    if place.death_signal is not None:
        namespaces.die_with_parent(place.death_signal)
    if os.getppid() != place.parent_pid:
        sys.exit("the supervisor went away while this part was starting")
    os.execv(argv[0], argv)
