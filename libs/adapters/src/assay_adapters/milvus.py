"""The `VectorIndex` port on Milvus, from 2.3 on.

One Milvus collection per profile (embedder, dimension, index kind with what it is built with) is shared by all tenants:
the tenant is its partition key, and every expression names tenant and collection. It holds ids, numbers and vectors,
never text.
"""

import hashlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from assay_core.crash_points import reach
from assay_core.documents import ChunkId, CollectionId
from assay_core.errors import Invalid, Unavailable
from assay_core.index_profiles import IndexProfile, bytes_of_code
from assay_core.ports import Vector, Vectors
from assay_core.search import IndexCounts, IndexHit, IndexRow, IndexScope

from assay_adapters.milvus_connection import MilvusConnection
from assay_adapters.milvus_expressions import chosen_ids, quote, quoted
from assay_adapters.milvus_purge import MilvusPurge, indexed

if TYPE_CHECKING:
    from pymilvus import MilvusClient

Result = TypeVar("Result")

_PARTITIONS = 16
_WRITE_BATCH = 2000
_READ_BATCH = 4000
_VECTOR_BATCH = 1000


def _build_parameters(profile: IndexProfile, dimension: int) -> dict[str, int]:
    match profile.kind:
        case "hnsw":
            return {"M": profile["m"], "efConstruction": profile["ef_construction"]}
        case "ivf_pq":
            return {"nlist": profile["nlist"], "m": bytes_of_code(dimension, profile["per_byte"]), "nbits": 8}
        case "ivf_sq8":
            return {"nlist": profile["nlist"]}
        case "flat":
            return {}


def _search_parameters(profile: IndexProfile, scope: IndexScope, top_k: int) -> dict[str, int]:
    match profile.kind:
        case "hnsw":
            return {"ef": max(profile["ef"], top_k)}
        case "ivf_pq" | "ivf_sq8":
            # Where few rows may be found, the likeliest lists need not hold one of them.
            narrow = scope.narrow or scope.chunks is not None
            return {"nprobe": profile["nlist" if narrow else "nprobe"]}
        case "flat":
            return {}


class MilvusIndex:
    """Vectors of one profile in Milvus.

    Args:
        token: `user:password`, empty for a server without authorization.
        model_id: the vector space; another one gets another Milvus collection.
        profile: how vectors are indexed; HNSW if not given.
        timeout_s: bound on every call but `search`, which has its own.
        prefix: how the name of the Milvus collection begins; see `milvus_scratch`.
    """

    def __init__(
        self,
        *,
        uri: str,
        token: str,
        model_id: str,
        dimension: int,
        profile: IndexProfile | None = None,
        timeout_s: float = 10.0,
        prefix: str = "assay",
    ) -> None:
        self._connection = MilvusConnection(uri=uri, token=token, timeout_s=timeout_s, failed=self._forget)
        self._dimension = dimension
        self._profile = profile = profile or IndexProfile()
        self._timeout_s = timeout_s
        digest = hashlib.sha256(f"{model_id}:{dimension}:{profile.built}".encode()).hexdigest()[:12]
        self.name = f"{prefix}_{profile.kind}_{dimension}_{digest}"
        self._lock = threading.Lock()
        self._prepared = False
        self._purge: tuple[str, MilvusPurge] | None = None

    def prepare(self, *, timeout_s: float = 60.0) -> None:
        """Connect, and make and load the collection if it is not there. Called by the first use of the index."""
        with self._lock:
            if not self._prepared:
                self._connection.call(lambda client: self._prepare(client, timeout_s))
                self._prepared = True

    def ping(self, timeout_s: float) -> None:
        """A real query, for readiness. Raises `Unavailable` if Milvus does not answer it."""
        self._call(
            lambda client: client.query(
                self.name, filter='tenant == "-"', output_fields=["chunk"], limit=1, timeout=timeout_s
            )
        )

    def upsert(self, rows: Sequence[IndexRow], vectors: Vectors) -> None:
        if len(rows) != len(vectors):
            raise Invalid(f"{len(rows)} rows came with {len(vectors)} vectors.", code="bad_vectors")
        if not rows:
            return
        matrix = np.asarray(vectors, dtype=np.float32)
        if matrix.shape != (len(rows), self._dimension):
            raise Invalid(f"The vectors have the shape {matrix.shape}, not (n, {self._dimension}).", code="bad_vectors")
        for start in range(0, len(rows), _WRITE_BATCH):
            self._replace(rows[start : start + _WRITE_BATCH], matrix[start : start + _WRITE_BATCH])

    def _replace(self, rows: Sequence[IndexRow], matrix: "np.ndarray[tuple[int, ...], np.dtype[np.float32]]") -> None:
        # Milvus 2.3's own upsert puts rows of a collection with a partition key into the wrong partition, where
        # no expression that names the key finds them. Deleting by primary key and inserting does the same, rightly.
        data = [
            {
                "chunk": row.chunk.id,
                "tenant": row.collection.tenant,
                "collection": row.collection.id,
                "acl": int(row.acl),
                "vector": vector,
            }
            for row, vector in zip(rows, matrix, strict=True)
        ]
        old = f"chunk in {quoted(row.chunk.id for row in rows)}"
        reach("dense.before_replace")
        self._call(lambda client: client.delete(self.name, filter=old, timeout=self._timeout_s))
        reach("dense.before_insert")
        self._call(lambda client: client.insert(self.name, data, timeout=self._timeout_s))
        reach("dense.after_insert")

    def delete(self, collection: CollectionId, chunks: Sequence[ChunkId]) -> None:
        for ids in _batches(chunks, _WRITE_BATCH):
            condition = f"{_within(collection)} and chunk in {quoted(ids)}"
            self._call(lambda client, f=condition: client.delete(self.name, filter=f, timeout=self._timeout_s))

    def count(self, collection: CollectionId, chunks: Sequence[ChunkId]) -> IndexCounts:
        found: set[str] = set()
        for ids in _batches(chunks, _READ_BATCH):
            condition = f"{_within(collection)} and chunk in {quoted(ids)}"
            rows = self._call(
                lambda client, f=condition: client.query(
                    self.name,
                    filter=f,
                    output_fields=["chunk"],
                    consistency_level="Strong",
                    timeout=self._timeout_s,
                )
            )
            found.update(row["chunk"] for row in rows)
        missing = tuple(chunk for chunk in chunks if chunk.id not in found)
        return IndexCounts(asked=len(chunks), found=len(chunks) - len(missing), missing=missing)

    def search(self, scope: IndexScope, vector: Vector, *, top_k: int, timeout_s: float) -> list[IndexHit]:
        chosen = chosen_ids(scope)
        if not scope.acls or chosen == []:
            return []
        query = np.asarray(list(vector) if not isinstance(vector, np.ndarray) else vector, dtype=np.float32)
        acls = ",".join(str(int(acl)) for acl in sorted(scope.acls))
        within = f"{_within(scope.collection)} and acl in [{acls}]"
        if chosen is not None:
            within += f" and chunk in {quoted(chosen)}"
        (hits,) = self._call(
            lambda client: client.search(
                self.name,
                data=[query],
                filter=within,
                limit=top_k,
                search_params={"metric_type": "IP", "params": _search_parameters(self._profile, scope, top_k)},
                anns_field="vector",
                consistency_level="Bounded",
                timeout=timeout_s,
            )
        )
        return [IndexHit(ChunkId(scope.tenant, hit["id"]), float(hit["distance"])) for hit in hits]

    def drop(self, collection: CollectionId) -> None:
        self._call(lambda client: client.delete(self.name, filter=_within(collection), timeout=self._timeout_s))

    def chunk_ids(self, collection: CollectionId) -> Iterator[ChunkId]:
        """Every chunk id of a collection by a strongly consistent read, in the order of ids; for the reconciler."""
        last = ""
        while True:
            condition = f'{_within(collection)} and chunk > "{last}"'
            rows = self._call(
                lambda client, f=condition: client.query(
                    self.name,
                    filter=f,
                    output_fields=["chunk"],
                    limit=_READ_BATCH,
                    consistency_level="Strong",
                    timeout=self._timeout_s,
                )
            )
            ids = sorted(row["chunk"] for row in rows)
            yield from (ChunkId(collection.tenant, one) for one in ids)
            if len(ids) < _READ_BATCH:
                return
            last = ids[-1]

    def seal(self) -> None:
        """Close growing segments, so that they get their index; call it when no more writes are expected soon."""
        reach("dense.before_seal")
        self._call(lambda client: client.flush(self.name, timeout=60))
        reach("dense.after_seal")

    def stored(self, collection: CollectionId, chunks: Sequence[ChunkId]) -> dict[ChunkId, bytes]:
        """The float32 vectors that are stored for these chunks, as bytes, by a strongly consistent read."""
        found: dict[ChunkId, bytes] = {}
        for ids in _batches(chunks, _VECTOR_BATCH):
            condition = f"{_within(collection)} and chunk in {quoted(ids)}"
            rows = self._call(
                lambda client, f=condition: client.query(
                    self.name,
                    filter=f,
                    output_fields=["chunk", "vector"],
                    consistency_level="Strong",
                    timeout=self._timeout_s,
                )
            )
            for row in rows:
                vector = np.asarray(row["vector"], dtype=np.float32)
                found[ChunkId(collection.tenant, row["chunk"])] = vector.tobytes()
        return found

    def begin_purge(self) -> str:
        """Have the files rewritten without the rows that were deleted. Returns what `purged` is to be asked.

        This rewrites the rows of all tenants: let one purge serve many deletions.
        """
        self.seal()
        self._purge = (
            f"{self.name}:{time.monotonic_ns()}",
            MilvusPurge(self._connection, collection=self.name, field="vector"),
        )
        return self._purge[0]

    def purged(self, purge: str) -> bool:
        """Whether the rewriting has ended; ask until it has. Raises `Unavailable` if another one began since."""
        if self._purge is None or self._purge[0] != purge:
            raise Unavailable("This purge is not known any more; begin another.", code="milvus_unavailable")
        return self._purge[1].ended()

    def indexed(self) -> bool:
        """Whether every segment has its index; until then Milvus looks through the rows one by one."""
        return indexed(self._connection, collection=self.name, field="vector")

    def load_again(self) -> None:
        """Have searches use indexes that were just built; else Milvus looks through the rows for some seconds more.
        Nothing is found meanwhile: for collections that nobody else searches."""
        self._call(lambda client: client.release_collection(self.name, timeout=self._timeout_s))
        self._call(lambda client: client.load_collection(self.name, timeout=self._timeout_s))

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
        self._forget()

    def _forget(self) -> None:
        """Look again at the next call whether the collection is there and loaded."""
        self._prepared = False

    def _prepare(self, client: "MilvusClient", timeout_s: float) -> None:
        from pymilvus import DataType, MilvusClient, MilvusException

        names: list[str] = list(client.list_collections(timeout=self._timeout_s))  # pyright: ignore[reportArgumentType]
        if self.name not in names:
            schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False, num_partitions=_PARTITIONS)
            schema.add_field("chunk", DataType.VARCHAR, is_primary=True, max_length=64)
            schema.add_field("tenant", DataType.VARCHAR, max_length=64, is_partition_key=True)
            schema.add_field("collection", DataType.VARCHAR, max_length=64)
            schema.add_field("acl", DataType.INT64)
            schema.add_field("vector", DataType.FLOAT_VECTOR, dim=self._dimension)
            index = MilvusClient.prepare_index_params()
            build = _build_parameters(self._profile, self._dimension)
            index.add_index("vector", index_type=self._profile.kind.upper(), metric_type="IP", params=build)
            try:
                client.create_collection(
                    self.name,
                    schema=schema,
                    index_params=index,
                    num_partitions=_PARTITIONS,
                    num_shards=1,
                    consistency_level="Bounded",
                    timeout=timeout_s,
                )
            except MilvusException as error:
                # Another process may have made it meanwhile.
                if "exist" not in str(error).lower():
                    raise
        client.load_collection(self.name, timeout=timeout_s)

    def _call(self, work: "Callable[[MilvusClient], Result]") -> Result:
        self.prepare()
        return self._connection.call(work)


def _within(collection: CollectionId) -> str:
    return f"tenant == {quote(collection.tenant)} and collection == {quote(collection.id)}"


def _batches(chunks: Sequence[ChunkId], size: int) -> Iterator[list[str]]:
    for start in range(0, len(chunks), size):
        yield [chunk.id for chunk in chunks[start : start + size]]
