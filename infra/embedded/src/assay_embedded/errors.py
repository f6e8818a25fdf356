"""What can be in the way of starting, each with the way out in its message.

AssayError (assay_core.errors)
├── Conflict
│   └── HomeInUse     another supervisor owns the data folder
├── Invalid
│   └── CannotRun     this part cannot run on this machine, and trying again will not help
└── Unavailable
    └── NotReady      the part does not answer yet; ask again
"""

from assay_core.errors import Conflict, Invalid, Unavailable


class HomeInUse(Conflict):
    default_code = "home_in_use"


class CannotRun(Invalid):
    default_code = "cannot_run"


class NotReady(Unavailable):
    default_code = "not_ready"


class Exited(Exception):
    """The part's process ended while someone waited for it."""


class Stopping(Exception):
    """The platform is being stopped: leave whatever is being waited for."""
