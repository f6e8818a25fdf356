"""The semantic cache around search and answers.

A result is served again only within the same permission set and recipe, for a question that means the same, if every
document version that it rests on is still live and readable, and if all that arrived since was run against it (the
indexer does so: see `assay_ingestion.percolation`). The cache may always be passed by: if it is down, the search is
simply made.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from typing import Literal

import structlog
from assay_core.answers import Answer
from assay_core.documents import CollectionId
from assay_core.errors import AssayError, NotFound, Unavailable
from assay_core.ports import SemanticCache, Vector
from assay_core.principals import Principal
from assay_core.search import (
    CacheEntry,
    CacheExplanation,
    CacheScope,
    CacheUse,
    CacheView,
    Degradation,
    EvidenceVersion,
    Hit,
    SearchRequest,
    SearchResult,
)
from assay_core.synonyms import expanded, expansions
from assay_runtime.metrics import DEGRADED, step
from assay_runtime.threads import Workers
from assay_store import visibility
from assay_store.database import Database
from assay_wire import internal
from prometheus_client import Counter

from assay_retrieval.cache_explaining import explanation_of, served_by, switched_off
from assay_retrieval.query import clean_query
from assay_retrieval.retriever import HybridRetriever, checked
from assay_retrieval.scope import SearchScope, load_scope
from assay_retrieval.whole_search import whole_search

log = structlog.get_logger()
ASKED = Counter("assay_semantic_cache_total", "Look-ups in the semantic cache.", ["kind", "outcome"])
STORED = Counter("assay_semantic_cache_stores_total", "Entries offered to the semantic cache.", ["kind", "outcome"])
Kind = Literal["search", "answer"]
_NOT_KEPT = "No result is kept for this question; search without `cache: only`."


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
        if request.cache is CacheUse.BYPASS or (request.narrowed and request.cache is not CacheUse.ONLY):
            return await self._inner.search(principal, request)
        asked = checked(request)
        return await whole_search(asked, lambda: self._search(principal, asked))

    async def _search(self, principal: Principal, request: SearchRequest) -> SearchResult:
        prepared = await self._inner.prepare(principal, request)
        vector, timings = prepared.vector, prepared.timings_ms
        if vector is None or isinstance(vector, Unavailable) or prepared.spelling.corrections or request.narrowed:
            if request.cache is CacheUse.ONLY:
                raise NotFound(_NOT_KEPT, code="not_cached")
            return await self._inner.search_prepared(prepared, request)
        scope = prepared.scope
        cache_scope = _cache_scope(scope, "search", self._recipe_of(request))
        try:
            with step("cache", timings):
                entry = await self._lookup("search", cache_scope, scope, request.query, vector)
        except Unavailable as error:
            if request.cache is CacheUse.ONLY:
                raise
            return _without_cache(await self._inner.search_prepared(prepared, request), error)
        if entry is not None and request.cache is not CacheUse.REFRESH:
            found = internal.search_result.validate_json(entry.payload)
            return replace(found, timings_ms=timings, cache="hit")
        if request.cache is CacheUse.ONLY:
            raise NotFound(_NOT_KEPT, code="not_cached")
        result = await self._inner.search_prepared(prepared, request)
        if result.hits and not result.degraded and not result.rights_changed:
            kept = CacheEntry(
                request.query,
                internal.search_result.dump_json(result),
                evidence_of(result.hits),
                made_at=scope.collection.sequence,
                acls=scope.index.acls,
                floors=result.floors,
                terms=expanded(request.query, result.expansions),
            )
            await self._store("search", cache_scope, kept, vector)
        return replace(result, cache="miss")

    async def lookup_answer(self, principal: Principal, lookup: internal.CacheLookup) -> internal.CacheReply:
        """A finished answer to the same question, if it may be served again."""
        collection = CollectionId(principal.tenant, lookup.collection_id)
        scope = await self._workers.run(lambda: load_scope(self._database, principal, collection))
        question = clean_query(lookup.question)
        vector = await self._inner.embed_query(question)
        try:
            entry = await self._lookup("answer", _cache_scope(scope, "answer", lookup.recipe), scope, question, vector)
        except Unavailable:
            DEGRADED.labels("cache").inc()
            entry = None
        return internal.CacheReply(_moment(scope), entry.payload.decode() if entry is not None else None)

    async def store_answer(self, principal: Principal, entry: internal.CacheStore) -> None:
        """Keep an answer whose search began at `entry.moment`, unless settings or permissions have changed since."""
        collection = CollectionId(principal.tenant, entry.collection_id)
        scope = await self._workers.run(lambda: load_scope(self._database, principal, collection))
        sequence, _, circumstances = entry.moment.partition(":")
        if circumstances != _circumstances(scope):
            STORED.labels("answer", "overtaken").inc()
            return
        answer = internal.answer.validate_json(entry.answer)
        question = clean_query(entry.question)
        vector = await self._inner.embed_query(question)
        kept = CacheEntry(
            question,
            entry.answer.encode(),
            _evidence_of_answer(answer),
            made_at=int(sequence),
            acls=scope.index.acls,
            floors=entry.floors,
            terms=expanded(question, expansions(scope.collection.settings.synonyms, question)),
        )
        await self._store("answer", _cache_scope(scope, "answer", entry.recipe), kept, vector)

    async def explain(self, principal: Principal, request: SearchRequest) -> CacheExplanation:
        """Why this search would be answered from the cache, or not. Neither asks the indexes nor keeps anything.

        Raises:
            Unavailable: the cache does not answer.
        """
        asked = checked(request)
        prepared = await self._inner.prepare(principal, asked)
        scope, vector, question = prepared.scope, prepared.vector, asked.query
        if isinstance(vector, Unavailable):
            raise vector
        if asked.cache is CacheUse.BYPASS or asked.narrowed or vector is None:
            return switched_off(asked, sequence=scope.collection.sequence)

        def look() -> tuple[CacheView, bool | None]:
            view = self._cache().view(_cache_scope(scope, "search", self._recipe_of(request)), question, vector)
            chosen = served_by(view, sequence=scope.collection.sequence)
            return view, self._is_live(scope, chosen) if chosen else None

        view, live = await self._workers.run(look)
        return explanation_of(view, sequence=scope.collection.sequence, live=live)

    def _recipe_of(self, request: SearchRequest) -> str:
        options = [request.mode, request.top_k, request.rerank, request.one_per_document]
        options += [request.synonyms, request.spelling, request.rewriting, request.recency, request.diversity]
        options += [request.expand]
        return ":".join([self._recipe, *map(str, options)])

    async def _lookup(
        self, kind: Kind, cache_scope: CacheScope, scope: SearchScope, question: str, vector: Vector
    ) -> CacheEntry | None:
        def look() -> CacheEntry | None:
            entry = self._cache().lookup(cache_scope, question, vector, sequence=scope.collection.sequence)
            outcome = "miss" if entry is None else "hit" if self._is_live(scope, entry) else "evidence_gone"
            ASKED.labels(kind, outcome).inc()
            return entry if outcome == "hit" else None

        return await self._workers.run(look)

    def _is_live(self, scope: SearchScope, entry: CacheEntry) -> bool:
        with self._database.transaction() as connection:
            return visibility.all_live(connection, scope.collection.id.tenant, scope.index.acls, entry.evidence)

    async def _store(self, kind: Kind, scope: CacheScope, entry: CacheEntry, vector: Vector) -> None:
        try:
            kept = await self._workers.run(lambda: self._cache().store(scope, entry, vector))
        except AssayError as error:
            DEGRADED.labels("cache").inc()
            log.warning("cache.store_failed", code=error.code, detail=error.message)
            return
        STORED.labels(kind, "kept" if kept else "overtaken").inc()


def evidence_of(hits: tuple[Hit, ...]) -> tuple[EvidenceVersion, ...]:
    """The document versions that hits come from, each once."""
    return tuple(dict.fromkeys(EvidenceVersion(hit.document, hit.version) for hit in hits))


def _evidence_of_answer(answer: Answer) -> tuple[EvidenceVersion, ...]:
    cited = [EvidenceVersion(c.document, c.version) for c in answer.citations]
    return tuple(dict.fromkeys([*cited, *evidence_of(answer.sources)]))


def _cache_scope(scope: SearchScope, kind: Kind, recipe: str) -> CacheScope:
    return CacheScope(scope.collection.id, scope.permissions, f"{kind}:{recipe}:{_settings(scope)}")


def _settings(scope: SearchScope) -> str:
    """Any change of the collection's settings makes another scope: they shape what is found and said."""
    own = json.dumps([scope.collection.index_kind, scope.collection.settings.as_json()], sort_keys=True)
    return sha256(own.encode()).hexdigest()[:16]


def _moment(scope: SearchScope) -> str:
    return f"{scope.collection.sequence}:{_circumstances(scope)}"


def _circumstances(scope: SearchScope) -> str:
    return sha256(f"{scope.permissions}:{_settings(scope)}".encode()).hexdigest()[:16]


def _without_cache(result: SearchResult, error: Unavailable) -> SearchResult:
    DEGRADED.labels("cache").inc()
    missing = Degradation("cache", "passed_by", error.message)
    return replace(result, cache="off", degraded=(*result.degraded, missing))
