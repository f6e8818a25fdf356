"""Starts the parts in their order, keeps them alive, and leaves nothing behind."""

import contextlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog
from assay_core.errors import Invalid, Unavailable

from assay_embedded import logs, namespaces, proctable, roster, secrets, wiring
from assay_embedded.control import Server, StatusReport
from assay_embedded.home import Home, owned
from assay_embedded.part import Part, PartStatus
from assay_embedded.ports import Ports
from assay_embedded.runner import Runner
from assay_embedded.secrets import write_private
from assay_embedded.settings import Settings
from assay_embedded.watchdog import Watchdog
from assay_embedded.wiring import Wiring

_LOOK_EVERY_S = 5.0
# A part that keeps dying before its first answer will hardly come up while someone waits for it.
_HOPELESS_RESTARTS = 6


class Supervisor:
    """Owns the data folder and the parts while it is entered."""

    def __init__(
        self,
        settings: Settings,
        *,
        names: Iterable[str] = roster.ALL,
        on_change: Callable[[PartStatus], None] | None = None,
    ) -> None:
        self.settings = settings
        self.home = Home(settings.home)
        self._names = _known(names)
        self._on_change = on_change
        self._changed = threading.Condition()
        self._stop_asked = threading.Event()
        self._exit = contextlib.ExitStack()
        self._runners: dict[str, Runner] = {}

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            lock = stack.enter_context(owned(self.home))
            self._log = structlog.wrap_logger(
                structlog.WriteLogger(stack.enter_context(self.home.log("supervisor").open("a", buffering=1))),
                processors=[structlog.processors.TimeStamper(fmt="iso"), structlog.processors.JSONRenderer()],
            )
            self._end_leftovers()
            self.wiring = self._wire(stack.enter_context(contextlib.closing(Ports())))
            self.watchdog = Watchdog(lock_fd=lock, log=self.home.log("supervisor"))
            stack.callback(self.watchdog.close)
            self._start()
            stack.callback(self._stop)
            stack.enter_context(
                contextlib.closing(Server(self.home, parts=self.statuses, report=self.report, stop=self.ask_to_stop))
            )
            self._exit = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exit.close()

    def _end_leftovers(self) -> None:
        """Of a supervisor and watchdog that were both killed. We own the folder: nobody else may serve from it."""
        deadline = time.monotonic() + 10
        while (left := proctable.marked(self.home.mark())) and time.monotonic() < deadline:
            self._log.warning("leftovers.killed", pids=sorted(left))
            proctable.send(left, 9)
            time.sleep(0.1)

    def _wire(self, ports: Ports) -> Wiring:
        closed_in = "milvus" in self._names and self.settings.namespaces and namespaces.allowed("leave_network")
        remembered = _remembered_ports(self.home.state)
        ports.assign(wiring.port_names(self._names, milvus_closed_in=closed_in), remembered=remembered)
        state = {"ports": {**remembered, **ports}}
        write_private(self.home.state, json.dumps(state, indent=2) + "\n")
        return Wiring(
            settings=self.settings,
            home=self.home,
            secrets=secrets.ensure(self.home.secrets),
            ports=ports,
            milvus_closed_in=closed_in,
        )

    def _start(self) -> None:
        for part in self.wiring.parts(self._names):
            self._runners[part.name] = Runner(
                part,
                home=self.home,
                watchdog=self.watchdog,
                needs_met=self._missing_need,
                on_change=self._note,
            )
        for runner in self._runners.values():
            runner.start()

    def _missing_need(self, part: Part) -> str:
        """The first part that this one must wait for, or an empty string."""
        for name in part.needs:
            runner = self._runners.get(name)
            if runner and not runner.gone and runner.status.state != "ready":
                return name
        return ""

    def _note(self, status: PartStatus) -> None:
        self._log.info(f"part.{status.state}", part=status.name, pid=status.pid, detail=status.detail)
        if self._on_change:
            self._on_change(status)
        with self._changed:
            self._changed.notify_all()

    def statuses(self) -> list[PartStatus]:
        return [runner.status for runner in self._runners.values()]

    def await_ready(self, names: Iterable[str], *, timeout_s: float | None = None) -> None:
        """Return when all of these are ready.

        Raises:
            Unavailable: one of them cannot be, or not in time; the message says which and why.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        wanted = [self._runners[name] for name in names if name in self._runners]
        with self._changed:
            while waiting := [r.status for r in wanted if r.status.state != "ready"]:
                check_hopeless(waiting)
                if self._stop_asked.is_set():
                    raise Unavailable("the platform was stopped while it was starting")
                if deadline is not None and time.monotonic() > deadline:
                    names_left = ", ".join(f"{s.name} ({s.state}: {s.detail})" for s in waiting)
                    raise Unavailable(f"not ready after {timeout_s:.0f} s: {names_left}")
                self._changed.wait(0.5)

    def run(self) -> None:
        """Stay until asked to stop."""
        while not self._stop_asked.wait(_LOOK_EVERY_S):
            self.watchdog.revive()
            logs.rotate(self.home.log("supervisor"))

    @property
    def stop_asked(self) -> bool:
        return self._stop_asked.is_set()

    def ask_to_stop(self) -> None:
        self._stop_asked.set()

    def _stop(self) -> None:
        """Those first that use others."""
        self._stop_asked.set()
        for stage in stages({name: runner.part.needs for name, runner in self._runners.items()}):
            for name in stage:
                self._runners[name].stop()
            for name in stage:
                self._runners[name].join()

    def kill_now(self) -> None:
        """For those in a hurry: no good-byes."""
        proctable.send({pid for runner in self._runners.values() for pid in runner.members()}, 9)

    def report(self) -> StatusReport:
        members = {name: runner.members() for name, runner in self._runners.items()}
        own = {os.getpid(), self.watchdog.pid}
        return StatusReport(
            home=str(self.home.path),
            pid=os.getpid(),
            url=self.wiring.url,
            parts=self.statuses(),
            memory_bytes={
                **{name: proctable.memory_bytes(pids) for name, pids in members.items()},
                "supervisor": proctable.memory_bytes(own),
            },
            cpu_s={
                **{name: proctable.cpu_seconds(pids) for name, pids in members.items()},
                "supervisor": proctable.cpu_seconds(own),
            },
        )


def check_hopeless(waiting: Iterable[PartStatus]) -> None:
    """Raises: Unavailable: one of these will not become ready while we wait."""
    for status in waiting:
        hopeless = status.state == "backoff" and status.restarts >= _HOPELESS_RESTARTS and not status.ready_after_s
        if hopeless or status.state == "failed":
            raise Unavailable(f"{status.name} does not start: {status.detail}")


def _known(names: Iterable[str]) -> frozenset[str]:
    chosen = frozenset(names)
    unknown = chosen - set(roster.ALL)
    if unknown:
        raise Invalid(f"there is no part {min(unknown)!r}; there are {', '.join(roster.ALL)}.")
    return chosen


def stages(needs: Mapping[str, Iterable[str]]) -> Iterator[list[str]]:
    """The order of stopping: each stage holds the parts that no part of a later one uses."""
    left = dict(needs)
    while left:
        used = {name for names in left.values() for name in names}
        stage = [name for name in left if name not in used]
        yield stage
        for name in stage:
            del left[name]


def _remembered_ports(state: Path) -> dict[str, int]:
    try:
        return {str(name): int(port) for name, port in json.loads(state.read_text())["ports"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
