"""The indexer: `python -m assay_ingestion.indexer`, the only writer of both indexes.

It holds a lock in the database while it writes; a second one waits for it. A rebuild asks for the lock and gets it.
"""

import random
import signal
import threading

import structlog
from assay_core.errors import Broken, Unavailable
from assay_runtime import crash_tests
from assay_runtime.health import one_at_a_time, serve_in_background
from assay_runtime.log import configure
from assay_runtime.settings import read_master_key
from assay_store.database import Database
from assay_store.documents import INDEX_CHANNEL
from assay_store.encryption import Vault
from assay_store.locks import INDEX_TRIAL, INDEX_WRITER, REBUILD_WANTED, NamedLock

from assay_ingestion.access_changes import AccessChanges
from assay_ingestion.bootstrap import (
    VectorSpace,
    choose_blobs,
    choose_cache,
    choose_dense,
    choose_fingerprints,
    choose_lexical,
    choose_percolated_cache,
    describe_embedder,
    open_database,
    remove_scratch,
)
from assay_ingestion.deletions import Deletions
from assay_ingestion.generations import Generations
from assay_ingestion.index import Indexer
from assay_ingestion.index_kinds import DenseIndexes
from assay_ingestion.index_writer import IndexWriter
from assay_ingestion.lexical_kinds import LexicalIndexes
from assay_ingestion.percolation import Percolator
from assay_ingestion.reconcile import Reconciler
from assay_ingestion.retention import Retention
from assay_ingestion.rows import RowLoader
from assay_ingestion.scratch import ScratchSweep
from assay_ingestion.settings import IndexerProcess
from assay_ingestion.settling import Settling

log = structlog.get_logger()
_POLL_S = 10.0
_TURN_S = 2.0
_LONGEST_PAUSE_S = 30.0


def main() -> None:
    settings = IndexerProcess()  # pyright: ignore[reportCallIssue] (the environment gives the rest)
    configure(settings.log, process="indexer")
    crash_tests.arm(settings)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    database = open_database(settings.database)
    space = describe_embedder(settings.embedder)
    dense = choose_dense(settings.milvus, space, database)
    # While Milvus starts, the first question to it waits until the collection is loaded.
    reachable = one_at_a_time(lambda: dense.ping(2.0), busy="Milvus has not answered yet.")
    serve_in_background(settings.http, {"database": database.check, "dense_index": reachable})
    lock = NamedLock(database.url, INDEX_WRITER)
    log.info("indexer.started", model=space.model_id)
    while not stop.is_set():
        if _acquired(lock):
            writer = _writer(settings, database=database, space=space, dense=dense)
            try:
                write(writer, lock, database, stop)
            finally:
                writer.close()
                lock.release()
        stop.wait(_TURN_S)
    dense.close()
    database.dispose()
    log.info("indexer.stopped")


def write(writer: IndexWriter, lock: NamedLock, database: Database, stop: threading.Event) -> None:
    """Work until the process stops, the lock is lost, or a rebuild wants it."""
    failures, damaged, taken_over = 0, False, False
    while not stop.is_set() and lock.still_held() and not lock.wanted_elsewhere(REBUILD_WANTED):
        try:
            if not taken_over:
                writer.take_over()
                taken_over = True
            if damaged:
                writer.heal()
            worked = writer.work()
            failures, damaged = 0, False
            if not worked:
                database.wait_for_notice(INDEX_CHANNEL, timeout_s=min(_POLL_S, writer.idle_s), stop=stop)
        except (Unavailable, Broken) as error:
            failures += 1
            damaged = damaged or isinstance(error, Broken)
            pause_s = min(_LONGEST_PAUSE_S, 2.0**failures / 2) * (0.5 + random.random() / 2)
            log.warning("indexer.waits", code=error.code, reason=error.message, pause_s=round(pause_s, 1))
            writer.start_over()
            stop.wait(pause_s)


def _writer(settings: IndexerProcess, *, database: Database, space: VectorSpace, dense: DenseIndexes) -> IndexWriter:
    vault = Vault(read_master_key(settings.secrets))
    blobs = choose_blobs(settings.blobs)
    terms = choose_lexical(settings.lexical, settings.milvus, vault)
    terms.forget_other_analyses()
    lexical = LexicalIndexes(database, terms.of)
    loader = RowLoader(vault=vault, blobs=blobs, dimension=space.dimension)
    own = settings.indexing
    percolator = Percolator(
        database=database, lexical=lexical, cache=choose_percolated_cache(settings.cache, vault, space)
    )
    scratch = ScratchSweep(lock=NamedLock(database.url, INDEX_TRIAL), remove=lambda: remove_scratch(settings.milvus))
    return IndexWriter(
        indexer=Indexer(
            database=database,
            vault=vault,
            loader=loader,
            dense=dense,
            lexical=lexical,
            percolator=percolator,
            pass_chunks=own.pass_chunks,
        ),
        deletions=Deletions(
            database=database,
            dense=dense,
            lexical=lexical,
            blobs=blobs,
            cache=choose_cache(settings.cache, vault, space),
            mark=choose_fingerprints(vault).of,
        ),
        access_changes=AccessChanges(
            database=database, loader=loader, dense=dense, lexical=lexical, percolator=percolator
        ),
        percolator=percolator,
        reconciler=Reconciler(database=database, loader=loader, dense=dense, lexical=lexical, every_s=own.check_s),
        retention=Retention(
            database=database,
            blobs=blobs,
            dense=dense,
            lexical=lexical,
            dimension=space.dimension,
            every_s=own.check_s,
        ),
        settling=Settling(
            database=database,
            loader=loader,
            dense=dense,
            lexical=lexical,
            gather_s=own.settle_gather_s,
            every_s=own.settle_every_s,
            files_s=own.settle_files_s,
            log_s=own.settle_log_s,
            on_trial=scratch.may_hold_vectors,
        ),
        scratch=scratch,
        generations=Generations(database=database, loader=loader, of_kind=dense.of_kind, of_language=lexical.of),
        close=terms.close,
    )


def _acquired(lock: NamedLock) -> bool:
    try:
        return lock.try_acquire()
    except Unavailable as error:
        log.warning("indexer.waits", code=error.code, reason=error.message)
        return False


if __name__ == "__main__":
    main()
