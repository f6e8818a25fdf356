"""The `LexicalIndex` port on tantivy: a folder per tenant and collection, one process writes, any number read."""

import json
import re
import shutil
import threading
from collections import Counter, OrderedDict
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from assay_core.crash_points import reach
from assay_core.documents import ChunkId, CollectionId
from assay_core.errors import Broken, Invalid, Unavailable
from assay_core.search import IndexCounts, IndexHit, IndexRow, IndexScope

from assay_adapters.lexical_analysis import ANALYSIS_VERSION, analyzer, indexable

if TYPE_CHECKING:
    from tantivy import Document, Index, IndexWriter, Query, Schema, Searcher

_SAFE = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MAX_QUERY_TERMS = 512
_OPEN_WRITERS = 16
_OPEN_READERS = 256
# tantivy merges when eight segments are of one size class, deleted rows or not: eight tiny ones set it off.
_MERGE_AT = 8
_SWEEP_SHARE = 0.2
_SWEEP_ROWS = 5 * _MERGE_AT
_NO_CHUNK = "-"


class TantivyIndex:
    """BM25 (k1 = 1.2, b = 0.75, fixed by tantivy) over English terms.

    nDCG@10 on whole documents, measured 2026-11-22: SciFact (train) .698, NPL .438.

    Args:
        root: folder of all indexes; other processes may read and one may write there.
        writer_memory_bytes: buffer of each collection that is being written.
    """

    def __init__(self, root: Path | str, *, writer_memory_bytes: int = 64 * 2**20) -> None:
        self._root = Path(root) / ANALYSIS_VERSION
        self._writer_memory_bytes = writer_memory_bytes
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._writers: OrderedDict[CollectionId, IndexWriter] = OrderedDict()
        self._readers: OrderedDict[CollectionId, _Reader] = OrderedDict()

    def upsert(self, rows: Sequence[IndexRow], texts: Sequence[str]) -> None:
        if len(rows) != len(texts):
            raise Invalid(f"{len(rows)} rows came with {len(texts)} texts; give one for each row", code="bad_texts")
        by_collection: dict[CollectionId, list[tuple[IndexRow, str]]] = {}
        for row, text in zip(rows, texts, strict=True):
            by_collection.setdefault(row.collection, []).append((row, text))
        for collection, pairs in by_collection.items():
            with self._writer(collection) as writer:
                for row, text in pairs:
                    writer.delete_documents_by_term("chunk", row.chunk.id)
                    writer.add_document(_document(row.chunk.id, row.acl, indexable(text)))
                reach("lexical.before_commit")
                writer.commit()
                reach("lexical.after_commit")

    def delete(self, collection: CollectionId, chunks: Sequence[ChunkId]) -> None:
        if not chunks or not self._path(collection).exists():
            return
        with self._writer(collection) as writer:
            for chunk in chunks:
                writer.delete_documents_by_term("chunk", chunk.id)
            writer.commit()
        deleted, rows = self._deleted_and_rows(collection)
        if deleted > _SWEEP_ROWS and deleted > _SWEEP_SHARE * rows:
            self._sweep(collection)

    def count(self, collection: CollectionId, chunks: Sequence[ChunkId]) -> IndexCounts:
        from tantivy import Query

        searcher = self._searcher(collection, epoch=None)
        found: set[str] = set()
        if searcher is not None and chunks:
            query = Query.term_set_query(_schema(), "chunk", [chunk.id for chunk in chunks])
            found = {chunk for chunk, _ in _hits(searcher, query, limit=len(chunks))}
        missing = tuple(chunk for chunk in chunks if chunk.id not in found)
        return IndexCounts(asked=len(chunks), found=len(chunks) - len(missing), missing=missing)

    def search(self, scope: IndexScope, query: str, *, top_k: int, epoch: int) -> list[IndexHit]:
        asked = _query(query, scope)
        searcher = self._searcher(scope.collection, epoch=epoch)
        if asked is None or searcher is None:
            return []
        hits = _hits(searcher, asked, limit=top_k)
        return [IndexHit(ChunkId(scope.tenant, chunk), score) for chunk, score in hits]

    def drop(self, collection: CollectionId) -> None:
        path = self._path(collection)
        with self._writing:
            writer = self._writers.pop(collection, None)
            if writer is not None:
                writer.wait_merging_threads()
            with self._lock:
                self._readers.pop(collection, None)
            if path.exists():
                doomed = path.with_name(f".dropped-{uuid4().hex}")
                path.rename(doomed)
                shutil.rmtree(doomed)

    def chunk_ids(self, collection: CollectionId) -> Iterator[ChunkId]:
        """Every chunk id of a collection; for the reconciler."""
        from tantivy import Query

        searcher = self._searcher(collection, epoch=None)
        if searcher is not None and searcher.num_docs:
            for chunk, _ in _hits(searcher, Query.all_query(), limit=searcher.num_docs):
                if chunk != _NO_CHUNK:
                    yield ChunkId(collection.tenant, chunk)

    def rows(self, collection: CollectionId) -> int:
        """How many rows the index says that it holds."""
        deleted, rows = self._deleted_and_rows(collection)
        return rows - deleted

    def deleted_share(self, collection: CollectionId) -> float:
        """Which part of the rows on disk is deleted but not merged away; rebuild a large collection above a third."""
        deleted, rows = self._deleted_and_rows(collection)
        return deleted / rows if rows else 0.0

    def close(self) -> None:
        """Finish merges and let another process write."""
        for collection in tuple(self._writers):
            self._close_writer(collection)

    def _close_writer(self, collection: CollectionId) -> None:
        with self._writing:
            writer = self._writers.pop(collection, None)
            if writer is not None:
                writer.wait_merging_threads()

    def _deleted_and_rows(self, collection: CollectionId) -> tuple[int, int]:
        try:
            segments = json.loads((self._path(collection) / "meta.json").read_text())["segments"]
        except FileNotFoundError:
            return 0, 0
        deleted = sum((segment["deletes"] or {}).get("num_deleted_docs", 0) for segment in segments)
        return deleted, sum(segment["max_doc"] for segment in segments)

    def _sweep(self, collection: CollectionId) -> None:
        """Have all small segments merged, which forgets the terms of deleted rows."""
        with self._writer(collection) as writer:
            for _ in range(_MERGE_AT):
                writer.add_document(_document(_NO_CHUNK, -1, ""))
                writer.commit()
        # A merge is given up when a segment that it takes in vanishes: finish it first.
        self._close_writer(collection)
        with self._writer(collection) as writer:
            writer.delete_documents_by_term("chunk", _NO_CHUNK)
            writer.commit()

    def _path(self, collection: CollectionId) -> Path:
        for part in collection:
            if not _SAFE.fullmatch(part):
                raise Invalid(f"{part!r} cannot be an id: use letters, digits, '_', '-', at most 64", code="bad_id")
        return self._root / collection.tenant / collection.id

    @contextmanager
    def _writer(self, collection: CollectionId) -> "Generator[IndexWriter]":
        """The writer of a collection. What is not committed when the block ends is undone."""
        with self._writing:
            writer = self._writers.pop(collection, None) or self._open_writer(collection)
            try:
                yield writer
            except (ValueError, OSError) as e:
                # A writer whose thread died refuses everything: the next call opens another.
                raise Unavailable(f"the lexical index cannot be written: {e}", code="lexical_unavailable") from e
            self._writers[collection] = writer
            while len(self._writers) > _OPEN_WRITERS:
                _, oldest = self._writers.popitem(last=False)
                oldest.wait_merging_threads()

    def _open_writer(self, collection: CollectionId) -> "IndexWriter":
        path = self._path(collection)
        try:
            if not path.exists():
                _create(path)
            return _open(path).writer(self._writer_memory_bytes, num_threads=1)
        except ValueError as e:
            if "LockBusy" in str(e):
                raise Unavailable(
                    f"another process writes the lexical index {path}: only the indexer may",
                    code="lexical_locked",
                    retry_after_s=5.0,
                ) from e
            raise Broken(f"the lexical index {path} is damaged ({e}): rebuild it", code="lexical_broken") from e
        except OSError as e:
            raise Unavailable(f"the lexical index {path} cannot be written: {e}", code="lexical_unavailable") from e

    def _searcher(self, collection: CollectionId, *, epoch: int | None) -> "Searcher | None":
        """A view of a collection as of `epoch`, or as of now; None if nothing was ever written."""
        path = self._path(collection)
        with self._lock:
            reader = self._readers.pop(collection, None)
            if reader is None or reader.is_of_another_folder(path):
                reader = _Reader.opened(path)
            if reader is None:
                return None
            self._readers[collection] = reader
            if len(self._readers) > _OPEN_READERS:
                self._readers.popitem(last=False)
            return reader.searcher(epoch)


class _Reader:
    """An open index, refreshed when asked for an epoch that it has not seen."""

    def __init__(self, path: Path, index: "Index", inode: int) -> None:
        self._path = path
        self._index = index
        self._inode = inode
        self._epoch: int | None = None

    @classmethod
    def opened(cls, path: Path) -> "_Reader | None":
        try:
            return cls(path, _open(path), path.stat().st_ino)
        except FileNotFoundError:
            return None
        except ValueError as e:
            if not path.exists():
                return None
            raise Broken(f"the lexical index {path} is damaged ({e}): rebuild it", code="lexical_broken") from e

    def is_of_another_folder(self, path: Path) -> bool:
        """Whether the collection was dropped, and perhaps made again, since this was opened."""
        try:
            return path.stat().st_ino != self._inode
        except FileNotFoundError:
            return True

    def searcher(self, epoch: int | None) -> "Searcher":
        if epoch is None or epoch != self._epoch:
            try:
                self._index.reload()
            except ValueError as e:
                if "corrupt" in str(e).lower():
                    raise Broken(
                        f"the lexical index {self._path} is damaged ({e}): rebuild it", code="lexical_broken"
                    ) from e
                raise Unavailable(
                    f"the lexical index {self._path} cannot be read: {e}", code="lexical_unavailable"
                ) from e
            self._epoch = epoch
        return self._index.searcher()


@cache
def _schema() -> "Schema":
    from tantivy import SchemaBuilder

    builder = SchemaBuilder()
    builder.add_text_field("chunk", stored=True, tokenizer_name="raw", index_option="basic")
    builder.add_integer_field("acl", indexed=True)
    builder.add_text_field("body", tokenizer_name="assay", index_option="freq")
    return builder.build()


def _create(path: Path) -> None:
    """Make an empty index beside its place and move it there, so that no reader sees half of one."""
    from tantivy import Index

    fresh = path.with_name(f".new-{uuid4().hex}")
    fresh.mkdir(parents=True)
    Index(_schema(), path=str(fresh))
    fresh.rename(path)


def _open(path: Path) -> "Index":
    from tantivy import Index

    index = Index.open(str(path))
    index.register_tokenizer("assay", analyzer())
    index.config_reader("manual")
    return index


def _document(chunk: str, acl: int, body: str) -> "Document":
    from tantivy import Document

    document = Document()
    document.add_text("chunk", chunk)
    document.add_integer("acl", acl)
    document.add_text("body", body)
    return document


def _query(text: str, scope: IndexScope) -> "Query | None":
    """Any of the text's terms, within the readable rows; None if no term is left or nothing is readable.

    Built from terms, not by tantivy's query parser: user text has no syntax here.
    """
    from tantivy import Occur, Query

    terms = Counter(analyzer().analyze(indexable(text))).most_common(_MAX_QUERY_TERMS)
    chosen = scope.chunk_ids
    if not terms or not scope.acls or chosen == []:
        return None
    weighted = [
        Query.boost_query(Query.term_query(_schema(), "body", term, "freq"), float(times)) for term, times in terms
    ]
    allowed = [Query.term_set_query(_schema(), "acl", sorted(scope.acls))]
    if chosen is not None:
        allowed.append(Query.term_set_query(_schema(), "chunk", chosen))
    return Query.boolean_query(
        [
            (Occur.Must, Query.boolean_query([(Occur.Should, query) for query in weighted])),
            *((Occur.Must, Query.const_score_query(one, 0.0)) for one in allowed),
        ]
    )


def _hits(searcher: "Searcher", query: "Query", *, limit: int) -> list[tuple[str, float]]:
    found = searcher.search(query, limit, count=False).hits
    return [(searcher.doc(address)["chunk"][0], float(score)) for score, address in found]
