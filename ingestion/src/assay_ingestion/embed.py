"""Vectors for the new chunks of several documents at once, sorted by length so that little is padding."""

from collections.abc import Callable, Sequence

import numpy as np
from assay_core.documents import Chunk, text_for_index
from assay_core.ports import Embedder
from assay_runtime.metrics import step

from assay_ingestion.prepare import Prepared
from assay_ingestion.vectors import Rows, unit_rows

OnBatch = Callable[[Sequence[int]], None]


def embed_new_chunks(
    documents: Sequence[Prepared],
    embedder: Embedder,
    *,
    batch_size: int,
    on_batch: OnBatch,
    wanted: Callable[[Prepared], bool] = lambda _document: True,
) -> list[Rows]:
    """Embed the new chunks of all documents. Returns float32 (len(new), dimension) per document, in order.

    `on_batch` is called before each batch with how many chunks of each document are done; it may raise to stop.
    `wanted` is asked before each batch; rows of documents that are not wanted any more are left as they are.
    """
    rows = [np.empty((len(document.new), embedder.dimension), dtype=np.float32) for document in documents]
    places = [(i, j) for i, document in enumerate(documents) for j in range(len(document.new))]
    places.sort(key=lambda place: documents[place[0]].new[place[1]].tokens, reverse=True)
    done = [0] * len(documents)
    while places:
        on_batch(done)
        left_out = {i for i, document in enumerate(documents) if not wanted(document)}
        if left_out:
            places = [place for place in places if place[0] not in left_out]
        batch = [places.pop() for _ in range(min(batch_size, len(places)))]
        if not batch:
            return rows
        texts = [_text(documents[i], documents[i].new[j]) for i, j in batch]
        with step("embed"):
            vectors = unit_rows(np.asarray(embedder.embed_passages(texts), dtype=np.float32))
        for (i, j), vector in zip(batch, vectors, strict=True):
            rows[i][j] = vector
            done[i] += 1
    return rows


def _text(document: Prepared, chunk: Chunk) -> str:
    return text_for_index(
        title=document.parsed.title, heading_path=chunk.heading_path, text=chunk.text, context=chunk.context
    )
