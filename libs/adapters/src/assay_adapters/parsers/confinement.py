"""Gives up what a parsing process does not need. Each step that the kernel refuses is passed over."""

import contextlib
import ctypes
import math
import os
import resource
import signal
import sys

from assay_adapters.parsers.landlock import restrict

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_NOBODY = 65534


def leave_network() -> None:
    """Move this process, and those it forks, to a network namespace with no interface."""
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET) != 0:
        libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)


def confine(*, memory_bytes: int, cpu_s: float) -> bool:
    """Limit this process for good. It can compute, and read and write the files it has open, but open no other.

    That no file descriptor can be made denies files, sockets and pipes alike, on every kernel and without rights.
    Landlock, where the kernel has it, denies files and signals to others once more. Returns whether it does.
    """
    _become_nobody()
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    landlocked = sys.platform == "linux" and restrict()
    cpu = math.ceil(cpu_s) + 1
    for limit, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_NOFILE, 0),
        (resource.RLIMIT_CPU, cpu),
        (resource.RLIMIT_AS, memory_bytes),
    ):
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(limit, (value, value))
    return landlocked


def _become_nobody() -> None:
    """Root is held by no limit on processes, and may raise the others again."""
    if os.geteuid() != 0:
        return
    with contextlib.suppress(OSError):
        os.setgroups([])
        os.setresgid(_NOBODY, _NOBODY, _NOBODY)
        os.setresuid(_NOBODY, _NOBODY, _NOBODY)
