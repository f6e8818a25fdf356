"""The least that keeps a copy in step with a connector, to say what the events mean."""

from dataclasses import dataclass, field

from assay_core.errors import NotFound
from assay_core.ports import Connector
from assay_core.sources import Checkpoint, Complete, Gone, Upsert


@dataclass
class Mirror:
    """`items` are etag and bytes by key; `sent` counts the items whose bytes came in the last run."""

    items: dict[str, tuple[str, bytes]] = field(default_factory=dict[str, tuple[str, bytes]])
    state: str = ""
    sent: int = 0
    complete: bool = False
    _named: set[str] = field(default_factory=set[str])
    _cursor: str | None = None

    @property
    def contents(self) -> list[bytes]:
        return sorted(data for _, data in self.items.values())

    def run(self, connector: Connector, *, break_after: int | None = None) -> None:
        """Follow a connector; with `break_after`, break off after so many events and remember where."""
        if self._cursor is None:
            self._named.clear()
        self.sent, self.complete = 0, False
        last: object = None
        for number, event in enumerate(connector.changes(self.state if self._cursor is None else self._cursor)):
            if number == break_after:
                self._cursor = self.state if self._cursor is None else self._cursor
                return
            last = event
            match event:
                case Upsert():
                    self._take(event)
                case Gone(key):
                    self.items.pop(key, None)
                case Checkpoint(state) | Complete(state):
                    self._cursor = state
        if isinstance(last, Complete):
            self.complete = True
            self.items = {key: item for key, item in self.items.items() if key in self._named}
        self.state, self._cursor = self._cursor or "", None

    def _take(self, event: Upsert) -> None:
        known = self.items.get(event.key, ("", b""))
        self._named.add(event.key)
        if event.etag and event.etag == known[0]:
            return
        try:
            content = event.open(known[0])
        except NotFound:
            self._named.discard(event.key)
            return
        if content is not None:
            self.sent += 1
            self.items[event.key] = (content.etag, b"".join(content.pieces))
