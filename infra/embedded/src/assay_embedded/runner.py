"""The life of one part: wait for what it needs, prepare, start, watch, start again."""

import os
import select
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from assay_core.errors import AssayError, Unavailable

from assay_embedded import logs, proctable
from assay_embedded.backoff import Backoff
from assay_embedded.errors import CannotRun, Exited, NotReady, Stopping
from assay_embedded.home import Home
from assay_embedded.part import Part, PartStatus, State
from assay_embedded.process import Child, Command, exit_reason
from assay_embedded.watchdog import Watchdog

# So many checks in a row must fail before a ready part is called unready: a busy machine may miss one.
_MISSES = 3


class Runner(threading.Thread):
    """Keeps one part alive until `stop`. The thread also owns the part's process in the eyes of the kernel."""

    def __init__(
        self,
        part: Part,
        *,
        home: Home,
        watchdog: Watchdog,
        needs_met: Callable[[Part], str],
        on_change: Callable[[PartStatus], None],
    ) -> None:
        super().__init__(name=f"part-{part.name}", daemon=True)
        self.part = part
        self.status = PartStatus(part.name, "starting", port=part.port)
        self._home = home
        self._watchdog = watchdog
        self._needs_met = needs_met
        self._on_change = on_change
        self._backoff = Backoff(first_s=part.first_backoff_s, limit_s=part.backoff_limit_s)
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._child: Child | None = None
        self._log_start_bytes = 0
        self._last_failure = ""
        self.gone = False
        """It cannot run here, and others need not wait for it."""

    def run(self) -> None:
        state: State = "stopped"
        detail = ""
        try:
            while True:
                self._live_once()
        except Stopping:
            pass
        except CannotRun as e:
            state, detail = "failed", e.message
        except Exception as e:  # noqa: BLE001 - the edge of a thread: whatever it is, the table must show it
            state, detail = "failed", f"the supervisor broke on it: {e!r}"
            traceback.print_exc()
        finally:
            self._end_child()
        self.gone = state == "failed"
        self._set(state=state, pid=None, detail=detail)

    def stop(self) -> None:
        os.eventfd_write(self._wake, 1)

    def report(self, state: State, detail: str) -> None:
        if state == "starting" and self._last_failure:
            detail = f"{detail or 'again'}; before, it {self._last_failure}"
        if (state, detail) != (self.status.state, self.status.detail):
            self._set(state=state, detail=detail)

    def sleep(self, seconds: float) -> None:
        self._wait(seconds, self._child.pidfd if self._child else None)
        if self._child and self._child.exit_code() is not None:
            raise Exited
        logs.rotate(self._log)

    def run_helper(self, command: Command, *, timeout_s: float) -> None:
        log_start = self._log_size()
        helper = self._spawn(command, mark=self._home.mark(f"{self.part.name}.helper"))
        try:
            deadline = time.monotonic() + timeout_s
            while helper.exit_code() is None:
                left_s = deadline - time.monotonic()
                if left_s <= 0:
                    raise Unavailable(f"{Path(command.argv[0]).name} took longer than {timeout_s:.0f} s")
                self._wait(left_s, helper.pidfd, self._child.pidfd if self._child else None)
                if self._child and self._child.exit_code() is not None:
                    raise Exited
        finally:
            code = helper.kill()
            self._watchdog.remove(helper.pid)
        if code != 0:
            reason = logs.reason(self._log, after_bytes=log_start)
            raise Unavailable(f"{Path(command.argv[0]).name} {exit_reason(code)}: {reason}")

    @property
    def pid(self) -> int:
        assert self._child is not None
        return self._child.pid

    def _live_once(self) -> None:
        """From waiting to the next failure and the pause after it."""
        started_s = time.monotonic()
        try:
            self._await_needs()
            started_s = time.monotonic()
            self.part.prepare(self)
            self._start()
            if self.part.once:
                self._finish(started_s)
            self._watch(started_s)
        except Exited:
            self._after_exit()
        except CannotRun:
            raise
        except (AssayError, OSError) as e:
            self._end_child()
            self._pause(str(e), ran_s=0.0)

    def _await_needs(self) -> None:
        pause_s = 0.1
        while missing := self._needs_met(self.part):
            self.report("starting", f"waits for {missing}")
            self._wait(pause_s)
            pause_s = min(1.0, pause_s * 1.2)

    def _start(self) -> None:
        self.report("starting", "")
        self._log_start_bytes = self._log_size()
        self._child = self._spawn(self.part.command(), mark=self._home.mark(self.part.name))
        self._set(pid=self._child.pid, version=self.part.version())

    def _spawn(self, command: Command, *, mark: str) -> Child:
        command.cwd.mkdir(parents=True, exist_ok=True)
        child = Child(command, log=self._log, mark=mark)
        self._watchdog.add(child.footprint)
        return child

    def _finish(self, started_s: float) -> None:
        """Work that ends by itself: its success is what others wait for."""
        assert self._child is not None
        while (code := self._child.exit_code()) is None:
            self._wait(3600, self._child.pidfd)
        if code != 0:
            raise Exited
        self._end_child()
        took_s = time.monotonic() - started_s
        self._set(state="ready", pid=None, detail="done", ready_after_s=took_s)
        while True:
            self._wait(3600)

    def _watch(self, started_s: float) -> None:
        assert self._child is not None
        took_s: float | None = None
        missed = _MISSES
        while True:
            if missed >= _MISSES:
                self.part.await_ready(self)
                took_s = took_s or time.monotonic() - started_s
                self._last_failure = ""
                self._set(state="ready", detail="", ready_after_s=took_s)
                missed = 0
            self.sleep(self.part.check_every_s)
            try:
                self.part.check()
            except NotReady as e:
                missed += 1
                if missed >= _MISSES:
                    self.report("starting", f"no longer answers: {e.message}")
            else:
                missed = 0

    def _after_exit(self) -> None:
        assert self._child is not None
        code = self._child.exit_code()
        ran_s = self._child.ran_s
        self._end_child()
        reason = logs.reason(self._log, after_bytes=self._log_start_bytes)
        self._last_failure = f"{exit_reason(code or 0)}: {reason}" if reason else exit_reason(code or 0)
        self._pause(self._last_failure, ran_s=ran_s)

    def _pause(self, detail: str, *, ran_s: float) -> None:
        delay_s = self._backoff.next_s(ran_s=ran_s)
        self._set(state="backoff", pid=None, detail=detail, restarts=self.status.restarts + 1)
        self._wait(delay_s)

    def _end_child(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        child.stop()
        self._watchdog.remove(child.pid)

    @property
    def _log(self) -> Path:
        return self._home.log(self.part.name)

    def _log_size(self) -> int:
        return self._log.stat().st_size if self._log.exists() else 0

    def _wait(self, seconds: float, *descriptors: int | None) -> None:
        """Until the time is over or one of the processes ended."""
        poll = select.poll()
        poll.register(self._wake, select.POLLIN)
        for descriptor in descriptors:
            if descriptor is not None and descriptor >= 0:
                poll.register(descriptor, select.POLLIN)
        if any(fd == self._wake for fd, _ in poll.poll(seconds * 1000)):
            raise Stopping

    def _set(self, **changes: object) -> None:
        self.status = replace(self.status, **changes)  # pyright: ignore[reportArgumentType] - fields by name
        self._on_change(self.status)

    def members(self) -> set[int]:
        """Every process of the part that lives now."""
        child = self._child
        return proctable.members(child.footprint) if child else set()
