"""The `LexicalIndex` port on the BM25 function of Milvus, from 2.5 on.

Each collection has a Milvus collection of its own, so that how rare a term is there is not told by others, and nothing
is told of it to others. It holds ids, numbers and keyed hashes of terms, never words.
"""

import hashlib
import hmac
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from assay_core.crash_points import reach
from assay_core.documents import ChunkId, CollectionId
from assay_core.errors import Invalid
from assay_core.index_profiles import USUAL_LANGUAGE
from assay_core.search import IndexCounts, IndexHit, IndexRow, IndexScope

from assay_adapters.lexical_analysis import ANALYSES, analysis_name, analyzer, evened, evener, indexable
from assay_adapters.milvus_connection import MilvusConnection
from assay_adapters.milvus_expressions import chosen_ids, quoted
from assay_adapters.milvus_purge import MilvusPurge

if TYPE_CHECKING:
    from pymilvus import MilvusClient

_K1, _B = 1.2, 0.75
_BYTES_OF_HASH = 8
_MAX_FIELD_BYTES = 65_535
_MAX_QUERY_TERMS = 512
_MOST_HITS = 16_384
_WRITE_BATCH = 500
_READ_BATCH = 4000


class MilvusLexicalIndex:
    """BM25 (k1 = 1.2, b = 0.75) over a language's terms, in passages of evened length.

    Args:
        token: `user:password`, empty for a server without authorization.
        language: of stems and stop words, one of `LANGUAGES`; each has collections of its own.
        key: what terms are hashed with; another one finds nothing of what was written before.
        timeout_s: bound on every call.
    """

    def __init__(
        self,
        *,
        uri: str,
        token: str,
        key: bytes,
        language: str = USUAL_LANGUAGE,
        timeout_s: float = 10.0,
        prefix: str = "assay_bm25",
    ) -> None:
        self._connection = MilvusConnection(uri=uri, token=token, timeout_s=timeout_s, failed=self._forget)
        self._key = key
        self._timeout_s = timeout_s
        self._every_prefix = f"{prefix}_"
        self._language = language
        self._prefix = f"{prefix}_{analysis_name(language)}"
        self._loaded: set[str] = set()
        self._purges: dict[str, MilvusPurge] = {}
        self._seen: dict[str, int] = {}

    def forget_other_analyses(self) -> None:
        """Drop what has terms that an older release made: nobody searches it, and nothing deletes from it."""
        found = self._connection.call(lambda client: client.list_collections(timeout=self._timeout_s))
        for name in cast("list[str]", found):
            analysis = name.removeprefix(self._every_prefix).partition("_")[0]
            if name.startswith(self._every_prefix) and analysis not in ANALYSES:
                self._connection.call(lambda client, n=name: client.drop_collection(n, timeout=self._timeout_s))

    def upsert(self, rows: Sequence[IndexRow], texts: Sequence[str]) -> None:
        if len(rows) != len(texts):
            raise Invalid(f"{len(rows)} rows came with {len(texts)} texts; give one for each row", code="bad_texts")
        by_collection: dict[CollectionId, list[dict[str, Any]]] = {}
        for row, text in zip(rows, texts, strict=True):
            kept = {"chunk": row.chunk.id, "acl": int(row.acl), "terms": self._field(text)}
            by_collection.setdefault(row.collection, []).append(kept)
        for collection, data in by_collection.items():
            self._write(self._made(collection), data)

    def _write(self, name: str, data: list[dict[str, Any]]) -> None:
        reach("lexical.before_commit")
        for start in range(0, len(data), _WRITE_BATCH):
            batch = data[start : start + _WRITE_BATCH]
            self._connection.call(lambda client, b=batch: client.upsert(name, b, timeout=self._timeout_s))
        reach("lexical.after_commit")

    def delete(self, collection: CollectionId, chunks: Sequence[ChunkId]) -> None:
        name = self._found(collection)
        if name is None:
            return
        for ids in _batches(chunks, _READ_BATCH):
            self._connection.call(lambda client, i=ids: client.delete(name, ids=i, timeout=self._timeout_s))

    def count(self, collection: CollectionId, chunks: Sequence[ChunkId]) -> IndexCounts:
        name = self._found(collection)
        found: set[str] = set()
        for ids in _batches(chunks, _READ_BATCH) if name is not None else ():
            found.update(self._read(name or "", f"chunk in {quoted(ids)}", limit=len(ids)))
        missing = tuple(chunk for chunk in chunks if chunk.id not in found)
        return IndexCounts(asked=len(chunks), found=len(chunks) - len(missing), missing=missing)

    def search(self, scope: IndexScope, query: str, *, top_k: int, epoch: int) -> list[IndexHit]:
        terms = analyzer(self._language).analyze(indexable(query))[:_MAX_QUERY_TERMS]
        chosen = chosen_ids(scope)
        if not terms or not scope.acls or chosen == []:
            return []
        name = self._found(scope.collection)
        if name is None:
            return []
        condition = f"acl in [{','.join(str(int(acl)) for acl in sorted(scope.acls))}]"
        if chosen is not None:
            condition += f" and chunk in {quoted(chosen)}"
        (hits,) = self._connection.call(
            lambda client: client.search(
                name,
                data=[" ".join(self._hashed(term) for term in terms)],
                anns_field="sparse",
                filter=condition,
                limit=min(top_k, _MOST_HITS),
                search_params={"metric_type": "BM25"},
                consistency_level="Bounded" if self._seen.get(name) == epoch else "Strong",
                timeout=self._timeout_s,
            )
        )
        self._seen[name] = epoch
        # Milvus Lite gives a distance, the score below zero.
        return [IndexHit(ChunkId(scope.tenant, hit["chunk"]), abs(float(hit["distance"]))) for hit in hits]

    def drop(self, collection: CollectionId) -> None:
        name = self._name(collection)
        self._connection.call(lambda client: client.drop_collection(name, timeout=self._timeout_s))
        self._loaded.discard(name)

    def chunk_ids(self, collection: CollectionId) -> Iterator[ChunkId]:
        """Every chunk id of a collection by a strongly consistent read, in the order of ids; for the reconciler."""
        name, last = self._found(collection), ""
        while name is not None:
            ids = sorted(self._read(name, f'chunk > "{last}"', limit=_READ_BATCH))
            yield from (ChunkId(collection.tenant, one) for one in ids)
            if len(ids) < _READ_BATCH:
                return
            last = ids[-1]

    def purge(self, collection: CollectionId) -> list[ChunkId] | None:
        """Have the files rewritten without deleted rows. Returns none of them when that has ended, None until then."""
        name = self._found(collection)
        if name is None:
            return []
        if name not in self._purges:
            self._connection.call(lambda client: client.flush(name, timeout=60))
            self._purges[name] = MilvusPurge(self._connection, collection=name, field="sparse")
        if not self._purges[name].ended():
            return None
        del self._purges[name]
        return []

    def let_go(self) -> None:
        """Nothing: no file is open here."""

    def terms(self) -> Iterator[tuple[Path, bytes]]:
        """None: Milvus writes ids and hashes into its files as they are, where they can be looked for."""
        return iter(())

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
        self._forget()

    def _forget(self) -> None:
        """Look again at the next call which collections are there, and begin purges anew."""
        self._loaded.clear()
        self._purges.clear()

    def _field(self, text: str) -> str:
        """What is stored of a passage: its hashed terms, as many as there is room for."""
        terms, filler = analyzer(self._language).analyze(evened(indexable(text))), evener(self._language)
        most = (_MAX_FIELD_BYTES + 1) // (2 * _BYTES_OF_HASH + 1)
        if len(terms) > most:
            own = [term for term in terms if term != filler]
            terms = [*own[: most - (len(terms) - len(own))], *[filler] * (len(terms) - len(own))]
        return " ".join(map(self._hashed, terms))

    def _hashed(self, term: str) -> str:
        return hmac.digest(self._key, term.encode(), hashlib.sha256)[:_BYTES_OF_HASH].hex()

    def _name(self, collection: CollectionId) -> str:
        digest = hashlib.sha256("\0".join(collection).encode()).hexdigest()[:32]
        return f"{self._prefix}_{digest}"

    def _read(self, name: str, condition: str, *, limit: int) -> list[str]:
        rows = self._connection.call(
            lambda client: client.query(
                name,
                filter=condition,
                output_fields=["chunk"],
                limit=limit,
                consistency_level="Strong",
                timeout=self._timeout_s,
            )
        )
        return [row["chunk"] for row in rows]

    def _found(self, collection: CollectionId) -> str | None:
        """The name of a collection's index, loaded; None if nothing was ever written."""
        name = self._name(collection)
        if name not in self._loaded:
            there = self._connection.call(lambda client: bool(client.has_collection(name, timeout=self._timeout_s)))
            if not there:
                return None
            self._connection.call(lambda client: client.load_collection(name, timeout=self._timeout_s))
            self._loaded.add(name)
        return name

    def _made(self, collection: CollectionId) -> str:
        if (name := self._found(collection)) is None:
            name = self._name(collection)
            self._connection.call(lambda client: _make(client, name, timeout_s=self._timeout_s))
            self._loaded.add(name)
        return name


def _make(client: "MilvusClient", name: str, *, timeout_s: float) -> None:
    from pymilvus import DataType, Function, FunctionType, MilvusClient, MilvusException

    schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("chunk", DataType.VARCHAR, is_primary=True, max_length=64)
    schema.add_field("acl", DataType.INT64)
    schema.add_field(
        "terms",
        DataType.VARCHAR,
        max_length=_MAX_FIELD_BYTES,
        enable_analyzer=True,
        analyzer_params={"tokenizer": "standard"},
    )
    schema.add_field("sparse", DataType.SPARSE_FLOAT_VECTOR)
    schema.add_function(Function("bm25", FunctionType.BM25, input_field_names=["terms"], output_field_names=["sparse"]))
    index = MilvusClient.prepare_index_params()
    index.add_index(
        "sparse",
        index_type="SPARSE_INVERTED_INDEX",
        metric_type="BM25",
        params={"inverted_index_algo": "DAAT_MAXSCORE", "bm25_k1": _K1, "bm25_b": _B},
    )
    try:
        client.create_collection(
            name, schema=schema, index_params=index, num_shards=1, consistency_level="Bounded", timeout=timeout_s
        )
    except MilvusException as error:
        if "exist" not in str(error).lower():  # another process may have made it meanwhile
            raise
    client.load_collection(name, timeout=timeout_s)


def _batches(chunks: Sequence[ChunkId], size: int) -> Iterator[list[str]]:
    for start in range(0, len(chunks), size):
        yield [chunk.id for chunk in chunks[start : start + size]]
