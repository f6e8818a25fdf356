"""Making both indexes anew from SQL and the vector files: `python -m assay_ingestion.rebuild [COLLECTION]`.

Nothing is parsed or embedded. A running indexer steps aside until it is done; documents that arrive meanwhile wait.
"""

import sys
import time
from collections.abc import Callable

from assay_core.documents import CollectionId
from assay_core.errors import AssayError, NotFound, Unavailable
from assay_core.ports import LexicalIndex, VectorIndex
from assay_runtime.log import configure
from assay_runtime.settings import read_master_key
from assay_store import collections, pipeline
from assay_store.database import Database, notify
from assay_store.documents import INDEX_CHANNEL
from assay_store.encryption import Vault
from assay_store.locks import INDEX_WRITER, REBUILD_WANTED, NamedLock

from assay_ingestion.bootstrap import choose_blobs, choose_dense, choose_lexical, describe_embedder, open_database
from assay_ingestion.lexical_kinds import LexicalIndexes
from assay_ingestion.rows import RowLoader, missing_from_either, write_both
from assay_ingestion.settings import IndexerProcess

Say = Callable[[str], None]
_PAGE = 2000
_PATIENCE_S = 120.0
_TURN_S = 0.2


class Rebuild:
    """Makes the indexes of collections anew; needs the writer's lock."""

    def __init__(self, *, database: Database, loader: RowLoader, dense: VectorIndex, lexical: LexicalIndex) -> None:
        self._database = database
        self._loader = loader
        self._dense = dense
        self._lexical = lexical

    def collection(self, collection: CollectionId, say: Say) -> int:
        """Drop and fill both indexes of a collection. Returns how many rows they hold.

        Raises:
            Unavailable: an index does not answer; run it again.
        """
        self._dense.drop(collection)
        self._lexical.drop(collection)
        after, total = "", 0
        while True:
            with self._database.transaction() as connection:
                stored = pipeline.live_rows(connection, collection, after=after, limit=_PAGE)
            if not stored:
                break
            after = stored[-1].row.chunk.id
            loaded, broken = self._loader.load(stored)
            for document, error in broken.items():
                say(f"  document {document.id}: {error.message}")
            for rows in loaded:
                write_both(self._dense, self._lexical, rows)
                missing = missing_from_either(self._dense, self._lexical, rows)
                if missing:
                    raise Unavailable(f"{len(missing)} rows were not found after they were written; run it again.")
                total += len(rows.rows)
            say(f"  {total:,} chunks")
        with self._database.transaction() as connection:
            # The cache sees that it missed this, and forgets what was found while rows were missing.
            collections.advance_sequence(connection, collection)
        return total


def main() -> None:
    settings = IndexerProcess()  # pyright: ignore[reportCallIssue] (the environment gives the rest)
    configure(settings.log, process="rebuild")
    try:
        _run(settings, name=sys.argv[1] if len(sys.argv) > 1 else None)
    except AssayError as error:
        sys.exit(error.message)


def _run(settings: IndexerProcess, *, name: str | None) -> None:
    database = open_database(settings.database)
    wanted, lock = NamedLock(database.url, REBUILD_WANTED), NamedLock(database.url, INDEX_WRITER)
    if not wanted.try_acquire():
        raise Unavailable("Another rebuild is running; wait for it.")
    try:
        chosen = _chosen(database, name)
        _await_writer(database, lock)
        space = describe_embedder(settings.embedder)
        dense = choose_dense(settings.milvus, space, database)
        vault = Vault(read_master_key(settings.secrets))
        terms = choose_lexical(settings.lexical, settings.milvus, vault)
        lexical = LexicalIndexes(database, terms.of)
        loader = RowLoader(vault=vault, blobs=choose_blobs(settings.blobs), dimension=space.dimension)
        rebuild = Rebuild(database=database, loader=loader, dense=dense, lexical=lexical)
        for number, collection in enumerate(chosen, 1):
            print(f"Collection {number} of {len(chosen)}: {collection.id}", flush=True)
            rebuild.collection(collection, lambda line: print(line, flush=True))
        terms.close()
        dense.seal()
        print("Done.", flush=True)
    finally:
        lock.release()
        wanted.release()
        database.dispose()


def _chosen(database: Database, name: str | None) -> list[CollectionId]:
    with database.transaction() as connection:
        if name is None:
            return [c.id for c in pipeline.indexed_collections(connection) if not c.deleted]
        found = pipeline.collection_named(connection, name)
    if not found:
        raise NotFound(f"There is no collection {name!r}; without a name, all are rebuilt.")
    return found


def _await_writer(database: Database, lock: NamedLock) -> None:
    """Wait until the running indexer has stepped aside, which it does after its present round."""
    until_s = time.monotonic() + _PATIENCE_S
    with database.transaction() as connection:
        notify(connection, INDEX_CHANNEL)
    while not lock.try_acquire():
        if time.monotonic() > until_s:
            raise Unavailable(f"The indexer did not step aside within {_PATIENCE_S:.0f} s; stop it and try again.")
        time.sleep(_TURN_S)


if __name__ == "__main__":
    main()
