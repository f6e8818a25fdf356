"""Running the supervisor for a person: progress, signals, and the way into the background."""

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING

from assay_core.errors import Invalid, Unavailable
from rich.console import Console

from assay_embedded import control, logs, roster, settings
from assay_embedded.home import Home, read_owner
from assay_embedded.progress import Progress
from assay_embedded.settings import Settings
from assay_embedded.supervisor import Supervisor, check_hopeless

if TYPE_CHECKING:
    from pathlib import Path

    from assay_embedded.commands import Level

_POLL_S = 0.3


@dataclass(frozen=True)
class Options:
    settings: Settings
    names: frozenset[str]
    wait_for: "Level"

    @property
    def wanted(self) -> frozenset[str]:
        level = roster.SEARCHABLE if self.wait_for == "searchable" else roster.GENERATING
        return level & self.names


def read_options(*, home: "Path | None", host: str, without: Sequence[str], wait_for: "Level") -> Options:
    read = settings.read(home=home, host=host)
    unknown = set(without) - set(roster.ALL)
    if unknown:
        raise Invalid(f"--without {min(unknown)!r}: there is no such part; there are {', '.join(roster.ALL)}.")
    names = frozenset(roster.ALL) - set(without)
    if not read.vllm.enabled:
        names -= {"vllm"}
    return Options(settings=read, names=names, wait_for=wait_for)


def run(options: Options) -> None:
    """Supervise until a signal or `assay down`."""
    console = Console()
    progress = Progress(console, options.names)
    with (
        Supervisor(options.settings, names=options.names, on_change=progress.note) as supervisor,
        _signals(supervisor, console),
    ):
        try:
            with progress:
                supervisor.await_ready(options.wanted)
        except Unavailable as e:
            if not supervisor.stop_asked:
                console.print(f"[red]{e.message}[/]\nThe rest goes on; `assay doctor` says more. Ctrl-C stops it.")
        else:
            _greet(console, supervisor.wiring.url, options.settings)
        supervisor.run()
        console.print("Stopping…")
    console.print("Assay has stopped.")


def _greet(console: Console, url: str | None, chosen: Settings) -> None:
    if url is None:
        return
    console.print(f"\nAssay is ready at [bold]{url}/ui[/]", highlight=False)
    console.print(f"Sign in with the key in {Home(chosen.home).secrets / 'api_key'}", highlight=False, soft_wrap=True)
    if chosen.host not in ("127.0.0.1", "localhost", "::1"):
        console.print("[yellow]The gateway can be reached from other machines.[/]")


@contextlib.contextmanager
def _signals(supervisor: Supervisor, console: Console) -> Generator[None]:
    """The first Ctrl-C or TERM stops in order, the second at once."""

    def handle(number: int, frame: FrameType | None) -> None:
        del number, frame
        if supervisor.stop_asked:
            supervisor.kill_now()
        supervisor.ask_to_stop()

    def handle_hangup(number: int, frame: FrameType | None) -> None:
        # The terminal is gone, so nothing may be written to it any more.
        console.quiet = True
        handle(number, frame)

    before = {
        number: signal.signal(number, handler)
        for number, handler in (
            (signal.SIGINT, handle),
            (signal.SIGTERM, handle),
            (signal.SIGHUP, handle_hangup),
        )
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def start_detached(options: Options, *, reuse: bool) -> None:
    """Start a supervisor that outlives this process, and stay until it is ready.

    Raises:
        HomeInUse: one runs already and `reuse` is not set.
        Unavailable: it ended, or a part that is needed does not start.
    """
    home = Home(options.settings.home)
    home.create()
    owner = read_owner(home)
    console = Console()
    if not (reuse and owner and owner.alive):
        if owner and owner.alive:
            raise home.in_use(owner)
        _spawn(options, home)
    _follow(options, home, console)
    report = control.status(home)
    _greet(console, report.url, options.settings)
    console.print("It runs in the background: `assay status` shows it, `assay down` stops it.", highlight=False)


def _spawn(options: Options, home: Home) -> None:
    left_out = sorted(set(roster.ALL) - options.names)
    argv = [sys.executable, "-m", "assay_embedded", "up", "--home", str(home.path), "--host", options.settings.host]
    argv += [argument for name in left_out for argument in ("--without", name)]
    with home.log("supervisor").open("ab") as log:
        subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd=str(home.path)
        )


def _follow(options: Options, home: Home, console: Console) -> None:
    """Show how the parts come up, as the supervisor tells it."""
    log_start = home.log("supervisor").stat().st_size if home.log("supervisor").exists() else 0
    started = time.monotonic()
    answered = False
    with Progress(console, options.names) as progress:
        while True:
            try:
                statuses = control.parts(home)
            except Unavailable:
                owner = read_owner(home)
                gone = owner is None or not owner.alive
                if (answered or time.monotonic() - started > 30) and gone:
                    reason = logs.reason(home.log("supervisor"), after_bytes=log_start)
                    raise Unavailable(f"the supervisor ended: {reason}") from None
            else:
                answered = True
                for status in statuses:
                    progress.note(status)
                waiting = [s for s in statuses if s.name in options.wanted and s.state != "ready"]
                if not waiting:
                    return
                check_hopeless(waiting)
            time.sleep(_POLL_S)
