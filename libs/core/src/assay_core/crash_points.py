"""Named steps at which a process can be made to die, to show what a crash there leaves behind.

Off unless `arm` is called, which processes do only when they were started for tests; then a step costs one comparison.
"""

import os
from dataclasses import dataclass
from typing import Final, Literal, NoReturn, get_args

from assay_core.errors import Invalid

CrashPoint = Literal[
    # Blobs: an upload in the gateway, a vector file in the worker.
    "blob.before_sync",
    "blob.before_rename",
    "blob.after_rename",
    # An upload and a deletion, in the gateway.
    "upload.before_move",
    "upload.before_commit",
    "upload.after_commit",
    "tombstone.before_commit",
    "tombstone.after_commit",
    # A change of access, in the gateway.
    "access.before_commit",
    "access.after_commit",
    # The outbox, in the relay.
    "outbox.before_publish",
    "outbox.before_mark_sent",
    "outbox.after_commit",
    # The worker.
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
    # The indexer, a new version.
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
    "cleanup.before_dense",
    "cleanup.before_lexical",
    "cleanup.after_lexical",
    # The indexer, a deletion.
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
    # The indexer, rows after a change of access.
    "moved.before_write",
    "moved.before_mark",
    "moved.before_commit",
    # The indexer, versions whose time is over.
    "expire.before_dense",
    "expire.before_lexical",
    "expire.before_gather",
    "expire.before_move",
    "expire.before_blobs",
    "expire.before_vectors",
    "expire.before_sql",
    "expire.before_commit",
]
POINTS: Final[tuple[CrashPoint, ...]] = get_args(CrashPoint)
EXIT_CODE: Final = 86


@dataclass(slots=True)
class _Armed:
    point: str = ""
    times_left: int = 0


_armed = _Armed()


def arm(spec: str) -> None:
    """Die at a point: `name`, or `name@3` for the third time that it is reached. An empty `spec` disarms.

    Raises:
        Invalid: there is no such point.
    """
    name, _, times = spec.partition("@")
    if name and name not in POINTS:
        raise Invalid(f"There is no crash point {name!r}; there are {', '.join(POINTS)}.", code="bad_setting")
    if times and not (times.isdecimal() and int(times) > 0):
        raise Invalid(f"{spec!r}: after '@' comes how many times the point is reached, from 1.", code="bad_setting")
    _armed.point, _armed.times_left = name, int(times or 1)


def reach(point: CrashPoint) -> None:
    """Die here, as by kill -9, if this point is armed."""
    if point == _armed.point:
        _count_down()


def _count_down() -> None:
    _armed.times_left -= 1
    if _armed.times_left <= 0:
        _die()


def _die() -> NoReturn:
    os._exit(EXIT_CODE)
