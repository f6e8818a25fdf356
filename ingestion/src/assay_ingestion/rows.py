"""Stored chunks in the form that the indexes take: rows, vectors and texts."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from assay_core.crash_points import reach
from assay_core.documents import ChunkId, CollectionId, DocumentId, text_for_index
from assay_core.errors import AssayError, Broken, NotFound
from assay_core.ports import BlobStore, LexicalIndex, VectorIndex
from assay_core.search import IndexRow
from assay_store.encryption import Key, Vault
from assay_store.payloads import ChunkPayload
from assay_store.pipeline import StoredChunk

from assay_ingestion import vectors
from assay_ingestion.vectors import Rows


@dataclass(frozen=True, slots=True)
class IndexRows:
    """Rows of one collection with the document of each, their vectors (float32, unit length) and their texts, if these
    were asked for."""

    collection: CollectionId
    rows: Sequence[IndexRow]
    documents: Sequence[DocumentId]
    vectors: Rows
    texts: Sequence[str]

    @property
    def chunks(self) -> list[ChunkId]:
        return [row.chunk for row in self.rows]

    def of(self, documents: Collection[DocumentId]) -> "IndexRows":
        """The rows of these documents only."""
        places = [place for place, document in enumerate(self.documents) if document in documents]
        return IndexRows(
            self.collection,
            [self.rows[place] for place in places],
            [self.documents[place] for place in places],
            self.vectors[places],
            [self.texts[place] for place in places],
        )


class RowLoader:
    """Decrypts texts and reads vectors."""

    def __init__(self, *, vault: Vault, blobs: BlobStore, dimension: int) -> None:
        self._vault = vault
        self._blobs = blobs
        self._dimension = dimension

    def load(
        self, stored: Sequence[StoredChunk], *, texts: bool = True
    ) -> tuple[list[IndexRows], Mapping[DocumentId, AssayError]]:
        """Rows by collection, and the documents whose bytes are missing or damaged, with why."""
        by_document = defaultdict[DocumentId, list[StoredChunk]](list)
        for chunk in stored:
            by_document[chunk.document].append(chunk)
        loaded = defaultdict[CollectionId, list[IndexRows]](list)
        broken: dict[DocumentId, AssayError] = {}
        for document, chunks in by_document.items():
            try:
                loaded[chunks[0].row.collection].append(self._document(document, chunks, texts=texts))
            except (NotFound, Broken) as error:
                broken[document] = error
        return [_joined(collection, parts) for collection, parts in loaded.items()], broken

    def _document(self, document: DocumentId, chunks: Sequence[StoredChunk], *, texts: bool) -> IndexRows:
        key = self._vault.document_key(document, chunks[0].key_wrapped)
        told = chunks if texts else ()
        payloads = (ChunkPayload.open(key, chunk.row.chunk.id, chunk.payload) for chunk in told)
        return IndexRows(
            chunks[0].row.collection,
            [chunk.row for chunk in chunks],
            [document] * len(chunks),
            self._vectors(key, chunks),
            [
                text_for_index(title=p.title, heading_path=p.heading_path, text=p.text, context=p.context)
                for p in payloads
            ],
        )

    def _vectors(self, key: Key, chunks: Sequence[StoredChunk]) -> Rows:
        sealed = {c.row.chunk.id: c.vector.sealed for c in chunks if c.vector.sealed is not None}
        if len(sealed) == len(chunks):
            return vectors.unseal(key, sealed, self._dimension)
        if not sealed:
            return vectors.read(self._blobs, [chunk.vector for chunk in chunks], self._dimension)
        return np.concatenate([self._vectors(key, [chunk]) for chunk in chunks])


def write_both(dense: VectorIndex, lexical: LexicalIndex, loaded: IndexRows) -> None:
    """Write rows to both indexes; repeating it changes nothing."""
    dense.upsert(loaded.rows, loaded.vectors)
    reach("lexical.before_write")
    lexical.upsert(loaded.rows, loaded.texts)


def missing_from_either(dense: VectorIndex, lexical: LexicalIndex, loaded: IndexRows) -> set[ChunkId]:
    """Chunks that one of the indexes does not hold, by strongly consistent reads."""
    counts = (index.count(loaded.collection, loaded.chunks) for index in (dense, lexical))
    return {chunk for count in counts for chunk in count.missing}


def _joined(collection: CollectionId, parts: Sequence[IndexRows]) -> IndexRows:
    return IndexRows(
        collection,
        [row for part in parts for row in part.rows],
        [document for part in parts for document in part.documents],
        np.concatenate([part.vectors for part in parts]),
        [text for part in parts for text in part.texts],
    )
