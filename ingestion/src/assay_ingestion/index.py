"""From stored to searchable: write both indexes, count, and only then let a version go live.

Nothing is shown before both indexes hold it, and what was replaced leaves them after the new version is shown, so
readers, who join hits with SQL, see one of the two at each moment. A crash between two steps repeats the earlier
ones (writes by chunk id) or leaves replaced chunks behind, which readers never see and the reconciler removes.
"""

import time
from collections import defaultdict
from collections.abc import Sequence

import structlog
from assay_core.crash_points import reach
from assay_core.documents import ChunkId, CollectionId, DocumentId
from assay_core.errors import AssayError, Unavailable
from assay_core.ports import LexicalIndex
from assay_runtime.metrics import step
from assay_store import near_duplicates, pipeline
from assay_store.database import Database
from assay_store.encryption import Vault
from assay_store.pipeline import PendingVersion
from prometheus_client import Counter
from sqlalchemy import Connection

from assay_ingestion.index_kinds import SealableIndex
from assay_ingestion.percolation import Percolator
from assay_ingestion.rows import IndexRows, RowLoader, missing_from_either, write_both

log = structlog.get_logger()
LIVE = Counter("assay_live_versions_total", "Versions that went live.")

# Growing segments are searched row by row: a thousand rows of 384 numbers take about a millisecond.
_SEAL_ROWS = 1000
_SEAL_AFTER_S = 5.0
# Each of their documents is locked until all are shown.
_FLIPPED_TOGETHER = 500


class Indexer:
    """Brings stored versions into both indexes. One at a time on the whole platform."""

    def __init__(
        self,
        *,
        database: Database,
        vault: Vault,
        loader: RowLoader,
        dense: SealableIndex,
        lexical: LexicalIndex,
        percolator: Percolator,
        pass_chunks: int,
    ) -> None:
        self._database = database
        self._vault = vault
        self._loader = loader
        self._dense = dense
        self._lexical = lexical
        self._percolator = percolator
        self._pass_chunks = pass_chunks
        self._unsealed_rows = 0
        self._quiet_since_s = 0.0

    def index_pending(self) -> int:
        """Index the oldest waiting versions. Returns how many came to an end (live or failed).

        Raises:
            Unavailable: an index or the database does not answer; nothing is lost, call again.
        """
        with self._database.transaction() as connection:
            waiting = pipeline.pending_versions(connection, limit_chunks=self._pass_chunks)
            unwanted = near_duplicates.refused(connection, waiting)
            for one in waiting:
                if one.document in unwanted:
                    _refuse(connection, self._vault, one)
            pending = [one for one in waiting if one.document not in unwanted]
            stored = pipeline.chunks_to_index(connection, pending) if pending else []
        if not pending:
            return len(unwanted)
        with step("index"):
            loaded, broken = self._loader.load(stored)
            not_yet = {document for rows in loaded for document in self._write(rows)}
        ready = [p for p in pending if p.document not in broken and p.document not in not_yet]
        self._go_live(ready, loaded)
        for one in pending:
            if error := broken.get(one.document):
                self._fail(one, error)
        return len(ready) + len(broken) + len(unwanted)

    def seal_if_quiet(self) -> None:
        """Let the vector index tidy up once a larger number of writes is over."""
        quiet_s = time.monotonic() - self._quiet_since_s
        if self._unsealed_rows < _SEAL_ROWS or quiet_s < _SEAL_AFTER_S:
            return
        self._quiet_since_s = time.monotonic()
        try:
            with step("seal"):
                self._dense.seal()
        except Unavailable as error:
            log.info("index.not_sealed", reason=error.message)
        else:
            self._unsealed_rows = 0

    def _write(self, loaded: IndexRows) -> set[DocumentId]:
        """Write and count rows of a collection. Returns the documents of which something is missing after that."""
        reach("index.before_write")
        write_both(self._dense, self._lexical, loaded)
        self._unsealed_rows += len(loaded.rows)
        self._quiet_since_s = time.monotonic()
        missing = missing_from_either(self._dense, self._lexical, loaded)
        if missing:
            log.warning("index.rows_missing", collection=loaded.collection.id, rows=len(missing))
        return {document for row, document in zip(loaded.rows, loaded.documents, strict=True) if row.chunk in missing}

    def _go_live(self, ready: Sequence[PendingVersion], loaded: Sequence[IndexRows]) -> None:
        replaced = defaultdict[CollectionId, list[ChunkId]](list)
        for start in range(0, len(ready), _FLIPPED_TOGETHER):
            together = ready[start : start + _FLIPPED_TOGETHER]
            reach("flip.before")
            with step("go_live"), self._database.transaction() as connection:
                for collection, chunks in pipeline.go_live(connection, together).items():
                    replaced[collection] += chunks
                reach("flip.before_commit")
            reach("flip.after_commit")
            documents = {one.document for one in together}
            self._percolator.run({one.collection for one in together}, [rows.of(documents) for rows in loaded])
            LIVE.inc(len(together))
            for one in together:
                log.info("version.live", document_id=one.document.id, version=one.version, chunks=one.chunks)
        for collection, chunks in replaced.items():
            if chunks:
                reach("cleanup.before_dense")
                self._dense.delete(collection, chunks)
                reach("cleanup.before_lexical")
                self._lexical.delete(collection, chunks)
                reach("cleanup.after_lexical")

    def _fail(self, one: PendingVersion, error: AssayError) -> None:
        if error.code == "erased":
            return
        reason = f"The stored passages of this version cannot be read any more ({error.code}). Upload it again."
        log.error("version.unreadable", document_id=one.document.id, version=one.version, code=error.code)
        with self._database.transaction() as connection:
            pipeline.fail(connection, self._vault, one.document, one.version, code=error.code, reason=reason)


def _refuse(connection: Connection, vault: Vault, one: PendingVersion) -> None:
    """End a new document that says nearly the same as one that its collection has, which its view names."""
    log.info("version.near_duplicate", document_id=one.document.id, version=one.version)
    pipeline.fail(
        connection,
        vault,
        one.document,
        one.version,
        code="near_duplicate",
        reason="Another document of the collection says nearly the same, and the collection keeps only one of such"
        " (near_duplicates: keep_one). Its near-duplicates are shown with the document.",
    )
