"""What indexes of a collection are tried on: its vectors, what people asked of it, and passages as questions too."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from assay_core.documents import ChunkId, CollectionId
from assay_core.errors import Invalid
from assay_core.ports import Embedder
from assay_store import answers, golden_sets, pipeline, visibility
from assay_store.database import Database
from assay_store.encryption import Vault
from assay_wire import internal

from assay_retrieval.exact_search import Matrix
from assay_retrieval.index_trial import Sample
from assay_retrieval.kept_vectors import Row
from assay_retrieval.rescoring import ReadableVectors

FEWEST_VECTORS = 1000
MOST_QUESTIONS = 1000
_LOOK_BACK_H = 30 * 24.0
_PAGE = 2000
_SEED = 1


@dataclass(frozen=True, slots=True)
class Drawn:
    """A sample of `of_chunks` chunks; the last `passages` of its queries are passages that it leaves out."""

    sample: Sample
    of_chunks: int
    passages: int


def draw(
    database: Database,
    vault: Vault,
    kept: ReadableVectors,
    embedder: Embedder,
    collection: CollectionId,
    *,
    most: int,
) -> Drawn:
    """Draw up to `most` vectors, the same ones each time.

    Raises:
        Invalid: the collection is too small to tell kinds of index apart.
    """
    chunks = _live(database, collection)
    if len(chunks) < FEWEST_VECTORS:
        raise Invalid(
            f"The collection has {len(chunks)} vectors; from {FEWEST_VECTORS} on the kind of index matters. Take hnsw.",
            code="too_few_vectors",
        )
    random.Random(_SEED).shuffle(chunks)
    asked = _questions(database, vault, collection)
    passages = min(MOST_QUESTIONS - len(asked), len(chunks) // 10)
    own, _ = _vectors(kept, collection, chunks[:passages])
    vectors, held = _vectors(kept, collection, chunks[passages : passages + most])
    questions = np.asarray([list(embedder.embed_query(one)) for one in asked], dtype=np.float32)
    queries = np.concatenate([questions.reshape(len(asked), embedder.dimension), own])
    return Drawn(Sample(collection, held, vectors, queries), len(chunks) - passages, len(own))


def _live(database: Database, collection: CollectionId) -> list[ChunkId]:
    with database.transaction() as connection:
        acls = pipeline.acls_in(connection, collection)
    found: list[ChunkId] = []
    while True:
        with database.transaction() as connection:
            after = found[-1] if found else None
            page = visibility.live_after(connection, collection, acls, after=after, limit=_PAGE)
        if not page:
            return found
        found += page


def _vectors(
    kept: ReadableVectors, collection: CollectionId, chunks: Sequence[ChunkId]
) -> tuple[Matrix, list[ChunkId]]:
    """The vectors that can be read, and whose they are."""
    found: list[tuple[ChunkId, Row]] = []
    for start in range(0, len(chunks), _PAGE):
        rows = kept.of(collection, chunks[start : start + _PAGE])
        found += [(chunk, row) for chunk, row in rows.items() if row is not None]
    return np.asarray([row for _, row in found], dtype=np.float32), [chunk for chunk, _ in found]


def _questions(database: Database, vault: Vault, collection: CollectionId) -> list[str]:
    """What people asked lately, and golden questions; each once."""
    with database.transaction() as connection:
        recent = answers.since(connection, vault, collection, hours=_LOOK_BACK_H, limit=MOST_QUESTIONS // 2)
        golden = [
            question.question
            for one in golden_sets.listing(connection, collection)
            for question in golden_sets.all_questions(connection, vault, collection, one)
        ]
    asked = [internal.answer.validate_json(one.record).question for one in recent]
    return list(dict.fromkeys([*asked, *golden]))[: MOST_QUESTIONS // 2]
