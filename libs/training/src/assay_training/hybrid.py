"""Hybrid search over passages in memory, as the retrieval service does it: what training takes its negatives from."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from assay_adapters.tantivy_index import TantivyIndex
from assay_core.collection_settings import Searching
from assay_core.documents import AclId, ChunkId, CollectionId, TenantId, text_for_index
from assay_core.fusion import DENSE, LEXICAL, fuse, reranking_order
from assay_core.ports import Embedder
from assay_core.search import IndexHit, IndexRow, IndexScope
from assay_evals.candidates import CANDIDATES, Asked, Found

from assay_training.ranking_sets import RankingSet, Text

_DEPTH = 100
_BATCH = 512
_COLLECTION = CollectionId(TenantId("training"), "set")
_ACL = AclId(1)


def ask(
    chosen: RankingSet,
    embedder: Embedder,
    *,
    most: int = _DEPTH,
    on_progress: Callable[[str, int, int], None] = lambda _what, _done, _total: None,
) -> Iterator[Asked]:
    """Each question of a set with the `most` passages that hybrid search finds for it, in reranking order."""
    with TemporaryDirectory() as folder:
        lexical = TantivyIndex(Path(folder))
        texts = [_indexed(text) for text in chosen.texts]
        vectors = np.concatenate(list(_embedded(embedder, texts, lambda n: on_progress(chosen.name, n, len(texts)))))
        for start in range(0, len(texts), _BATCH):
            part = range(start, min(start + _BATCH, len(texts)))
            rows = [IndexRow(_chunk(number), _COLLECTION, _ACL) for number in part]
            lexical.upsert(rows, [texts[number] for number in part])
        for query in chosen.queries:
            order = reranking_order(
                fuse(
                    {
                        DENSE: _nearest(vectors, np.asarray(embedder.embed_query(query.text), dtype=np.float32)),
                        LEXICAL: lexical.search(
                            IndexScope(_COLLECTION, frozenset({_ACL})), query.text, top_k=_DEPTH, epoch=1
                        ),
                    },
                    Searching(),
                ),
                size=CANDIDATES,
                first=DENSE,
            )[:most]
            places = [int(candidate.chunk.id) for candidate in order]
            shown = {chosen.texts[place].id for place in places}
            found = tuple(
                Found(texts[place], candidate.score, query.grades.get(chosen.texts[place].id, 0))
                for place, candidate in zip(places, order, strict=True)
            )
            missing = tuple(grade for text, grade in query.grades.items() if text not in shown and grade > 0)
            yield Asked(chosen.name, query.document, query.text, found, missing)
        lexical.close()


def _indexed(text: Text) -> str:
    return text_for_index(title=text.title, heading_path=(), text=text.text)


def _embedded(
    embedder: Embedder, texts: Sequence[str], on_batch: Callable[[int], None]
) -> Iterator[np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
    for start in range(0, len(texts), _BATCH):
        yield np.asarray(embedder.embed_passages(texts[start : start + _BATCH]), dtype=np.float32)
        on_batch(start)


def _nearest(
    vectors: np.ndarray[tuple[int, ...], np.dtype[np.float32]], asked: np.ndarray[tuple[int, ...], np.dtype[np.float32]]
) -> list[IndexHit]:
    cosines = vectors @ asked
    best = np.argsort(-cosines, kind="stable")[:_DEPTH]
    return [IndexHit(_chunk(int(number)), float(cosines[number])) for number in best]


def _chunk(number: int) -> ChunkId:
    return ChunkId(_COLLECTION.tenant, str(number))
