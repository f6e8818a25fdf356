"""Back-pressure: whoever brings more than can be worked off is told to wait, before anything is received."""

import asyncio
import time
from collections.abc import Callable, Mapping

from assay_core.documents import TenantId
from assay_core.errors import Exhausted
from assay_core.ports import BlobStore
from assay_core.principals import Principal
from assay_store import backlog
from assay_store.backlog import Waiting

from assay_gateway.settings import QueueSettings
from assay_gateway.transactions import Transactions

_LOOK_EVERY_S = 2.0
_RETRY_AFTER_S = 10.0


class Admission:
    """Bounds what waits, of each tenant and in all, and what is free on the disk.

    The queue is counted every two seconds at most; what this process admits meanwhile is added.
    """

    def __init__(
        self,
        *,
        transactions: Transactions,
        blobs: BlobStore,
        limits: QueueSettings,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._transactions = transactions
        self._blobs = blobs
        self._limits = limits
        self._clock = clock
        self._lock = asyncio.Lock()
        self._look_s = 0.0
        self._waiting: dict[TenantId, Waiting] = {}

    async def admit(self, who: Principal, *, jobs: int = 1, size_bytes: int = 0) -> None:
        """Let in so many jobs with so many bytes.

        Raises:
            Exhausted: the queue or the disk has no room for them; nothing of them was read.
        """
        self._check_disk(size_bytes)
        await self._count()
        own = self._waiting.get(who.tenant, Waiting(0, 0))
        every = _sum(self._waiting)
        limits = self._limits
        self._check(own, jobs, limits.tenant_jobs, limits.tenant_bytes, size_bytes, "of yours", "tenant")
        self._check(every, jobs, limits.all_jobs, limits.all_bytes, size_bytes, "in all", "all")
        self._waiting[who.tenant] = Waiting(own.jobs + jobs, own.size_bytes + size_bytes)

    def _check_disk(self, size_bytes: int) -> None:
        free, least = self._blobs.free_bytes(), self._limits.min_free_bytes
        if free - size_bytes < least:
            raise Exhausted(
                f"The disk has {free:,} bytes free, and {least:,} are kept free (queue.min_free_bytes). Make room, then"
                " send it again.",
                code="storage_full",
            )

    async def _count(self) -> None:
        async with self._lock:
            if self._clock() >= self._look_s:
                self._waiting = await self._transactions(backlog.waiting_by_tenant)
                self._look_s = self._clock() + _LOOK_EVERY_S

    def _check(
        self, waiting: Waiting, jobs: int, most_jobs: int, most_bytes: int, size_bytes: int, whose: str, which: str
    ) -> None:
        # One upload is always taken by an empty queue, however large it is.
        if waiting.jobs and waiting.jobs + jobs > most_jobs:
            what = f"{waiting.jobs:,} documents {whose} wait already; the limit is {most_jobs:,} (queue.{which}_jobs)"
        elif waiting.jobs and waiting.size_bytes + size_bytes > most_bytes:
            what = (
                f"{waiting.size_bytes:,} bytes {whose} wait already; the limit is {most_bytes:,} (queue.{which}_bytes)"
            )
        else:
            return
        raise Exhausted(f"{what}. Send it again later.", code="queue_full", retry_after_s=_RETRY_AFTER_S)


def _sum(waiting: Mapping[TenantId, Waiting]) -> Waiting:
    return Waiting(sum(w.jobs for w in waiting.values()), sum(w.size_bytes for w in waiting.values()))
