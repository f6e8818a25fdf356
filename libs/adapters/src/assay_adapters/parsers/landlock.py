"""Landlock: a process gives up files, TCP and signals for good, without rights of its own (kernel 5.13 and later).

The numbers are those of `linux/landlock.h`; the system calls have the same ones on every architecture.
"""

import ctypes
import os
import struct

_CREATE_RULESET, _RESTRICT_SELF = 444, 446
_VERSION_FLAG = 1
_PR_SET_NO_NEW_PRIVS = 38
# How many file rights each version of the interface knows; later ones added none so far.
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
_BIND_AND_CONNECT_TCP = 0b11
_ABSTRACT_SOCKETS_AND_SIGNALS = 0b11


def version() -> int:
    """The version of the kernel's interface; 0 where there is none, or it is switched off."""
    return max(0, ctypes.CDLL(None, use_errno=True).syscall(_CREATE_RULESET, None, 0, _VERSION_FLAG))


def restrict() -> bool:
    """Deny this process, and those it forks, every file that is not open yet. Returns whether the kernel did.

    From version 4 on also TCP, from 6 on signals to processes outside. Needs a free file descriptor.
    """
    interface = version()
    if interface == 0:
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    files = (1 << _FILE_RIGHTS[min(interface, max(_FILE_RIGHTS))]) - 1
    network = _BIND_AND_CONNECT_TCP if interface >= 4 else 0
    scoped = _ABSTRACT_SOCKETS_AND_SIGNALS if interface >= 6 else 0
    attributes = struct.pack("<QQQ", files, network, scoped)[: 8 * (1 + (interface >= 4) + (interface >= 6))]
    ruleset = libc.syscall(_CREATE_RULESET, attributes, len(attributes), 0)
    if ruleset < 0:
        return False
    try:
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        return libc.syscall(_RESTRICT_SELF, ruleset, 0) == 0
    finally:
        os.close(ruleset)
