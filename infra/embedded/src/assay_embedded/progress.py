"""How the parts come up: a live table on a terminal, a line per event elsewhere."""

import threading
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table

from assay_embedded import roster
from assay_embedded.part import PartStatus

_SIGNS = {"ready": "[green]✔[/]", "failed": "[red]✘[/]", "backoff": "[yellow]↻[/]", "stopped": "[dim]-[/]"}


class Progress:
    """Takes notes from any thread."""

    def __init__(self, console: Console, names: frozenset[str]) -> None:
        self._console = console
        self._lock = threading.Lock()
        self._started = time.monotonic()
        self._since = dict.fromkeys(names, self._started)
        self._statuses = {name: PartStatus(name, "starting") for name in roster.ALL if name in names}
        self._live: Live | None = None
        self._shown = False

    def __enter__(self) -> Self:
        self._shown = True
        if self._console.is_terminal:
            self._live = Live(console=self._console, get_renderable=self._table, refresh_per_second=4, transient=False)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._shown = False
        if self._live:
            self._live.stop()
            self._live = None

    def note(self, status: PartStatus) -> None:
        with self._lock:
            before = self._statuses.get(status.name)
            self._statuses[status.name] = status
            if before is None or before.state != status.state:
                self._since[status.name] = time.monotonic()
        changed = before is None or before.state != status.state
        told = status.state in ("ready", "failed", "backoff", "installing", "preparing")
        if self._shown and self._live is None and told and (changed or status.state == "installing"):
            self._say(status, before)

    def _say(self, status: PartStatus, before: PartStatus | None) -> None:
        if before and (before.state, before.detail) == (status.state, status.detail):
            return
        took = f" after {status.ready_after_s:.1f} s" if status.state == "ready" and status.ready_after_s else ""
        detail = f": {status.detail}" if status.detail else ""
        elapsed_s = time.monotonic() - self._started
        self._console.print(
            f"{elapsed_s:6.1f} s  {status.name:18} {status.state}{took}{detail}",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )

    def _table(self) -> Table:
        table = Table(box=None, pad_edge=False, show_header=False)
        for _ in range(3):
            table.add_column(no_wrap=True)
        table.add_column(no_wrap=True, overflow="ellipsis")
        now = time.monotonic()
        with self._lock:
            for name, status in self._statuses.items():
                done = status.state == "ready"
                seconds = status.ready_after_s if done else now - self._since[name]
                took = f"{seconds:.1f} s" if seconds is not None else ""
                sign = _SIGNS.get(status.state, "[cyan]…[/]")
                table.add_row(f"{sign} {name}", status.state, f"[dim]{took}[/]", f"[dim]{status.detail}[/]")
        return table
