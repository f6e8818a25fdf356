"""Advice on the index of a collection: `python -m assay_retrieval.advise COLLECTION`, see `assay index advise`.

It reads the platform's stores as the operator does, whoever may read the documents, and shows figures only.
"""

import argparse
import json
import sys
import time
from contextlib import ExitStack
from uuid import uuid4

from assay_core.documents import CollectionId
from assay_core.errors import AssayError, Invalid, NotFound, Unavailable
from assay_runtime.log import configure
from assay_runtime.settings import read_master_key
from assay_store import pipeline
from assay_store.database import Database
from assay_store.encryption import Vault
from assay_store.locks import INDEX_TRIAL, NamedLock

from assay_retrieval.bootstrap import choose_blobs, choose_embedder, choose_scratch, remove_scratch
from assay_retrieval.index_advice import GRID, RECALL, Advice
from assay_retrieval.index_sample import FEWEST_VECTORS, draw
from assay_retrieval.index_trial import Trial
from assay_retrieval.kept_vectors import KeptVectors
from assay_retrieval.settings import Settings

MOST_VECTORS = 50_000
_PATIENCE_S = 30.0


def main() -> None:
    parser = argparse.ArgumentParser(prog="assay index advise")
    parser.add_argument("collection")
    parser.add_argument("--recall", type=float, default=RECALL)
    parser.add_argument("--most-vectors", type=int, default=MOST_VECTORS)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    settings = Settings()  # pyright: ignore[reportCallIssue] (the environment gives the rest)
    configure(settings.log, process="advise")
    try:
        advice = _advise(settings, asked.collection, wanted=asked.recall, most=asked.most_vectors)
    except AssayError as error:
        sys.exit(error.message)
    print(json.dumps(advice.as_json()) if asked.json else advice.as_text())


def _advise(settings: Settings, name: str, *, wanted: float, most: int) -> Advice:
    if not 0 < wanted <= 1:
        raise Invalid(f"--recall is {wanted}; use a number above 0 and up to 1.", code="bad_recall")
    if most < FEWEST_VECTORS:
        raise Invalid(f"--most-vectors is {most}; use {FEWEST_VECTORS} or more.", code="bad_limit")
    with ExitStack() as stack:
        database = Database(settings.database.url.get_secret_value(), pool_size=settings.database.pool_size)
        stack.callback(database.dispose)
        vault = Vault(read_master_key(settings.secrets))
        embedder = choose_embedder(settings)
        kept = KeptVectors(database=database, vault=vault, blobs=choose_blobs(settings), dimension=embedder.dimension)
        collection = _named(database, name)
        lock = NamedLock(database.url, INDEX_TRIAL)
        _acquire(lock)
        stack.callback(lock.release)
        drawn = draw(database, vault, kept, embedder, collection, most=most)
        space = uuid4().hex
        trial = Trial(
            opened=lambda profile: choose_scratch(settings.milvus, embedder, profile, space),
            remove=lambda: remove_scratch(settings.milvus),
            kept=kept,
            say=lambda line: print(line, file=sys.stderr, flush=True),
        )
        points = trial.run(drawn.sample, GRID)
    sample = drawn.sample
    return Advice(name, len(sample.chunks), drawn.of_chunks, len(sample.queries), drawn.passages, tuple(points), wanted)


def _named(database: Database, name: str) -> CollectionId:
    with database.transaction() as connection:
        found = pipeline.collection_named(connection, name)
    if not found:
        raise NotFound(f"There is no collection {name!r}.", code="collection_not_found")
    if len(found) > 1:
        raise Invalid(f"{len(found)} tenants have a collection {name!r}; rename one.", code="ambiguous_collection")
    return found[0]


def _acquire(lock: NamedLock) -> None:
    until_s = time.monotonic() + _PATIENCE_S
    while not lock.try_acquire():
        if time.monotonic() > until_s:
            raise Unavailable("Another trial of indexes is running; wait for it.", code="trial_running")
        time.sleep(1)


if __name__ == "__main__":
    main()
