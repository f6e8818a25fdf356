"""How a collection of Milvus is made to rewrite its files without the rows that were deleted."""

import time

from assay_adapters.milvus_connection import MilvusConnection


class MilvusPurge:
    """One rewriting, from when it is made; `ended` is to be asked until it has.

    Deletes of Milvus are notes beside the rows; flush before, here every segment is compacted. What was compacted away
    lies in files until Milvus' garbage collection has come by (`dataCoord.gc` in its settings), and in its log until
    that forgets (`rocksmq`).
    """

    def __init__(self, connection: MilvusConnection, *, collection: str, field: str) -> None:
        self._connection = connection
        self._collection = collection
        self._field = field
        self._due = set(self._segments())
        self._compacted: set[int] = set()
        self._made: set[int] = set()
        self._job = self._compact()
        self._asked_s = time.monotonic()
        self._patience_s = 10.0

    def ended(self) -> bool:
        """Whether no file of before is left to be rewritten.

        Milvus leaves out segments whose index is not built yet, which those are that it has just compacted, and those
        that it compacts for reasons of its own just then, perhaps without the newest deletes. So it is asked again,
        less and less often: each time it rewrites all others too.
        """
        if not self._due:
            return self._indexed()
        plans = self._connection.call(
            lambda client: client.get_compaction_plans(self._job, timeout=self._connection.timeout_s)
        )
        if plans.state.name != "Completed":
            return False
        for plan in plans.plans:
            self._compacted.update(plan.sources)
            self._made.add(plan.target)
        self._look_at(set(self._segments()))
        if self._due and time.monotonic() >= self._asked_s + self._patience_s:
            self._job, self._asked_s = self._compact(), time.monotonic()
            self._patience_s *= 2
        return not self._due and self._indexed()

    def _look_at(self, present: set[int]) -> None:
        compacted_by_others = self._due - present - self._compacted
        self._due = present - self._made if compacted_by_others else self._due & present

    def _indexed(self) -> bool:
        return indexed(self._connection, collection=self._collection, field=self._field)

    def _compact(self) -> int:
        """Ask for all segments to be compacted. Returns the job."""
        # From 2.4 on deletes lie in segments of their own, which have to be merged with the others first.
        apart = "L0" in self._segments().values()
        return self._connection.call(
            lambda client: client.compact(self._collection, is_l0=apart, timeout=self._connection.timeout_s)
        )

    def _segments(self) -> dict[int, str]:
        """The level of each segment that is on disk."""
        found = self._connection.call(
            lambda client: client.list_persistent_segments(self._collection, timeout=self._connection.timeout_s)
        )
        return {segment.segment_id: str(segment.level) for segment in found}


def indexed(connection: MilvusConnection, *, collection: str, field: str) -> bool:
    """Whether every segment has its index; until then Milvus keeps the files of those that it was made of, and looks
    through the rows one by one."""
    found = connection.call(lambda client: client.describe_index(collection, field, timeout=connection.timeout_s))
    return int(found["pending_index_rows"]) == 0
