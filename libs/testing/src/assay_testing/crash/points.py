"""Where each crash point is reached: by which process, at which kind of write."""

from dataclasses import dataclass
from itertools import product
from typing import Literal

from assay_core.crash_points import POINTS, CrashPoint

from assay_testing.crash.roles import SEAL, Role

Kind = Literal["ingest", "update", "delete", "access", "expire"]


@dataclass(frozen=True, slots=True)
class Case:
    """A process that dies at a point during one kind of write. `env`: what it takes for the point to be reached."""

    point: CrashPoint
    kind: Kind
    role: Role

    @property
    def env(self) -> dict[str, str]:
        return {SEAL: "1"} if self.point.endswith("_seal") else {}

    def __str__(self) -> str:
        return f"{self.point} in {self.role} at {self.kind}"


def _of(*steps: str) -> tuple[CrashPoint, ...]:
    return tuple(point for point in POINTS if point.partition(".")[0] in steps)


_WRITES: tuple[Kind, ...] = ("ingest", "update")
_REACHED: tuple[tuple[Role, tuple[Kind, ...], tuple[CrashPoint, ...]], ...] = (
    ("gateway", _WRITES, _of("blob", "upload")),
    ("gateway", ("delete",), _of("tombstone")),
    ("gateway", ("access",), _of("access")),
    ("relay", _WRITES, _of("outbox")),
    ("worker", _WRITES, _of("blob", "task", "parse", "embed", "vectors", "chunks")),
    ("indexer", _WRITES, _of("index", "dense", "lexical", "flip")),
    ("indexer", ("update",), _of("cleanup")),
    ("indexer", ("delete",), _of("erase", "settle")),
    ("indexer", ("access",), _of("moved")),
    ("indexer", ("expire",), _of("expire")),
)
CASES: tuple[Case, ...] = tuple(
    Case(point, kind, role) for role, kinds, points in _REACHED for point, kind in product(points, kinds)
)


def once_each() -> list[Case]:
    """One case for each point: of the kinds in which it is reached, another one each time."""
    chosen: list[Case] = []
    for n, point in enumerate(POINTS):
        reached = [case for case in CASES if case.point == point]
        if reached:
            chosen.append(reached[n % len(reached)])
    return chosen
