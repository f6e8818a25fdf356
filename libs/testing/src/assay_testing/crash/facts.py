"""Reading all stores of one collection, for the oracle."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from assay_adapters.milvus import MilvusIndex
from assay_adapters.redis_cache import RedisSemanticCache
from assay_adapters.tantivy_index import TantivyIndex
from assay_core.documents import AclId, CollectionId, DocumentId
from assay_core.errors import Broken, NotFound
from assay_core.jobs import JobKind, Lease
from assay_core.ports import BlobStore
from assay_core.search import IndexScope
from assay_ingestion import vectors
from assay_ingestion.prepare import Preparer
from assay_store import pipeline
from assay_store.database import Database
from assay_store.encryption import Vault
from sqlalchemy import Connection, text

from assay_testing.crash.ledger import IN_EACH_PASSAGE, Ledger
from assay_testing.crash.oracle import DenseRow, DocumentFact, Facts, JobFact, VersionFact
from assay_testing.fake_embedder import FakeEmbedder

if TYPE_CHECKING:
    from pymilvus import MilvusClient

_MOST_ROWS = 16_384
_TIMEOUT_S = 20.0


class Stores:
    """Everything of one collection. What the chunker gives is computed once a version."""

    def __init__(
        self,
        *,
        database: Database,
        blobs: BlobStore,
        dense: MilvusIndex,
        milvus: "MilvusClient",
        lexical_path: Path,
        cache: RedisSemanticCache,
        vault: Vault,
        prepare: Preparer,
        collection: CollectionId,
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._dense = dense
        self._milvus = milvus
        self._lexical_path = lexical_path
        self._cache = cache
        self._vault = vault
        self._prepare = prepare
        self._collection = collection
        self._expected: dict[tuple[str, int], list[str]] = {}
        self._sound: set[str] = set()

    def facts(self, ledger: Ledger, *, seen: Iterable[tuple[str, int]], indexes: bool) -> Facts:
        """What is there now; without `indexes` SQL alone, which is quick."""
        written = ledger.documents()
        acknowledged = {(w.document, version): job for w in written for version, job in w.jobs.items()}
        deleted = frozenset(w.document for w in written if w.deleted_s is not None)
        with self._database.snapshot() as connection:
            sql = _SqlFacts(connection, self._collection)
        facts = Facts(
            tenant=self._collection.tenant,
            collection=self._collection.id,
            dimension=FakeEmbedder().dimension,
            acknowledged=acknowledged,
            deleted=deleted,
            documents=sql.documents,
            versions=sql.versions,
            jobs=sql.jobs,
            messages=sql.messages,
            tombstones=sql.tombstones,
            live_chunks=sql.live_chunks,
            seen=frozenset(seen),
            expired=frozenset((w.document, v) for w in written for v in w.jobs if v <= w.expired),
            denied=sql.denied,
            acknowledged_denied={w.document: w.denied for w in written},
        )
        return self._with_indexes(facts, ledger, sql) if indexes else facts

    def _with_indexes(self, facts: Facts, ledger: Ledger, sql: "_SqlFacts") -> Facts:
        dense, dense_count = self._dense_rows()
        lexical, lexical_count = self._lexical_rows()
        return replace(
            facts,
            expected_chunks=self._expected_chunks(sql.documents),
            dense=dense,
            dense_count=dense_count,
            lexical=lexical,
            lexical_count=lexical_count,
            lexical_acls=self._lexical_acls({found.acl for found in sql.documents.values()}),
            vector_rows=self._vector_rows({document for document, _ in facts.expired}),
            named_rows=sql.vector_rows,
            blobs=frozenset(self._blobs.keys("")),
            named_blobs=sql.named_blobs,
            damaged=self._damaged(ledger, sql),
            cached=[
                document
                for document, found in sql.documents.items()
                if found.erased and self._cache.evict_document(DocumentId(self._collection.tenant, document))
            ],
        )

    def _expected_chunks(self, documents: Mapping[str, DocumentFact]) -> dict[str, list[str]]:
        live = {d: found.live_version for d, found in documents.items() if found.live_version is not None}
        self._expect([at for at in live.items() if at not in self._expected])
        return {at[0]: self._expected[at] for at in live.items()}

    def _expect(self, versions: Sequence[tuple[str, int]]) -> None:
        """Divide versions as a worker does, without writing anything."""
        leases = [
            Lease(self._collection.tenant, f"{d}-{v}", JobKind.INGEST, DocumentId(self._collection.tenant, d), v, 0, 0)
            for d, v in versions
        ]
        with self._database.transaction() as connection:
            sources = pipeline.sources(connection, leases, vault=self._vault)
        for held in leases:
            if held.version is not None and held.job in sources:
                chunks = self._prepare(held, sources[held.job], frozenset()).chunks
                self._expected[held.document.id, held.version] = [chunk.id.id for chunk in chunks]

    def _damaged(self, ledger: Ledger, sql: "_SqlFacts") -> list[str]:
        """Documents with a blob that is not what was sent; each blob is read once."""
        damaged: list[str] = []
        for document, version, blob_key, key_wrapped in sql.blobs_of_versions:
            written = ledger.find(document)
            if written is None or version not in written.editions or blob_key in self._sound or not key_wrapped:
                continue
            key = self._vault.document_key(DocumentId(self._collection.tenant, document), key_wrapped)
            try:
                with self._blobs.open(blob_key) as sealed:
                    found = hashlib.sha256(b"".join(key.open_stream(sealed))).hexdigest()
            except (NotFound, Broken):
                found = ""
            if found == written.sha256(version):
                self._sound.add(blob_key)
            else:
                damaged.append(document)
        return damaged

    def _dense_rows(self) -> tuple[list[DenseRow], int]:
        within = f'tenant == "{self._collection.tenant}" and collection == "{self._collection.id}"'
        count = self._milvus.query(
            self._dense.name, filter=within, output_fields=["count(*)"], timeout=_TIMEOUT_S, consistency_level="Strong"
        )
        found = self._milvus.query(
            self._dense.name,
            filter=within,
            output_fields=["chunk", "tenant", "collection", "acl", "vector"],
            limit=_MOST_ROWS,
            timeout=_TIMEOUT_S,
            consistency_level="Strong",
        )
        assert len(found) < _MOST_ROWS, "more rows than Milvus gives at once"
        rows = [
            DenseRow(r["chunk"], r["tenant"], r["collection"], r["acl"], tuple(float(x) for x in r["vector"]))
            for r in found
        ]
        return rows, int(count[0]["count(*)"])

    def _lexical_acls(self, acls: Iterable[int]) -> dict[str, int]:
        """The access that passages have in BM25, of those that have a word of every edition."""
        index, found = TantivyIndex(self._lexical_path), dict[str, int]()
        for epoch, acl in enumerate(acls):
            scope = IndexScope(self._collection, frozenset({AclId(acl)}))
            hits = index.search(scope, IN_EACH_PASSAGE, top_k=_MOST_ROWS, epoch=epoch)
            found |= {hit.chunk.id: acl for hit in hits}
        return found

    def _vector_rows(self, documents: Iterable[str]) -> dict[str, int]:
        """How many vectors each file of documents holds."""
        folders = [vectors.folder(DocumentId(self._collection.tenant, document)) for document in documents]
        return {
            key: vectors.rows_in(self._blobs, key, FakeEmbedder().dimension)
            for folder in folders
            for key in self._blobs.keys(folder)
        }

    def _lexical_rows(self) -> tuple[list[str], int]:
        index = TantivyIndex(self._lexical_path)
        ids = [chunk.id for chunk in index.chunk_ids(self._collection)]
        return ids, index.rows(self._collection)


class _SqlFacts:
    """All that SQL says of a collection."""

    def __init__(self, connection: Connection, collection: CollectionId) -> None:
        self._connection = connection
        self._at = {"t": collection.tenant, "c": collection.id}
        self.documents = {
            r.id: DocumentFact(
                r.id,
                r.acl,
                r.live_version,
                r.latest_version,
                r.deleted_at is not None,
                r.erased_at is not None and r.key_wrapped is None,
            )
            for r in self._rows("""
                SELECT d.*, k.key_wrapped, s.erased_at FROM documents d
                LEFT JOIN document_keys k ON k.tenant = d.tenant AND k.document = d.id
                LEFT JOIN tombstones s ON s.tenant = d.tenant AND s.document = d.id
                WHERE d.tenant = :t AND d.collection = :c
            """)
        }
        self.versions = {
            (r.document, r.version): VersionFact(r.document, r.version, r.state, r.error_code)
            for r in self._rows(f"SELECT v.* FROM versions v {_OF_COLLECTION.format('v')}")
        }
        self.jobs = [
            JobFact(r.id, r.kind, r.document, r.version, r.state)
            for r in self._rows(f"SELECT j.* FROM jobs j {_OF_COLLECTION.format('j')}")
        ]
        self.messages = Counter(
            r.job
            for r in self._rows(
                f"SELECT o.job FROM outbox o JOIN jobs j ON j.tenant = o.tenant AND j.id = o.job"
                f" {_OF_COLLECTION.format('j')}"
            )
        )
        self.tombstones = frozenset(
            r.document for r in self._rows("SELECT document FROM tombstones WHERE tenant = :t AND collection = :c")
        )
        self.live_chunks: dict[str, list[str]] = {}
        for r in self._rows("""
            SELECT vc.document, vc.chunk FROM version_chunks vc JOIN documents d
              ON d.tenant = vc.tenant AND d.id = vc.document AND d.live_version = vc.version
            WHERE d.tenant = :t AND d.collection = :c AND d.deleted_at IS NULL ORDER BY vc.document, vc.ordinal
        """):
            self.live_chunks.setdefault(r.document, []).append(r.chunk)
        self.denied: dict[str, tuple[str, ...]] = {}
        for r in self._rows("""
            SELECT d.id, array_agg(a.principal ORDER BY a.principal) AS denied FROM documents d JOIN acl_rules a
              ON a.tenant = d.tenant AND a.acl = d.acl AND a.effect = 'deny'
            WHERE d.tenant = :t AND d.collection = :c GROUP BY d.id
        """):
            self.denied[r.id] = tuple(r.denied)
        self.vector_rows = {
            r.key: r.rows
            for r in self._rows(f"""
                SELECT k.vector_key AS key, count(*) AS rows FROM chunks k {_OF_COLLECTION.format("k")}
                GROUP BY k.vector_key
            """)
        }
        self.blobs_of_versions = [
            (r.document, r.version, r.blob_key, bytes(r.key_wrapped or b""))
            for r in self._rows("""
                SELECT v.document, v.version, v.blob_key, k.key_wrapped FROM versions v
                JOIN documents d ON d.tenant = v.tenant AND d.id = v.document
                LEFT JOIN document_keys k ON k.tenant = d.tenant AND k.document = d.id
                WHERE d.tenant = :t AND d.collection = :c AND d.deleted_at IS NULL
            """)
        ]
        self.named_blobs = frozenset(
            r.key
            for r in self._rows(f"""
                SELECT v.blob_key AS key FROM versions v {_OF_COLLECTION.format("v")}
                UNION SELECT k.vector_key FROM chunks k {_OF_COLLECTION.format("k")}
            """)
        )

    def _rows(self, statement: str):  # pyright: ignore[reportUnknownParameterType] (rows have the columns asked for)
        return self._connection.execute(text(statement), self._at)


_OF_COLLECTION = (
    "JOIN documents d ON d.tenant = {0}.tenant AND d.id = {0}.document WHERE d.tenant = :t AND d.collection = :c"
)
