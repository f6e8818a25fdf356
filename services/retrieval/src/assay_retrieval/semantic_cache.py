"""The semantic cache around search and answers, in its simplest safe form.

A result is served again only within the same collection epoch, permission set and recipe, for a question that means
the same, and only if every document version that it rests on is still live and readable. The cache may always be
passed by: if it is down, the search is simply made.
"""

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256

import structlog
from assay_core.answers import Answer
from assay_core.documents import CollectionId
from assay_core.errors import AssayError, Unavailable
from assay_core.ports import SemanticCache, Vector
from assay_core.principals import Principal
from assay_core.search import CacheEntry, CacheScope, Degradation, EvidenceVersion, Hit, SearchRequest, SearchResult
from assay_runtime.metrics import DEGRADED, step
from assay_runtime.threads import Workers
from assay_store import visibility
from assay_store.database import Database
from assay_wire import internal

from assay_retrieval.query import clean_query
from assay_retrieval.retriever import HybridRetriever, checked
from assay_retrieval.scope import SearchScope, load_scope
from assay_retrieval.whole_search import whole_search

log = structlog.get_logger()


class CachedRetriever:
    """A `Retriever` that answers from the cache when that is safe."""

    def __init__(
        self, inner: HybridRetriever, *, cache: Callable[[], SemanticCache], database: Database, recipe: str
    ) -> None:
        self._inner = inner
        self._cache = cache
        self._database = database
        self._recipe = recipe
        self._workers = Workers(4)

    async def search(self, principal: Principal, request: SearchRequest) -> SearchResult:
        if not request.use_cache or request.narrowed:
            return await self._inner.search(principal, request)
        asked = checked(request)
        return await whole_search(asked, lambda: self._search(principal, asked))

    async def _search(self, principal: Principal, request: SearchRequest) -> SearchResult:
        prepared = await self._inner.prepare(principal, request)
        vector, timings = prepared.vector, prepared.timings_ms
        if vector is None or isinstance(vector, Unavailable) or prepared.corrections:
            return await self._inner.search_prepared(prepared, request)
        options = f"{request.mode}:{request.top_k}:{request.rerank}:{request.one_per_document}:{request.synonyms}"
        options += f":{request.recency}:{request.diversity}:{request.spelling}:{request.rewriting}"
        cache_scope = _cache_scope(prepared.scope, f"search:{self._recipe}:{options}")
        try:
            with step("cache", timings):
                entry = await self._lookup(cache_scope, prepared.scope, request.query, vector)
        except Unavailable as error:
            return _without_cache(await self._inner.search_prepared(prepared, request), error)
        if entry is not None:
            found = internal.search_result.validate_json(entry.payload)
            return replace(found, timings_ms=timings, cache="hit")
        result = await self._inner.search_prepared(prepared, request)
        if result.hits and not result.degraded:
            await self._store(
                cache_scope,
                CacheEntry(request.query, internal.search_result.dump_json(result), evidence_of(result.hits)),
                vector,
            )
        return replace(result, cache="miss")

    async def lookup_answer(self, principal: Principal, lookup: internal.CacheLookup) -> internal.CacheReply:
        """A finished answer to the same question, if it may be served again."""
        collection = CollectionId(principal.tenant, lookup.collection_id)
        scope = await self._workers.run(lambda: load_scope(self._database, principal, collection))
        question = clean_query(lookup.question)
        vector = await self._inner.embed_query(question)
        try:
            entry = await self._lookup(_cache_scope(scope, f"answer:{lookup.recipe}"), scope, question, vector)
        except Unavailable:
            DEGRADED.labels("cache").inc()
            entry = None
        return internal.CacheReply(scope.collection.epoch, entry.payload.decode() if entry is not None else None)

    async def store_answer(self, principal: Principal, entry: internal.CacheStore) -> None:
        """Keep an answer that was made at `entry.epoch`, unless the collection has changed since."""
        collection = CollectionId(principal.tenant, entry.collection_id)
        scope = await self._workers.run(lambda: load_scope(self._database, principal, collection))
        if scope.collection.epoch != entry.epoch:
            return
        answer = internal.answer.validate_json(entry.answer)
        question = clean_query(entry.question)
        vector = await self._inner.embed_query(question)
        await self._store(
            _cache_scope(scope, f"answer:{entry.recipe}"),
            CacheEntry(question, entry.answer.encode(), _evidence_of_answer(answer)),
            vector,
        )

    async def _lookup(
        self, cache_scope: CacheScope, scope: SearchScope, question: str, vector: Vector
    ) -> CacheEntry | None:
        def look() -> CacheEntry | None:
            entry = self._cache().lookup(cache_scope, question, vector)
            if entry is None:
                return None
            with self._database.transaction() as connection:
                live = visibility.all_live(connection, scope.collection.id.tenant, scope.index.acls, entry.evidence)
            return entry if live else None

        return await self._workers.run(look)

    async def _store(self, scope: CacheScope, entry: CacheEntry, vector: Vector) -> None:
        try:
            await self._workers.run(lambda: self._cache().store(scope, entry, vector))
        except AssayError as error:
            DEGRADED.labels("cache").inc()
            log.warning("cache.store_failed", code=error.code, detail=error.message)


def evidence_of(hits: tuple[Hit, ...]) -> tuple[EvidenceVersion, ...]:
    """The document versions that hits come from, each once."""
    return tuple(dict.fromkeys(EvidenceVersion(hit.document, hit.version) for hit in hits))


def _evidence_of_answer(answer: Answer) -> tuple[EvidenceVersion, ...]:
    cited = [EvidenceVersion(c.document, c.version) for c in answer.citations]
    return tuple(dict.fromkeys([*cited, *evidence_of(answer.sources)]))


def _cache_scope(scope: SearchScope, recipe: str) -> CacheScope:
    settings = scope.collection.settings
    synonyms = sha256(repr(settings.synonyms).encode()).hexdigest()[:16]
    recipe = f"{recipe}:{synonyms}:{settings.searching.recipe}"
    return CacheScope(scope.collection.id, scope.collection.epoch, scope.permissions, recipe)


def _without_cache(result: SearchResult, error: Unavailable) -> SearchResult:
    DEGRADED.labels("cache").inc()
    missing = Degradation("cache", "passed_by", error.message)
    return replace(result, cache="off", degraded=(*result.degraded, missing))
