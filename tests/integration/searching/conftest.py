"""A collection that is written by the indexer and asked through the cache, with fake indexes on a real database."""

import threading
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from assay_adapters.byte_scanner import Fingerprints
from assay_adapters.lexical_indexes import ByLanguage
from assay_core.collection_settings import Chunking, CollectionSettings
from assay_core.documents import DocumentId
from assay_core.index_profiles import IndexProfile
from assay_core.principals import Principal
from assay_core.search import CacheExplanation, SearchRequest, SearchResult
from assay_ingestion.access_changes import AccessChanges
from assay_ingestion.deletions import Deletions
from assay_ingestion.drain import BatchLimits, Drain
from assay_ingestion.generations import Generations
from assay_ingestion.index import Indexer
from assay_ingestion.index_kinds import DenseIndexes
from assay_ingestion.leases import LeaseKeeper
from assay_ingestion.lexical_kinds import LexicalIndexes
from assay_ingestion.percolation import Percolator
from assay_ingestion.pipeline import Ingestion
from assay_ingestion.prepare import Preparer
from assay_ingestion.reconcile import Reconciler
from assay_ingestion.rows import RowLoader
from assay_retrieval.retriever import Depths, HybridRetriever, Indexes
from assay_retrieval.semantic_cache import CachedRetriever
from assay_retrieval.spelling import Speller
from assay_store import access, document_access
from assay_store.database import Database
from assay_store.document_access import AccessRules
from assay_testing.fake_blobs import FakeBlobStore
from assay_testing.fake_cache import FakeSemanticCache
from assay_testing.fake_embedder import FakeEmbedder
from assay_testing.fake_indexes import FakeLexicalIndex, FakeVectorIndex
from assay_testing.fake_parser import FakeParser
from assay_testing.library import Library

NO_WORD = "krzzts"  # all others are spelt right, whether a document says them or not


class Dense(FakeVectorIndex):
    """`unindexed` while it has rows without an index."""

    unindexed = False

    def ping(self, timeout_s: float) -> None: ...

    def seal(self) -> None: ...

    def indexed(self) -> bool:
        return not self.unindexed

    def close(self) -> None: ...


@dataclass
class House:
    """`candidates` passages are looked at for each question. What was uploaded waits for `settle`."""

    database: Database
    blobs: FakeBlobStore = field(default_factory=FakeBlobStore)
    kinds: dict[str, Dense] = field(default_factory=lambda: defaultdict(Dense))
    languages: dict[str, FakeLexicalIndex] = field(default_factory=lambda: defaultdict(FakeLexicalIndex))
    cache: FakeSemanticCache = field(default_factory=FakeSemanticCache)
    candidates: int = 3

    def __post_init__(self) -> None:
        settings = CollectionSettings(Chunking(budget_tokens=40, overlap_tokens=8))
        self.library = Library(self.database, self.blobs, settings=settings)
        vault, stop = self.library.vault, threading.Event()
        self.bob = Principal(self.library.librarian.tenant, "bob", "Bob", frozenset({"reader"}))
        with self.database.transaction() as connection:
            access.ensure_principal(connection, self.bob)
        embedder = FakeEmbedder()
        self.drain = Drain(
            database=self.database,
            ingestion=Ingestion(
                database=self.database,
                blobs=self.blobs,
                vault=vault,
                prepare=Preparer(vault=vault, blobs=self.blobs, parser=FakeParser(), embedder=embedder),
                embedder=embedder,
                keeper=LeaseKeeper(self.database, lease_s=30),
                stop=stop,
            ),
            owner="w",
            lease_s=30,
            stop=stop,
            limits=BatchLimits(),
            lanes=1,
        )
        self.dense = DenseIndexes(self.database, self.kinds.__getitem__)
        self.lexical = self.languages["en"]
        written = LexicalIndexes(self.database, self.languages.__getitem__)
        loader = RowLoader(vault=vault, blobs=self.blobs, dimension=64)
        self.percolator = Percolator(database=self.database, lexical=written, cache=self.cache)
        self.indexer = Indexer(
            database=self.database,
            vault=vault,
            loader=loader,
            dense=self.dense,
            lexical=written,
            percolator=self.percolator,
            pass_chunks=4000,
        )
        self.deletions = Deletions(
            database=self.database,
            dense=self.dense,
            lexical=written,
            blobs=self.blobs,
            cache=self.cache,
            mark=Fingerprints(vault.mac_key("erasures")).of,
        )
        self.access_changes = AccessChanges(
            database=self.database, loader=loader, dense=self.dense, lexical=written, percolator=self.percolator
        )
        self.reconciler = Reconciler(
            database=self.database, loader=loader, dense=self.dense, lexical=written, every_s=3600
        )
        self.generations = Generations(
            database=self.database, loader=loader, of_kind=self.dense.of_kind, of_language=self.languages.__getitem__
        )
        read = ByLanguage(cast(Any, self.languages.__getitem__))
        self.plain = HybridRetriever(
            database=self.database,
            vault=vault,
            embedder=lambda: embedder,
            indexes=Indexes(dense=lambda kind: self.kinds[IndexProfile.parse(kind).vectors], lexical=read),
            terms=lambda _, text: text.casefold().split(),
            depths=Depths(candidates=self.candidates),
            speller=Speller(
                vocabulary=self.lexical, is_word=lambda word: word != NO_WORD, database=self.database, vault=vault
            ),
        )
        self.cached = CachedRetriever(self.plain, cache=lambda: self.cache, database=self.database, recipe="test")

    def put(self, name: str, text: str) -> DocumentId:
        """Upload a version; it is live after `settle`."""
        return self.library.upload(name, text).document

    def allow(self, document: DocumentId, names: Sequence[str]) -> None:
        with self.database.transaction() as connection:
            rules = AccessRules(tuple(names))
            document_access.change_access(connection, self.library.librarian, document, rules)

    def settle(self) -> None:
        """Let the worker and the indexer do what is due."""
        self.drain.run()
        while self.deletions.run() + self.access_changes.run() + self.indexer.index_pending():
            pass
        self.generations.work()
        while self.generations.idle_s < 1:
            self.generations.work()

    def request(self, question: str, **options: Any) -> SearchRequest:
        return SearchRequest(self.library.collection, question, top_k=1, **options)

    async def ask(self, question: str, *, who: Principal | None = None, **options: Any) -> SearchResult:
        return await self.cached.search(who or self.library.librarian, self.request(question, **options))

    async def explain(self, question: str) -> CacheExplanation:
        return await self.cached.explain(self.library.librarian, self.request(question))


@pytest.fixture
def house(database: Database) -> House:
    return House(database)
