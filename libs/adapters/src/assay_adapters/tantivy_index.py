"""The `LexicalIndex` port on tantivy: a folder per tenant and collection, one process writes, any number read."""

import json
import re
import shutil
import threading
from collections import Counter, OrderedDict
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from math import log
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from assay_core.crash_points import reach
from assay_core.documents import ChunkId, CollectionId
from assay_core.errors import Broken, Invalid, Unavailable
from assay_core.index_profiles import USUAL_LANGUAGE
from assay_core.search import IndexCounts, IndexHit, IndexRow, IndexScope

from assay_adapters.lexical_analysis import ANALYSES, analysis_name, analyzer, evened, indexable

if TYPE_CHECKING:
    from tantivy import Document, Index, IndexWriter, Query, Schema, Searcher

_SAFE = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MAX_QUERY_TERMS = 512
_K1 = 1.2
_NEAR_LETTERS = 3
_FAR_LETTERS = 6
_OPEN_WRITERS = 16
_OPEN_READERS = 256
# tantivy merges when eight segments are of one size class, deleted rows or not: eight tiny ones set it off.
_MERGE_AT = 8
_SWEEP_SHARE = 0.2
_SWEEP_ROWS = 5 * _MERGE_AT
_NO_CHUNK = "-"
_SEGMENT = re.compile(r"[0-9a-f]{32}")
Terms = Sequence[tuple[str, int]]
_ANALYSIS = re.compile(r"[a-z]{2,3}\d+")


class TantivyIndex:
    """BM25 (k1 = 1.2, b = 0.75, fixed by tantivy) over a language's terms, in passages of evened length.

    nDCG@10 by passages: SciFact (train) .696, NPL .440 (docs/decisions/0026-fusion.md).

    Args:
        root: folder of all indexes; other processes may read and one may write there.
        language: of stems and stop words, one of `LANGUAGES`; each has a folder of its own below `root`.
        writer_memory_bytes: buffer of each collection that is being written.
    """

    def __init__(
        self, root: Path | str, *, language: str = USUAL_LANGUAGE, writer_memory_bytes: int = 64 * 2**20
    ) -> None:
        self._root = Path(root) / analysis_name(language)
        self._language = language
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
                    writer.add_document(_document(row.chunk.id, row.acl, evened(indexable(text))))
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
        asked = _query(self._terms(query), scope)
        searcher = self._searcher(scope.collection, epoch=epoch)
        if asked is None or searcher is None:
            return []
        most = _most(searcher, self._terms(query))
        hits = _hits(searcher, asked, limit=top_k)
        return [IndexHit(ChunkId(scope.tenant, chunk), score, share=min(1.0, score / most)) for chunk, score in hits]

    def unknown(self, scope: IndexScope, words: Sequence[str], *, epoch: int) -> list[str]:
        searcher = self._searcher(scope.collection, epoch=epoch)
        if searcher is None or not scope.acls:
            return list(words)
        # Rows that were deleted but not merged away have their part in the frequency of a term. A term that is in more
        # rows than are out of scope is in one that is.
        hidden = self._deleted_and_rows(scope.collection)[1] - _count(searcher, _allowed(scope))
        return [
            word
            for word in words
            if (frequency := _frequency(searcher, self._terms(word))) is not None
            and frequency <= hidden
            and not (frequency and _holding(searcher, scope, self._terms(word)))
        ]

    def rows_with(self, scope: IndexScope, words: Sequence[str], *, epoch: int) -> list[int]:
        searcher = self._searcher(scope.collection, epoch=epoch)
        if searcher is None or not scope.acls:
            return [0] * len(words)
        asked = map(self._terms, words)
        return [_holding(searcher, scope, terms) if _frequency(searcher, terms) != 0 else 0 for terms in asked]

    def rows_like(self, scope: IndexScope, word: str, beside: str, *, top_k: int, epoch: int) -> list[ChunkId]:
        searcher = self._searcher(scope.collection, epoch=epoch)
        if searcher is None or not scope.acls:
            return []
        found: dict[str, None] = {}
        others = self._terms(beside)
        for near in _near(word, self._terms(word)):
            found |= dict.fromkeys(chunk for chunk, _ in _hits(searcher, _best(near, others, scope), limit=top_k))
        return [ChunkId(scope.tenant, chunk) for chunk in found]

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

    def purge(self, collection: CollectionId) -> list[ChunkId]:
        """Have the files rewritten without the terms of deleted rows.

        Small segments are merged. tantivy merges larger ones only when it likes to; so the rows that share one with
        deleted rows are returned: write them again, which empties it, and call again. Returns none when nothing of
        deleted rows is left in any file.
        """
        if self.residue(collection):
            self._sweep(collection)
        if self.strays(collection):
            self._collect(collection)
        return self._neighbours_of_deleted(collection) if self.residue(collection) else []

    def residue(self, collection: CollectionId) -> set[str]:
        """Ids of deleted rows that are still in some file of a collection."""
        searcher = self._searcher(collection, epoch=None)
        if searcher is None:
            return set()
        named = {term for term, _ in searcher.terms_with_prefix("chunk", "")}
        return named - {_NO_CHUNK} - {chunk.id for chunk in self.chunk_ids(collection)}

    def terms(self) -> Iterator[tuple[Path, bytes]]:
        """Every term that is in some file of any collection in any language, also of deleted rows, with its folder.

        The dictionaries are written in a way that does not show them as they are.
        """
        for folder in sorted(path for analysis in ANALYSES for path in self._root.parent.glob(f"{analysis}/*/*")):
            reader = _Reader.opened(folder, self._language)
            if reader is None:
                continue
            for name in ("chunk", "body"):
                for term, _ in reader.searcher(None).terms_with_prefix(name, ""):
                    yield folder.relative_to(self._root.parent), term.encode()

    def strays(self, collection: CollectionId) -> list[Path]:
        """Files of segments that the index does not know any more; readers elsewhere may have them open."""
        path = self._path(collection)
        try:
            known = {s["segment_id"].replace("-", "") for s in json.loads((path / "meta.json").read_text())["segments"]}
        except FileNotFoundError:
            return []
        return [file for file in path.iterdir() if _SEGMENT.fullmatch(file.stem) and file.stem not in known]

    def forget_other_analyses(self) -> None:
        """Remove indexes whose terms an older release made: nobody searches them, and nothing deletes from them."""
        for folder in self._root.parent.iterdir() if self._root.parent.exists() else ():
            if _ANALYSIS.fullmatch(folder.name) and folder.name not in ANALYSES:
                shutil.rmtree(folder)

    def let_go(self) -> None:
        """Let go of the files of indexes that were written since they were read here last.

        A file that was merged away keeps its place on the disk, under no name, for as long as a reader has it open.
        Readers notice at their next search; call this from time to time where a collection may not be searched again.
        """
        with self._lock:
            for collection in [one for one, reader in self._readers.items() if reader.is_old(self._path(one))]:
                del self._readers[collection]

    def _neighbours_of_deleted(self, collection: CollectionId) -> list[ChunkId]:
        from tantivy import Query

        searcher = self._searcher(collection, epoch=None)
        if searcher is None or not searcher.num_docs:
            return []
        by_segment: dict[int, list[ChunkId]] = {}
        for _, address in searcher.search(Query.all_query(), searcher.num_docs, count=False).hits:
            chunk = searcher.doc(address)["chunk"][0]
            by_segment.setdefault(address.segment_ord, []).append(ChunkId(collection.tenant, chunk))
        # Segments are told apart by how many rows they have left.
        partly = {rows - deleted for deleted, rows in self._segments(collection) if deleted}
        return [chunk for chunks in by_segment.values() if len(chunks) in partly for chunk in chunks]

    def close(self) -> None:
        """Finish merges and let another process write."""
        for collection in tuple(self._writers):
            self._close_writer(collection)

    def _close_writer(self, collection: CollectionId) -> None:
        with self._writing:
            writer = self._writers.pop(collection, None)
            if writer is not None:
                writer.wait_merging_threads()

    def _terms(self, text: str) -> Terms:
        """The terms of a question, each with how often it asks for it."""
        return Counter(analyzer(self._language).analyze(indexable(text))).most_common(_MAX_QUERY_TERMS)

    def _deleted_and_rows(self, collection: CollectionId) -> tuple[int, int]:
        segments = self._segments(collection)
        return sum(deleted for deleted, _ in segments), sum(rows for _, rows in segments)

    def _segments(self, collection: CollectionId) -> list[tuple[int, int]]:
        """Deleted rows and all rows of each segment."""
        try:
            segments = json.loads((self._path(collection) / "meta.json").read_text())["segments"]
        except FileNotFoundError:
            return []
        return [((s["deletes"] or {}).get("num_deleted_docs", 0), s["max_doc"]) for s in segments]

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

    def _collect(self, collection: CollectionId) -> None:
        """Have the files of merged segments removed, which tantivy does when it commits next."""
        # It leaves those that a merge of the writer still holds.
        self._close_writer(collection)
        with self._writer(collection) as writer:
            writer.garbage_collect_files()

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
            return _open(path, self._language).writer(self._writer_memory_bytes, num_threads=1)
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
                reader = _Reader.opened(path, self._language)
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
        self._written_ns = 0
        self._epoch: int | None = None

    @classmethod
    def opened(cls, path: Path, language: str) -> "_Reader | None":
        try:
            return cls(path, _open(path, language), path.stat().st_ino)
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

    def is_old(self, path: Path) -> bool:
        """Whether something was written, or the collection dropped, since this was opened or refreshed."""
        return self.is_of_another_folder(path) or _written_ns(path) != self._written_ns

    def searcher(self, epoch: int | None) -> "Searcher":
        if epoch is None or epoch != self._epoch:
            self._written_ns = _written_ns(self._path)
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


def _written_ns(path: Path) -> int:
    """When an index was committed or merged last; 0 if it is not there."""
    try:
        return (path / "meta.json").stat().st_mtime_ns
    except FileNotFoundError:
        return 0


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


def _open(path: Path, language: str) -> "Index":
    from tantivy import Index

    index = Index.open(str(path))
    index.register_tokenizer("assay", analyzer(language))
    index.config_reader("manual")
    return index


def _document(chunk: str, acl: int, body: str) -> "Document":
    from tantivy import Document

    document = Document()
    document.add_text("chunk", chunk)
    document.add_integer("acl", acl)
    document.add_text("body", body)
    return document


def _query(terms: Terms, scope: IndexScope) -> "Query | None":
    """Any of the terms, within the readable rows; None if no term is left or nothing is readable.

    Built from terms, not by tantivy's query parser: user text has no syntax here.
    """
    from tantivy import Occur, Query

    if not terms or not scope.acls or scope.chunk_ids == []:
        return None
    weighted = [Query.boost_query(_term(term, "freq"), float(times)) for term, times in terms]
    return Query.boolean_query(
        [
            (Occur.Must, Query.boolean_query([(Occur.Should, query) for query in weighted])),
            *((Occur.Must, Query.const_score_query(one, 0.0)) for one in _allowed(scope)),
        ]
    )


def _allowed(scope: IndexScope) -> list["Query"]:
    """What a row must match to be in scope; `acls` is not empty."""
    from tantivy import Query

    chosen = scope.chunk_ids
    readable = Query.term_set_query(_schema(), "acl", sorted(scope.acls))
    return [readable] if chosen is None else [readable, Query.term_set_query(_schema(), "chunk", chosen)]


def _term(term: str, option: str) -> "Query":
    from tantivy import Query

    return Query.term_query(_schema(), "body", term, option)


def _frequency(searcher: "Searcher", word: Terms) -> int | None:
    """In how many rows a word is at most, whoever may read them; None if the index leaves it out."""
    return min((searcher.doc_freq("body", term) for term, _ in word), default=None)


def _holding(searcher: "Searcher", scope: IndexScope, word: Terms) -> int:
    """How many rows in scope hold a word; all of them hold one that the index leaves out."""
    return _count(searcher, [*(_term(term, "basic") for term, _ in word), *_allowed(scope)])


def _near(word: str, terms: Terms) -> list["Query"]:
    """Rows with terms one letter from the word's, then with those further off.

    A stemmer does not know the ending of a misspelled word: "informatoin" stays whole, but "information" is "inform".
    So terms that the word begins with count as near.
    """
    from tantivy import Query

    folded = next((term for term, _ in terms), "")
    if not folded or len(folded) < _NEAR_LETTERS:
        return []
    near = [Query.fuzzy_term_query(_schema(), "body", folded, 1)]
    if len(folded) < _FAR_LETTERS:
        return near
    starts = [word.lower()[:length] for length in range(_FAR_LETTERS - 2, len(word) - 1)]
    further = [Query.fuzzy_term_query(_schema(), "body", folded, 2), *(_term(start, "basic") for start in starts)]
    return [*near, *further]


def _best(near: "Query", beside: Terms, scope: IndexScope) -> "Query":
    from tantivy import Occur, Query

    return Query.boolean_query(
        [
            *((Occur.Must, Query.const_score_query(one, 0.0)) for one in [near, *_allowed(scope)]),
            *((Occur.Should, _term(term, "freq")) for term, _ in beside),
        ]
    )


def _count(searcher: "Searcher", wanted: Sequence["Query"]) -> int:
    from tantivy import Occur, Query

    found = searcher.search(Query.boolean_query([(Occur.Must, one) for one in wanted]), 1, count=True)
    return found.count or 0  # pyright: ignore[reportAttributeAccessIssue]  tantivy's stubs leave it out


def _most(searcher: "Searcher", terms: Terms) -> float:
    """What a passage would score that held nothing but the question's terms, without end: above any that there is.

    A term that no passage holds counts like the rarest: a question that is mostly about it is hardly answered.
    """
    rows = searcher.num_docs
    return sum(times * (_K1 + 1) * _idf(rows, searcher.doc_freq("body", term)) for term, times in terms)


def _idf(rows: int, holding: int) -> float:
    # Rows that were deleted but not merged away are counted as holding.
    holding = min(holding, rows)
    return log(1 + (rows - holding + 0.5) / (holding + 0.5))


def _hits(searcher: "Searcher", query: "Query", *, limit: int) -> list[tuple[str, float]]:
    found = searcher.search(query, limit, count=False).hits
    return [(searcher.doc(address)["chunk"][0], float(score)) for score, address in found]
