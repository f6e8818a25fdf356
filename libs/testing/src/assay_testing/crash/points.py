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


_WRITES: tuple[Kind, ...] = ("ingest", "update")
_BLOB: tuple[CrashPoint, ...] = ("blob.before_sync", "blob.before_rename", "blob.after_rename")
_REACHED: tuple[tuple[Role, tuple[Kind, ...], tuple[CrashPoint, ...]], ...] = (
    ("gateway", _WRITES, (*_BLOB, "upload.before_move", "upload.before_commit", "upload.after_commit")),
    ("gateway", ("delete",), ("tombstone.before_commit", "tombstone.after_commit")),
    ("gateway", ("access",), ("access.before_commit", "access.after_commit")),
    ("relay", _WRITES, ("outbox.before_publish", "outbox.before_mark_sent", "outbox.after_commit")),
    ("worker", _WRITES, _BLOB),
    (
        "worker",
        _WRITES,
        (
            "task.before_lease",
            "task.after_lease",
            "parse.before",
            "parse.after",
            "embed.before_batch",
            "vectors.before_write",
            "chunks.before_store",
            "chunks.before_commit",
            "chunks.after_commit",
            "task.before_ack",
        ),
    ),
    (
        "indexer",
        _WRITES,
        (
            "index.before_write",
            "dense.before_replace",
            "dense.before_insert",
            "dense.after_insert",
            "dense.before_seal",
            "dense.after_seal",
            "lexical.before_write",
            "lexical.before_commit",
            "lexical.after_commit",
            "flip.before",
            "flip.before_commit",
            "flip.after_commit",
        ),
    ),
    ("indexer", ("update",), ("cleanup.before_dense", "cleanup.before_lexical", "cleanup.after_lexical")),
    (
        "indexer",
        ("delete",),
        (
            "erase.after_lease",
            "erase.before_dense",
            "erase.before_lexical",
            "erase.before_cache",
            "erase.before_blobs",
            "erase.before_vectors",
            "erase.before_sql",
            "erase.before_commit",
            "erase.after_commit",
            "settle.before_purge",
            "settle.before_keys",
            "settle.before_complete",
        ),
    ),
    ("indexer", ("access",), ("moved.before_write", "moved.before_mark", "moved.before_commit")),
    (
        "indexer",
        ("expire",),
        (
            "expire.before_dense",
            "expire.before_lexical",
            "expire.before_gather",
            "expire.before_move",
            "expire.before_blobs",
            "expire.before_vectors",
            "expire.before_sql",
            "expire.before_commit",
        ),
    ),
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
