"""Work that survives crashes: jobs with leases, kept in SQL and rung by a queue."""

from dataclasses import dataclass
from enum import StrEnum

from assay_core.documents import DocumentId, TenantId

MAX_ATTEMPTS = 3


class JobKind(StrEnum):
    """What a job does."""

    INGEST = "ingest"
    DELETE = "delete"


class JobState(StrEnum):
    """`WAITING` → `LEASED` → `DONE`, or `DEAD` after `MAX_ATTEMPTS` tries; a lapsed lease makes it waiting again."""

    WAITING = "waiting"
    LEASED = "leased"
    DONE = "done"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work on a job until it lapses; writes with an older `epoch` are refused."""

    tenant: TenantId
    job: str
    kind: JobKind
    document: DocumentId
    version: int | None
    epoch: int
    attempt: int
