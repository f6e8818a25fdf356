"""The semantic cache around search and answers.

A result is served again only within the same permission set and recipe, for a question that means the same, if every
document version that it rests on is still live and readable, and if all that arrived since was run against it (the
indexer does so: see `assay_ingestion.percolation`). The cache may always be passed by: if it is down, the search is
simply made.
"""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from math import inf
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
    """A `Retriever` that answers from the cache when that is safe.

    Args:
        recipe: what shapes results, beside a search's own options.
        admit_ms: a result that took less is kept only if the same was asked before.
    """

    def __init__(
        self,
        inner: HybridRetriever,
        *,
        cache: Callable[[], SemanticCache],
        database: Database,
        recipe: str,
        admit_ms: float = 0.0,
    ) -> None:
        self._inner = inner
        self._cache = cache
        self._database = database
        self._recipe = recipe
        self._admit_ms = admit_ms
        self._workers = Workers(4)

    async def search(self, principal: Principal, request: SearchRequest) -> SearchResult:
        if request.cache is CacheUse.BYPASS:
            return await self._inner.search(principal, request)
        asked = checked(request)
        return await whole_search(asked, lambda: self._search(principal, asked))

    async def _search(self, principal: Principal, request: SearchRequest) -> SearchResult:
        prepared = await self._inner.prepare(principal, request)
        vector, timings = prepared.vector, prepared.timings_ms
        if vector is None or isinstance(vector, Unavailable) or prepared.spelling.corrections:
            if request.cache is CacheUse.ONLY:
                raise NotFound(_NOT_KEPT, code="not_cached")
            return await self._inner.search_prepared(prepared, request)
        scope = prepared.scope
        cache_scope = _cache_scope(scope, "search", self._recipe_of(scope, request))
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
        began_s = time.perf_counter()
        result = await self._inner.search_prepared(prepared, request)
        cost_ms = inf if request.cache is CacheUse.REFRESH else (time.perf_counter() - began_s) * 1000
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
            await self._store("search", cache_scope, kept, vector, cost_ms=cost_ms)
        return replace(result, cache="miss")

    async def lookup_answer(self, principal: Principal, lookup: internal.CacheLookup) -> internal.CacheReply:
        """A finished answer to the same question, if it may be served again."""
        collection = CollectionId(principal.tenant, lookup.collection_id)
        scope = await self._workers.run(lambda: load_scope(self._database, principal, collection))
        question = clean_query(lookup.question)
        vector = await self._inner.embed_query(question)
        within = _answer_scope(scope, lookup)
        try:
            entry = await self._lookup("answer", within, scope, question, vector)
        except Unavailable:
            DEGRADED.labels("cache").inc()
            entry = None
        return internal.CacheReply(_moment(scope, lookup), entry.payload.decode() if entry is not None else None)

    async def store_answer(self, principal: Principal, entry: internal.CacheStore) -> None:
        """Keep an answer whose search began at `entry.moment`, unless settings or permissions have changed since."""
        collection = CollectionId(principal.tenant, entry.collection_id)
        scope = await self._workers.run(lambda: load_scope(self._database, principal, collection))
        sequence, _, circumstances = entry.moment.partition(":")
        if circumstances != _circumstances(scope, entry):
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
        await self._store("answer", _answer_scope(scope, entry), kept, vector)

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
        if asked.cache is CacheUse.BYPASS or vector is None:
            return switched_off(asked, sequence=scope.collection.sequence)

        def look() -> tuple[CacheView, bool | None]:
            within = _cache_scope(scope, "search", self._recipe_of(scope, asked))
            view = self._cache().view(within, question, vector)
            chosen = served_by(view, sequence=scope.collection.sequence)
            return view, self._is_live(scope, chosen) if chosen else None

        view, live = await self._workers.run(look)
        return explanation_of(view, sequence=scope.collection.sequence, live=live)

    def _recipe_of(self, scope: SearchScope, request: SearchRequest) -> str:
        options = [request.mode, request.top_k, request.rerank, request.one_per_document]
        options += [request.synonyms, request.spelling, request.rewriting, request.recency, request.diversity]
        options += [request.expand, request.narrowing]
        if _by_fields(scope, narrowed=bool(request.narrowing), by_date=request.recency):
            options += [scope.collection.filings]
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

    async def _store(
        self, kind: Kind, scope: CacheScope, entry: CacheEntry, vector: Vector, *, cost_ms: float = inf
    ) -> None:
        def store() -> str:
            cache = self._cache()
            if cost_ms < self._admit_ms and not cache.asked_before(scope, entry.question):
                return "not_admitted"
            return "kept" if cache.store(scope, entry, vector) else "overtaken"

        try:
            outcome = await self._workers.run(store)
        except AssayError as error:
            DEGRADED.labels("cache").inc()
            log.warning("cache.store_failed", code=error.code, detail=error.message)
            return
        STORED.labels(kind, outcome).inc()


def evidence_of(hits: tuple[Hit, ...]) -> tuple[EvidenceVersion, ...]:
    """The document versions that hits come from, each once."""
    return tuple(dict.fromkeys(EvidenceVersion(hit.document, hit.version) for hit in hits))


def _evidence_of_answer(answer: Answer) -> tuple[EvidenceVersion, ...]:
    cited = [EvidenceVersion(c.document, c.version) for c in answer.citations]
    return tuple(dict.fromkeys([*cited, *evidence_of(answer.sources)]))


def _by_fields(scope: SearchScope, *, narrowed: bool, by_date: float | None = None) -> bool:
    """Whether documents' fields have a part in the result; then any change of these makes another scope."""
    return bool(narrowed or (scope.collection.settings.searching.recency if by_date is None else by_date))


def _answer_scope(scope: SearchScope, asked: internal.CacheLookup | internal.CacheStore) -> CacheScope:
    return _cache_scope(scope, "answer", f"{asked.recipe}:{_circumstances(scope, asked)}")


def _cache_scope(scope: SearchScope, kind: Kind, recipe: str) -> CacheScope:
    return CacheScope(scope.collection.id, scope.permissions, f"{kind}:{recipe}:{_settings(scope)}")


def _settings(scope: SearchScope) -> str:
    """Any change of the collection's settings makes another scope: they shape what is found and said."""
    own = json.dumps([scope.collection.index_kind, scope.collection.settings.as_json()], sort_keys=True)
    return sha256(own.encode()).hexdigest()[:16]


def _moment(scope: SearchScope, asked: internal.CacheLookup) -> str:
    return f"{scope.collection.sequence}:{_circumstances(scope, asked)}"


def _circumstances(scope: SearchScope, asked: internal.CacheLookup | internal.CacheStore) -> str:
    """What an answer was given under, beside the sequence; with any other it is not served again."""
    filings = scope.collection.filings if _by_fields(scope, narrowed=asked.narrowed) else None
    return sha256(f"{scope.permissions}:{_settings(scope)}:{filings}".encode()).hexdigest()[:16]


def _without_cache(result: SearchResult, error: Unavailable) -> SearchResult:
    DEGRADED.labels("cache").inc()
    missing = Degradation("cache", "passed_by", error.message)
    return replace(result, cache="off", degraded=(*result.degraded, missing))
