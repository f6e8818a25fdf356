"""Ending a platform from outside, whatever state it is in."""

import signal
import time

from assay_core.errors import Unavailable

from assay_embedded import control, proctable
from assay_embedded.home import Home, read_owner

_DOWN_S = 60.0


def stop(home: Home) -> bool:
    """Stop the platform of this folder and wait for its end. False if there was none."""
    owner = read_owner(home)
    if owner is None or not owner.alive:
        return _end_leftovers(home)
    try:
        control.ask(home, "stop")
    except Unavailable:
        # It is starting or hangs: a signal says the same.
        proctable.send([owner.pid], signal.SIGTERM)
    deadline = time.monotonic() + _DOWN_S
    while owner.alive and time.monotonic() < deadline:
        time.sleep(0.05)
    if owner.alive:
        proctable.send([owner.pid], signal.SIGKILL)
    _end_leftovers(home)
    return True


def _end_leftovers(home: Home) -> bool:
    """After a supervisor that could not clean up. Its watchdog is given the first few seconds."""
    found = False
    for attempt in range(60):
        left = proctable.marked(home.mark())
        if not left:
            break
        found = True
        if attempt >= 30:
            proctable.send(left, signal.SIGKILL)
        time.sleep(0.1)
    return found
