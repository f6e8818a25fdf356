"""Work that survives crashes: jobs with leases, kept in SQL and rung by a queue."""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum

from assay_core.documents import DocumentId, TenantId

MAX_ATTEMPTS = 3


class JobKind(StrEnum):
    """What a job does."""

    INGEST = "ingest"
    DELETE = "delete"


class Priority(IntEnum):
    """Whose turn it is within a tenant: lower goes first."""

    INTERACTIVE = 0
    BULK = 1


class JobState(StrEnum):
    """`WAITING` → `LEASED` → `DONE`, or `DEAD` with a reason; a lapsed lease makes it waiting again.

    A job is dead at once if trying again cannot help, else after `MAX_ATTEMPTS` tries.
    """

    WAITING = "waiting"
    LEASED = "leased"
    DONE = "done"
    DEAD = "dead"
    CANCELLED = "cancelled"


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


@dataclass(frozen=True, slots=True)
class ListedJob:
    """A job with the document that it is about."""

    id: str
    document: DocumentId
    document_name: str
    collection: str
    version: int
    batch: str | None
    state: JobState
    priority: Priority
    attempts: int
    error_code: str | None
    error: str | None
    created_at: datetime
    updated_at: datetime
    not_before: datetime
