"""Progress of long work on stderr: a bar on a terminal, a line now and then elsewhere."""

import sys
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Protocol

from assay_cli.output import console, say

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_LINE_EVERY_S = 10.0


class Bar(Protocol):
    """Shows how much of `total` is done, and a remark."""

    def update(self, done: float, remark: str = "") -> None: ...


@contextmanager
def bar(title: str, total: float) -> Generator[Bar]:
    """A bar for the person who waits; it is gone or complete at the end."""
    if not sys.stderr.isatty():
        yield _Lines(title, total)
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[remark]}", markup=False),
    )
    with Progress(*columns, console=console(stderr=True)) as progress:
        yield _RichBar(progress, progress.add_task(title, total=total, remark=""))


class _RichBar:
    def __init__(self, progress: "Progress", task: "TaskID") -> None:
        self._progress = progress
        self._task = task

    def update(self, done: float, remark: str = "") -> None:
        self._progress.update(self._task, completed=done, remark=remark)


class _Lines:
    def __init__(self, title: str, total: float) -> None:
        self._title = title
        self._total = total
        self._last = time.monotonic()

    def update(self, done: float, remark: str = "") -> None:
        now = time.monotonic()
        if now - self._last >= _LINE_EVERY_S or done >= self._total:
            self._last = now
            share = done / self._total if self._total else 1.0
            say(f"{self._title}: {share:.0%}{'  ' + remark if remark else ''}")


class Steps(ExitStack):
    """A bar for each step of a long piece of work; the bar of one ends when that of the next begins."""

    def __init__(self) -> None:
        super().__init__()
        self._step = ""
        self._bar: Bar | None = None

    def update(self, step: str, done: int, total: int) -> None:
        if step != self._step or self._bar is None:
            self.close()
            self._step, self._bar = step, self.enter_context(bar(step.capitalize(), total))
        self._bar.update(done, f"{done} of {total}")
