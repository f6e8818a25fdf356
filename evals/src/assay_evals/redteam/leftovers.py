"""Collections of runs that died: a run is told from its collection's name, and the next one cleans up after it."""

import hashlib
import os
import platform
import re
import secrets
import uuid
from datetime import datetime, timedelta
from pathlib import Path

from assay_core.errors import AssayError
from assay_wire import public
from assay_wire.clients import AssayClient

_NAME = re.compile(r"redteam-(?P<place>[0-9a-f]{8})-(?P<pid>\d+)-[0-9a-f]{8}(?:-control)?")
LONGEST = timedelta(hours=12)
"""A run that is older has lost its reader's key and what was started beside the platform."""


def new_name() -> str:
    """A name for a collection of this process, which nobody else would choose."""
    return f"redteam-{_place()}-{os.getpid()}-{secrets.token_hex(4)}"


def remove_leftovers(client: AssayClient, *, now: datetime) -> list[str]:
    """Delete the collections of runs that are no more, and return their names."""
    removed: list[str] = []
    for collection in client.collections():
        if is_left_behind(collection, now):
            try:
                client.delete_collection(collection.name)
            except AssayError:
                continue  # somebody else's, or gone by now
            removed.append(collection.name)
    return removed


def is_left_behind(collection: public.Collection, now: datetime) -> bool:
    """Whether a collection is one of a red team whose process is gone; of another machine's, by its age."""
    found = _NAME.fullmatch(collection.name)
    if found is None:
        return False
    if now - collection.created_at > LONGEST:
        return True
    return found["place"] == _place() and not _lives(int(found["pid"]))


def _place() -> str:
    """Where a process number means one process: this boot of this machine, in this container."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii") + os.readlink("/proc/self/ns/pid")
    except OSError:
        boot = str(uuid.getnode())
    return hashlib.sha256(f"{platform.node()} {boot}".encode()).hexdigest()[:8]


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
