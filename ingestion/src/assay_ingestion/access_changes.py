"""Documents whose access rules changed: their rows are written again with the new ACL, from the stored vectors."""

import structlog
from assay_core.crash_points import reach
from assay_core.ports import LexicalIndex, VectorIndex
from assay_runtime.metrics import step
from assay_store import document_access
from assay_store.database import Database
from assay_store.document_access import MovedDocument
from prometheus_client import Counter

from assay_ingestion.percolation import Percolator
from assay_ingestion.rows import IndexRows, RowLoader, write_both

log = structlog.get_logger()
MOVED = Counter("assay_access_changes_total", "Documents whose rows were written again with other access rules.")

_DOCUMENTS = 20
_CHUNKS = 2000


class AccessChanges:
    """Brings the indexes' rows after their documents' rules; needs the lock of the index writer.

    Nothing is shown to whom it should not be meanwhile, for readers join hits with SQL. A crash repeats it.
    """

    def __init__(
        self,
        *,
        database: Database,
        loader: RowLoader,
        dense: VectorIndex,
        lexical: LexicalIndex,
        percolator: Percolator,
    ) -> None:
        self._database = database
        self._loader = loader
        self._dense = dense
        self._lexical = lexical
        self._percolator = percolator

    def run(self) -> int:
        """Write the rows of some documents again. Returns of how many.

        Raises:
            Unavailable: an index or the database does not answer; call again.
        """
        with self._database.transaction() as connection:
            moved = document_access.moved_documents(connection, limit=_DOCUMENTS)
        for one in moved:
            with step("access"):
                written = self._write(one)
                if written is None:
                    continue
            reach("moved.before_mark")
            with self._database.transaction() as connection:
                document_access.rows_written(connection, one)
                reach("moved.before_commit")
            self._percolator.run([one.collection], written)
            MOVED.inc()
            log.info("document.access_moved", document_id=one.document.id)
        return len(moved)

    def _write(self, moved: MovedDocument) -> list[IndexRows] | None:
        """Write all rows of a document. Returns None if its rules changed again meanwhile: the next turn does it."""
        after, written = "", list[IndexRows]()
        while True:
            with self._database.transaction() as connection:
                stored = document_access.live_chunks_of(connection, moved, after=after, limit=_CHUNKS)
            if any(chunk.row.acl != moved.acl for chunk in stored):
                return None
            loaded, broken = self._loader.load(stored)
            for rows in loaded:
                reach("moved.before_write")
                write_both(self._dense, self._lexical, rows)
                written.append(rows)
            for error in broken.values():
                # Its rows cannot be made again; the old ones stay, and SQL hides them from whom they are not for.
                log.error("document.unreadable", document_id=moved.document.id, code=error.code)
            if len(stored) < _CHUNKS:
                return written
            after = stored[-1].row.chunk.id
