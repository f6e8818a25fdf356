"""Indexes of one collection's vectors that stand side by side, while one of them takes the other's place."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

MARGIN = 0.02
"""How much nDCG@10 a new index may lose, at the lower end of the interval, and still pass for no worse."""
KEPT_HOURS = 24


class GenerationState(StrEnum):
    """How far a generation is. One of a collection is active; beside it there is one at most."""

    BUILDING = "building"  # written to, and filled with what was there before
    READY = "ready"  # holds all that the active one holds
    ACTIVE = "active"  # asked
    KEPT = "kept"  # was active; written to, so that one can go back
    LEAVING = "leaving"  # its rows are about to go
    DROPPED = "dropped"


BESIDE = (GenerationState.BUILDING, GenerationState.READY, GenerationState.KEPT, GenerationState.LEAVING)
COMPLETE = (GenerationState.READY, GenerationState.KEPT)


@dataclass(frozen=True, slots=True)
class GenerationComparison:
    """nDCG@10 of golden questions, asked of the active generation (`old`) and of the one beside it (`new`).

    `low` and `high` are the ends of the 95 % interval of the mean of new - old.
    """

    dataset: str
    questions: int
    old: float
    new: float
    low: float
    high: float
    compared_at: datetime

    @property
    def passed(self) -> bool:
        """Whether the new one is no worse, by the margin (non-inferiority)."""
        return self.low >= -MARGIN


@dataclass(frozen=True, slots=True)
class IndexGeneration:
    """`changed_by` brought it into its state, for a `reason` if that was against the comparison. None: the platform."""

    number: int
    index_kind: str
    state: GenerationState
    began_at: datetime
    changed_at: datetime
    changed_by: str | None = None
    kept_until: datetime | None = None
    comparison: GenerationComparison | None = None
    reason: str = ""
