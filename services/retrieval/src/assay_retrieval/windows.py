"""Which passages are read with which hit: windows that grow around hits, best hit first, and join where they touch."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from assay_core.documents import DocumentId

_SIDES = (-1, 1)


class Spot(NamedTuple):
    """A place in the reading order of one version."""

    document: DocumentId
    version: int
    ordinal: int

    def moved(self, by: int) -> "Spot":
        return self._replace(ordinal=self.ordinal + by)


@dataclass(frozen=True, slots=True)
class Room:
    """How far a window may grow.

    `reach` is how many passages it takes to each side of a hit. It holds `most_tokens` at most, but a hit alone may be
    longer. `tokens` are the lengths of what may be read at all; `together` says whether two spots may stand in one
    window.
    """

    reach: int
    most_tokens: int
    tokens: Mapping[Spot, int]
    together: Callable[[Spot, Spot], bool]


@dataclass(slots=True)
class Window:
    """Neighbouring spots that are read together. `hits` are numbers of hits, the best first."""

    hits: list[int]
    spots: set[Spot]
    tokens: int


def windows(hits: Sequence[Spot | None], room: Room) -> list[Window]:
    """The windows in the order of their best hits; no spot is in two. A hit without a spot stands alone."""
    made: list[Window] = []
    owners: dict[Spot, Window] = {}
    for number, spot in enumerate(hits):
        if spot is None:
            made.append(Window([number], set(), 0))
        elif spot in owners:
            owners[spot].hits.append(number)
        else:
            window = _grown(number, spot, owners, room)
            better = _touched(window, owners, room)
            if better is None:
                made.append(window)
            else:
                _join(better, window)
            owners.update(dict.fromkeys(window.spots, better or window))
    return made


def _grown(number: int, hit: Spot, owners: Mapping[Spot, Window], room: Room) -> Window:
    """A window with the nearest first, to each side until something does not fit."""
    window = Window([number], {hit}, room.tokens[hit])
    open_sides = set(_SIDES)
    for distance in range(1, room.reach + 1):
        for side in sorted(open_sides):
            spot = hit.moved(side * distance)
            free = spot in room.tokens and spot not in owners and room.together(hit, spot)
            if free and window.tokens + room.tokens[spot] <= room.most_tokens:
                window.spots.add(spot)
                window.tokens += room.tokens[spot]
            else:
                open_sides.remove(side)
    return window


def _touched(window: Window, owners: Mapping[Spot, Window], room: Room) -> Window | None:
    """A better window that stands directly beside this one and has room for all of it."""
    for spot in sorted(window.spots):
        for side in _SIDES:
            beside = spot.moved(side)
            better = owners.get(beside)
            if better and room.together(beside, spot) and better.tokens + window.tokens <= room.most_tokens:
                return better
    return None


def _join(better: Window, window: Window) -> None:
    better.hits += window.hits
    better.spots |= window.spots
    better.tokens += window.tokens
