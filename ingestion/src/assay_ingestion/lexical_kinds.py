"""One BM25 index per language of terms, seen as one by the process that writes it."""

from collections import defaultdict
from collections.abc import Callable, Sequence

from assay_core.documents import ChunkId, CollectionId
from assay_core.search import IndexCounts, IndexHit, IndexRow, IndexScope
from assay_store import index_generations
from assay_store.database import Database
from assay_store.index_generations import Kinds

from assay_ingestion.index_kinds import counted
from assay_ingestion.settling import PurgeableLexical


class LexicalIndexes:
    """An index of terms that asks, for each collection, the one in its language, and writes to all its generations'.

    Which these are is read before each step: whoever begins a generation need tell nobody.
    """

    def __init__(self, database: Database, of: Callable[[str], PurgeableLexical]) -> None:
        self._database = database
        self.of = of

    def upsert(self, rows: Sequence[IndexRow], texts: Sequence[str]) -> None:
        by_collection = defaultdict[CollectionId, list[tuple[IndexRow, str]]](list)
        for row, text in zip(rows, texts, strict=True):
            by_collection[row.collection].append((row, text))
        for collection, pairs in by_collection.items():
            for index in self._written(collection):
                index.upsert([row for row, _ in pairs], [text for _, text in pairs])

    def delete(self, collection: CollectionId, chunks: Sequence[ChunkId]) -> None:
        for index in self._written(collection):
            index.delete(collection, chunks)

    def count(self, collection: CollectionId, chunks: Sequence[ChunkId]) -> IndexCounts:
        """A row is missing if a generation lacks it that should hold everything."""
        kinds = self._kinds(collection)
        return counted(chunks, kinds, {kind: self.of(kind).count(collection, chunks) for kind in kinds.written})

    def search(self, scope: IndexScope, query: str, *, top_k: int, epoch: int) -> list[IndexHit]:
        return self.of(scope.language).search(scope, query, top_k=top_k, epoch=epoch)

    def drop(self, collection: CollectionId) -> None:
        for index in self._written(collection):
            index.drop(collection)

    def purge(self, collection: CollectionId) -> list[ChunkId] | None:
        found = [index.purge(collection) for index in self._written(collection)]
        ended = [rows for rows in found if rows is not None]
        return None if len(ended) < len(found) else list(dict.fromkeys(row for rows in ended for row in rows))

    def _written(self, collection: CollectionId) -> list[PurgeableLexical]:
        return [self.of(language) for language in self._kinds(collection).written]

    def _kinds(self, collection: CollectionId) -> Kinds:
        with self._database.transaction() as connection:
            return index_generations.kinds(connection, collection).of_terms
