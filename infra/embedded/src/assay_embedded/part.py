"""What a part of the platform must be able to say about itself; `runner` does the rest."""

from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

from assay_embedded.errors import NotReady
from assay_embedded.process import Command

State = Literal["installing", "preparing", "starting", "ready", "backoff", "failed", "stopped"]


@dataclass(frozen=True)
class PartStatus:
    name: str
    state: State
    pid: int | None = None
    port: int | None = None
    version: str = ""
    restarts: int = 0
    detail: str = ""
    ready_after_s: float | None = None
    """From its start to the first answer; None until then."""


class Context(Protocol):
    """What a part may ask for while it is prepared or started. Every call raises Stopping when asked to stop."""

    def report(self, state: State, detail: str) -> None:
        """Say what is going on."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait.

        Raises:
            Exited: the part's process ended meanwhile.
        """
        ...

    def run_helper(self, command: Command, *, timeout_s: float) -> None:
        """Run a helper to its end, its output in the part's log.

        Raises:
            Unavailable: it failed or took too long; the message carries the reason from its output.
            Exited: the part's process ended meanwhile.
        """
        ...

    @property
    def pid(self) -> int:
        """The part's process."""
        ...


class Part:
    """A server or one of Assay's own processes. Methods are called from one thread."""

    needs: tuple[str, ...] = ()
    """Parts that must be ready before this one is prepared and started."""
    once: ClassVar[bool] = False
    """True for work that runs to its end instead of staying."""
    check_every_s: float = 10.0
    first_backoff_s: float = 0.5
    backoff_limit_s: float = 30.0

    def __init__(self, name: str, port: int | None) -> None:
        self.name = name
        self.port = port

    def version(self) -> str:
        """The version of the program, or an empty string before it is installed."""
        raise NotImplementedError

    def prepare(self, ctx: Context) -> None:
        """Make everything that the first start needs. Called before every start, so quick when it is done.

        Raises:
            CannotRun: it never will on this machine.
        """

    def command(self) -> Command:
        raise NotImplementedError

    def check(self) -> None:
        """A real but cheap query, within about 3 s.

        Raises:
            NotReady: with what is missing.
        """
        raise NotImplementedError

    def await_ready(self, ctx: Context) -> None:
        """Return as soon as the part does its work."""
        pause_s = 0.1
        while True:
            try:
                self.check()
            except NotReady as e:
                ctx.report("starting", e.message)
            else:
                return
            ctx.sleep(pause_s)
            pause_s = min(2.0, pause_s * 1.3)
