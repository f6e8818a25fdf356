"""Sources: places whose documents are kept in step with a collection, and what a connector tells about them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from assay_core.documents import TenantId
from assay_core.principals import EVERYONE


class SourceId(NamedTuple):
    """A source of one tenant; `id` is 32 hex digits."""

    tenant: TenantId
    id: str


class RunState(StrEnum):
    """`WAITING` → `RUNNING` → `DONE`, or `FAILED`; `STOPPED` waits for a person to say that removals are meant."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Access:
    """Who may read an item, by ids of principals and groups; `deny` wins."""

    allow: tuple[str, ...] = (EVERYONE,)
    deny: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Content:
    """An item's bytes, read once. `etag` names this state of it; `name`, if given, is better than the item's."""

    pieces: Iterator[bytes]
    etag: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Upsert:
    """An item is there.

    Args:
        key: names it within the source, for ever.
        etag: changes whenever its bytes may have changed; empty if that cannot be told before it is opened.
        open: given the etag that is known, opens the item, or returns None if it still has that etag. Raises
            `NotFound` if it has gone meanwhile, `Invalid` if it cannot be taken, `Unavailable` if it may be later.
        name: to show, with folders as forward slashes; default: the key.
        access: who may read it; None where the source does not say.
    """

    key: str
    etag: str
    open: Callable[[str], Content | None]
    name: str = ""
    size_bytes: int | None = None
    modified: datetime | None = None
    access: Access | None = None


@dataclass(frozen=True, slots=True)
class Gone:
    """An item is known to have gone."""

    key: str


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Whatever came before is dealt with; `changes(state)` goes on from here."""

    state: str


@dataclass(frozen=True, slots=True)
class Complete:
    """The end of a full listing: an item not named since it began has gone. The next run starts with `state`."""

    state: str


Change = Upsert | Gone | Checkpoint | Complete
