"""Everything that writes the indexes, in turns: what is deleted, whose rules changed, what is new or needs repair."""

from collections.abc import Callable
from dataclasses import dataclass

from assay_ingestion.access_changes import AccessChanges
from assay_ingestion.deletions import Deletions
from assay_ingestion.generations import Generations
from assay_ingestion.index import Indexer
from assay_ingestion.percolation import Percolator
from assay_ingestion.reconcile import Reconciler
from assay_ingestion.retention import Retention
from assay_ingestion.scratch import ScratchSweep
from assay_ingestion.settling import Settling


@dataclass(frozen=True, slots=True)
class IndexWriter:
    """The work of the process that holds the writer's lock. `close` lets go of the lexical index."""

    indexer: Indexer
    deletions: Deletions
    access_changes: AccessChanges
    percolator: Percolator
    reconciler: Reconciler
    retention: Retention
    settling: Settling
    scratch: ScratchSweep
    generations: Generations
    close: Callable[[], None]

    def take_over(self) -> None:
        """Call it with the lock newly held. Raises `Unavailable`."""
        self.deletions.take_over()

    def work(self) -> bool:
        """Do what is due, a little of each. Returns whether there was a document to bring in or out.

        Raises:
            Unavailable: a store does not answer; nothing is lost, call again.
        """
        worked = self.deletions.run() + self.access_changes.run() + self.indexer.index_pending() > 0
        self.reconciler.work()
        self.generations.work()
        self.percolator.catch_up()
        self.retention.work()
        if not worked:
            self.indexer.seal_if_quiet()
        self.settling.work()
        self.scratch.work()
        return worked

    @property
    def idle_s(self) -> float:
        """How long it may wait for news."""
        return min(self.reconciler.idle_s, self.settling.idle_s, self.generations.idle_s)

    def start_over(self) -> None:
        """After a store was away: compare all of it with SQL again."""
        self.reconciler.start_over()
        self.generations.start_over()
        self.percolator.start_over()
        self.settling.start_over()

    def heal(self) -> None:
        """After an index was found damaged: make it anew before anything else is written."""
        self.reconciler.start_over()
        self.reconciler.work()
        while self.reconciler.idle_s == 0.0:
            self.reconciler.work()
