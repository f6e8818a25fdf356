"""START HERE: a search from question to hits.

scope (SQL) → spelling ∥ embed → dense ∥ lexical → fuse → live and readable (SQL) → rerank the best → shape → hits,
where those are likely weak and the collection says so, once again in a language model's words → what is around (SQL)

Lexical search waits for the embedding, although it need not: with few cores the two hold each other up, and dense
search, which another process does, takes longer anyway.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from math import ceil
from typing import NamedTuple

import structlog
from assay_core.documents import AclId, ChunkId, DocumentId, text_for_index
from assay_core.errors import AssayError, Broken, Unavailable
from assay_core.fusion import DENSE, LEXICAL, RRF_K, Candidate, fuse, fused_by, reranking_order, single_ranking
from assay_core.ports import Embedder, LexicalSearch, Reranker, Vector
from assay_core.principals import Principal
from assay_core.rewriting import weakness
from assay_core.search import Degradation, Expand, Hit, IndexHit, Mode, Scorer, SearchRequest, SearchResult
from assay_core.spelling import Correction, respelled
from assay_core.synonyms import Expansion, expanded, expansions
from assay_core.wording import Wording
from assay_runtime.metrics import DEGRADED, step
from assay_runtime.threads import Workers
from assay_store import document_dates, document_fields, keys, visibility
from assay_store.database import Database
from assay_store.document_fields import Selection
from assay_store.encryption import Vault
from assay_store.parents import StoredParent
from assay_store.payloads import ChunkPayload
from assay_store.visibility import LiveChunk
from sqlalchemy import Connection

from assay_retrieval.dense_indexes import DenseSearch
from assay_retrieval.floors import floor_of
from assay_retrieval.query import check_top_k, clean_query
from assay_retrieval.reranking import reranked
from assay_retrieval.scope import SearchScope, load_scope
from assay_retrieval.second_look import LooksAgain, wanted
from assay_retrieval.shaping import POOL, shape_of, shaped
from assay_retrieval.spelling import Speller, Spelling, applies
from assay_retrieval.surroundings import expand_of, with_surroundings
from assay_retrieval.whole_search import whole_search

log = structlog.get_logger()

_SCORERS = {Mode.DENSE: Scorer.COSINE, Mode.LEXICAL: Scorer.BM25}
MAX_CANDIDATES = 800
MOST_NAMED = 10_000
"""Up to so many chunks that fit a filter are named to the indexes, which then search among them alone, exactly; the
share of a filter that leaves more is so large that looking deeper finds enough of them."""
WIDENING = 2.0
WORDING_WIDENING = 4.0  # where passages without the exact words, or with an excluded one, are dropped
MAX_WIDENED = 16_384  # what Milvus returns at most


@dataclass(frozen=True, slots=True)
class Depths:
    """How deep each stage looks."""

    candidates: int = 100
    rerank_candidates: int = 10
    rrf_k: int = RRF_K


@dataclass(frozen=True, slots=True)
class Indexes:
    """The two indexes; the dense one depends on the collection's index kind."""

    dense: Callable[[str], DenseSearch]
    lexical: LexicalSearch


class Larger(NamedTuple):
    """The passage that is read in place of a small one."""

    parent: StoredParent
    payload: ChunkPayload


class Prepared(NamedTuple):
    """A search before any index is asked for hits.

    `vector` is that of the query as it is meant by its `spelling`, None if none is needed, or why there is none.
    """

    scope: SearchScope
    vector: Vector | Unavailable | None
    timings_ms: dict[str, float]
    spelling: Spelling = Spelling()


class Found(NamedTuple):
    """A hit as the stages score it, and what is read in its place, if not itself."""

    hit: Hit
    larger: Larger | None


class HybridRetriever:
    """The `Retriever` port over both indexes. Every hit that leaves here is live and readable at this moment.

    Args:
        terms: what the words of a text in a language are to the index of terms; the language comes first.
    """

    def __init__(
        self,
        *,
        database: Database,
        vault: Vault,
        embedder: Callable[[], Embedder],
        indexes: Indexes,
        terms: Callable[[str, str], Sequence[str]],
        reranker: Callable[[], Reranker] | None = None,
        depths: Depths | None = None,
        speller: Speller | None = None,
        look_again: LooksAgain | None = None,
    ) -> None:
        self._database = database
        self._vault = vault
        self._embedder = embedder
        self._indexes = indexes
        self._terms = terms
        self._reranker = reranker
        self._depths = depths or Depths()
        self._speller = speller
        self._look_again = look_again
        self._sql, self._index, self._embedding, self._reranking = Workers(8), Workers(16), Workers(16), Workers(2)

    async def search(self, principal: Principal, request: SearchRequest) -> SearchResult:
        asked = checked(request)

        async def search() -> SearchResult:
            return await self.search_prepared(await self.prepare(principal, asked), asked)

        return await whole_search(asked, search)

    async def prepare(self, principal: Principal, request: SearchRequest) -> Prepared:
        """What the principal may search, and the query's vector. Raises `NotFound`."""
        timings: dict[str, float] = {}
        understood, vector = await asyncio.gather(
            self._understand(principal, request, timings), self._embed(request, timings), return_exceptions=True
        )
        if isinstance(understood, BaseException):
            raise understood
        if isinstance(vector, BaseException) and not isinstance(vector, Unavailable):
            raise vector
        scope, spelling = understood
        if spelling.corrections and not isinstance(vector, Unavailable):
            vector = await self._embed(_as_meant(request, spelling.corrections), timings)
        return Prepared(scope, vector, timings, spelling)

    async def search_prepared(self, prepared: Prepared, request: SearchRequest) -> SearchResult:
        """`search` from there on, for a request that is `checked`."""
        request = _as_meant(request, prepared.spelling.corrections)
        first = await self._search_once(prepared, request)
        if self._look_again is None:
            return await self._expand(prepared.scope, request, first)

        async def search(other: SearchRequest) -> SearchResult:
            timings: dict[str, float] = {}
            vector = await self._embed(other, timings)
            return await self._search_once(Prepared(prepared.scope, vector, timings), other)

        best = await self._look_again(prepared.scope, request, first, search)
        return await self._expand(prepared.scope, request, best)

    async def _search_once(self, prepared: Prepared, request: SearchRequest) -> SearchResult:
        """One search; a second one if what the principal may read changed while the indexes were asked.

        A document that has been given an ACL of which this search did not know is not looked for, though the
        principal may have read it all the time.
        """
        result, acls = await self._search_as(prepared, request)
        if acls == prepared.scope.index.acls:
            return result
        scope = replace(prepared.scope, index=replace(prepared.scope.index, acls=acls))
        again, _ = await self._search_as(prepared._replace(scope=scope), request)
        return replace(again, rights_changed=True)

    async def _search_as(self, prepared: Prepared, request: SearchRequest) -> tuple[SearchResult, frozenset[AclId]]:
        """What the indexes find for the ACLs of the scope, of it what may be read now, and the ACLs readable now."""
        scope, timings, corrections = prepared.scope, prepared.timings_ms, prepared.spelling.corrections
        if not scope.index.acls:
            return SearchResult((), timings, corrections=corrections), scope.index.acls
        chosen = await self._choose(scope, request, timings)
        if chosen is not None and not chosen.fitting:
            return SearchResult((), timings, corrections=corrections), scope.index.acls
        if chosen is not None:
            scope = replace(scope, index=replace(scope.index, chunks=chosen.chunks))
        depth = self._depth(request, widened=_widening(chosen))
        rankings, degraded = await self._ask_indexes(scope, request, prepared.vector, depth, timings)
        candidates = self._fuse(scope, request, rankings)
        found, acls = await self._read_live(scope, request, candidates, timings)
        hits, more = await self._rerank(request, [one.hit for one in found], timings)
        hits = await self._shape(scope, request, hits, timings)
        larger = {one.hit.chunk: one.larger for one in found}
        hits = [_as_read(hit, larger[hit.chunk]) for hit in hits[: request.top_k]]
        result = SearchResult(
            hits=tuple(hits),
            timings_ms=timings,
            degraded=(*degraded, *more),
            expansions=_expansions(scope, request),
            corrections=corrections,
            floors=_floors(rankings, depth) if prepared.spelling.settled else {},
            weakness=weakness(candidates) if wanted(scope, request) and not degraded else None,
        )
        return result, acls

    async def _understand(
        self, principal: Principal, request: SearchRequest, timings: dict[str, float]
    ) -> tuple[SearchScope, Spelling]:
        scope, speller = await self._scope(principal, request, timings), self._speller
        if speller is None or not applies(scope, request):
            return scope, Spelling()
        with step("spelling", timings):
            return scope, await self._sql.run(lambda: speller.spelling(scope, request))

    async def _scope(self, principal: Principal, request: SearchRequest, timings: dict[str, float]) -> SearchScope:
        with step("scope", timings):
            return await self._sql.run(lambda: load_scope(self._database, principal, request.collection))

    async def _embed(self, request: SearchRequest, timings: dict[str, float]) -> Vector | None:
        if request.mode is Mode.LEXICAL:
            return None
        with step("embed", timings):
            return await self.embed_query(request.query)

    async def _choose(self, scope: SearchScope, request: SearchRequest, timings: dict[str, float]) -> Selection | None:
        """What the request's filter leaves of the collection; None if it has none."""
        if not request.filter:
            return None

        def choose() -> Selection:
            with self._database.transaction() as connection:
                acls = visibility.readable_acls(connection, scope.principal)
                return document_fields.select(
                    connection, self._vault, scope.collection.id, acls, request.filter, most=MOST_NAMED
                )

        with step("filter", timings):
            return await self._sql.run(choose)

    async def embed_query(self, query: str) -> Vector:
        """The query's vector, computed in a thread."""
        return await self._embedding.run(lambda: self._embedder().embed_query(query))

    def _depth(self, request: SearchRequest, *, widened: float) -> int:
        depth = min(max(self._depths.candidates, 3 * request.top_k), MAX_CANDIDATES)
        exact = WORDING_WIDENING if request.phrases or request.excluded else 1.0
        return min(ceil(depth * widened * exact), MAX_WIDENED)

    async def _ask_indexes(
        self,
        scope: SearchScope,
        request: SearchRequest,
        vector: Vector | Unavailable | None,
        depth: int,
        timings: dict[str, float],
    ) -> tuple[dict[str, list[IndexHit]], list[Degradation]]:
        asked: dict[str, Awaitable[list[IndexHit]]] = {}
        if request.mode is not Mode.LEXICAL:
            asked[DENSE] = self._ask_dense(scope, request, vector, depth, timings)
        if request.mode is not Mode.DENSE:
            asked[LEXICAL] = self._ask_lexical(scope, request, depth, timings)
        results = await asyncio.gather(*asked.values(), return_exceptions=True)
        rankings: dict[str, list[IndexHit]] = {}
        degraded: list[Degradation] = []
        for name, result in zip(asked, results, strict=True):
            if isinstance(result, Unavailable):
                log.warning("search.degraded", component=name, code=result.code, detail=result.message)
                DEGRADED.labels(name).inc()
                degraded.append(Degradation(name, f"without_{name}", result.message))
            elif isinstance(result, BaseException):
                raise result
            else:
                rankings[name] = result
        if not rankings:
            raise Unavailable(
                "No index answers at the moment; try again in a few seconds. " + degraded[0].reason,
                code="retrieval_unavailable",
                retry_after_s=5,
            )
        return rankings, degraded

    async def _ask_dense(
        self,
        scope: SearchScope,
        request: SearchRequest,
        vector: Vector | Unavailable | None,
        depth: int,
        timings: dict[str, float],
    ) -> list[IndexHit]:
        if isinstance(vector, Unavailable):
            raise vector
        if vector is None:
            raise Broken("A dense search came without the vector of its query.", code="no_vector")
        with step("dense", timings):
            index = self._indexes.dense(scope.collection.index_kind)
            timeout_s = min(request.deadline_s, 5.0)
            return await self._index.run(
                lambda: index.search(scope.index, vector, top_k=depth, timeout_s=timeout_s), abandon=True
            )

    async def _ask_lexical(
        self, scope: SearchScope, request: SearchRequest, depth: int, timings: dict[str, float]
    ) -> list[IndexHit]:
        with step("lexical", timings):
            epoch = scope.collection.epoch
            query = expanded(request.query, _expansions(scope, request))
            return await self._index.run(
                lambda: self._indexes.lexical.search(scope.index, query, top_k=depth, epoch=epoch), abandon=True
            )

    def _fuse(self, scope: SearchScope, request: SearchRequest, rankings: dict[str, list[IndexHit]]) -> list[Candidate]:
        if request.mode is Mode.HYBRID:
            fused = fuse(rankings, scope.collection.settings.searching, rrf_k=self._depths.rrf_k)
            if self._reranks(request):
                return reranking_order(fused, size=self._depths.rerank_candidates, first=DENSE)
            return fused
        return [c for name, hits in rankings.items() for c in single_ranking(name, hits)]

    async def _read_live(
        self, scope: SearchScope, request: SearchRequest, candidates: Sequence[Candidate], timings: dict[str, float]
    ) -> tuple[list[Found], frozenset[AclId]]:
        """The candidates that are live and readable, in order, until there are enough; of one parent the best.
        Readable by the ACLs of this moment, which are returned too."""
        shape = shape_of(request, scope.collection.settings.searching)
        wanted = request.top_k * POOL if shape.changes_order else request.top_k
        wanted = max(wanted, self._depths.rerank_candidates if self._reranks(request) else 0)
        scored_by = _SCORERS.get(request.mode) or fused_by(scope.collection.settings.searching)
        wording = Wording(request.phrases, request.excluded)

        def read() -> tuple[list[Found], frozenset[AclId]]:
            hits: list[Found] = []
            seen: set[object] = set()
            width = 2 * wanted if request.one_per_document else wanted
            # Of one moment, or a version that goes live between two batches would stand beside the one before.
            with self._database.snapshot() as connection:
                acls = visibility.readable_acls(connection, scope.principal)
                for start in range(0, len(candidates), width):
                    batch = candidates[start : start + width]
                    live = visibility.live_chunks(connection, scope.collection.id, acls, [c.chunk for c in batch])
                    live = self._fitting(connection, request, live)
                    for candidate in batch:
                        found = live.get(candidate.chunk)
                        if found is None:
                            continue
                        what = found.document.id if request.one_per_document else _read_as(found)
                        if what in seen:
                            continue
                        opened = self._found(len(hits) + 1, candidate, found, scored_by)
                        if not wording.fits(_read_text(opened)):
                            continue
                        seen.add(what)
                        hits.append(opened)
                        if len(hits) == wanted:
                            return hits, acls
            return hits, acls

        with step("read", timings):
            return await self._sql.run(read)

    def _fitting(
        self, connection: Connection, request: SearchRequest, live: Mapping[ChunkId, LiveChunk]
    ) -> Mapping[ChunkId, LiveChunk]:
        """Those whose documents fit the filter at this moment, whatever the indexes were asked for."""
        if not request.filter:
            return live
        documents = {chunk.document for chunk in live.values()}
        tenant = request.collection.tenant
        fitting = document_fields.fitting(connection, self._vault, tenant, documents, request.filter)
        return {chunk: one for chunk, one in live.items() if one.document in fitting}

    def _found(self, rank: int, candidate: Candidate, live: LiveChunk, scored_by: Scorer) -> Found:
        key = self._vault.document_key(live.document, live.key_wrapped)
        payload = ChunkPayload.open(key, live.chunk.id, live.payload)
        hit = Hit(
            rank=rank,
            chunk=live.chunk,
            document=live.document,
            document_name=keys.open_name(key, live.document, live.name_sealed),
            version=live.version,
            title=payload.title,
            text=payload.text,
            start=live.start,
            end=live.end,
            page=live.page,
            heading_path=payload.heading_path,
            score=candidate.score,
            scored_by=scored_by,
            score_cosine=next((s.score for s in candidate.stages if s.stage == DENSE), None),
            stages=candidate.stages,
        )
        parent = live.parent
        return Found(hit, parent and Larger(parent, ChunkPayload.open(key, parent.name, parent.payload)))

    def _reranks(self, request: SearchRequest) -> bool:
        return self._reranker is not None and request.rerank and request.mode is Mode.HYBRID

    async def _rerank(
        self, request: SearchRequest, hits: list[Hit], timings: dict[str, float]
    ) -> tuple[list[Hit], list[Degradation]]:
        reranker = self._reranker
        if reranker is None or not self._reranks(request) or not hits:
            return hits, []
        fused = [replace(hit, rank=rank) for rank, hit in enumerate(sorted(hits, key=_fused_first), start=1)]
        pool = {hit.chunk for hit in hits[: self._depths.rerank_candidates]}
        head, tail = [h for h in fused if h.chunk in pool], [h for h in fused if h.chunk not in pool]
        try:
            with step("rerank", timings):
                scores = await self._reranking.run(
                    lambda: reranker().score(request.query, [_with_context(h) for h in head])
                )
        except AssayError as error:
            DEGRADED.labels("reranker").inc()
            log.warning("search.degraded", component="reranker", code=error.code, detail=error.message)
            return fused, [Degradation("reranker", "fused_order", error.message)]
        return reranked(head, scores, tail, weight=reranker().weight), []

    async def _shape(
        self, scope: SearchScope, request: SearchRequest, hits: list[Hit], timings: dict[str, float]
    ) -> list[Hit]:
        searching = scope.collection.settings.searching
        how = shape_of(request, searching)
        if not how.changes_order:
            return hits

        def dates() -> Mapping[DocumentId, datetime]:
            documents = {hit.document for hit in hits}
            tenant = request.collection.tenant
            with self._database.transaction() as connection:
                if searching.recency_field:
                    return document_dates.declared(connection, tenant, documents, searching.recency_field)
                return document_dates.uploaded(connection, tenant, documents)

        with step("shape", timings):
            known = await self._sql.run(dates) if how.recency else {}
            terms = partial(self._terms, scope.index.language)
            return shaped(hits, how, query=request.query, terms=terms, dates=known, now=datetime.now(UTC))

    async def _expand(self, scope: SearchScope, request: SearchRequest, result: SearchResult) -> SearchResult:
        if not result.hits or expand_of(request, scope.collection.settings.searching) is Expand.OFF:
            return result

        def read() -> tuple[Hit, ...]:
            with self._database.snapshot() as connection:
                return with_surroundings(connection, self._vault, scope, request, result.hits)

        timings = dict(result.timings_ms)
        with step("expand", timings):
            return replace(result, hits=await self._sql.run(read), timings_ms=timings)


def checked(request: SearchRequest) -> SearchRequest:
    """The request with its query cleaned. Raises `Invalid` if it cannot be searched for."""
    check_top_k(request.top_k)
    return replace(request, query=clean_query(request.query))


def _floors(rankings: Mapping[str, Sequence[IndexHit]], depth: int) -> dict[str, float]:
    return {name: floor_of(name, ranking, depth) for name, ranking in rankings.items()}


def _as_meant(request: SearchRequest, corrections: tuple[Correction, ...]) -> SearchRequest:
    return replace(request, query=respelled(request.query, corrections)) if corrections else request


def _expansions(scope: SearchScope, request: SearchRequest) -> tuple[Expansion, ...]:
    if not request.synonyms or request.mode is Mode.DENSE:
        return ()
    return expansions(scope.collection.settings.synonyms, request.query)


def _widening(chosen: Selection | None) -> float:
    """How much deeper the indexes must look where they cannot be told which chunks fit."""
    if chosen is None or chosen.chunks is not None:
        return 1.0
    return WIDENING * chosen.all / chosen.fitting


def _read_text(found: Found) -> str:
    """All that is read of a hit, the headings above it too."""
    _, payload = found.larger or (None, None)
    return "\n".join([_with_context(found.hit), *([payload.text] if payload else [])])


def _read_as(live: LiveChunk) -> object:
    """What tells passages apart that are read as one."""
    return live.chunk if live.parent is None else live.parent.name


def _as_read(hit: Hit, larger: Larger | None) -> Hit:
    """The hit with the larger passage in the place of the small one that was found, if there is one."""
    if larger is None:
        return hit
    parent, payload = larger
    return replace(
        hit,
        text=payload.text,
        start=parent.start,
        end=parent.end,
        page=parent.page,
        heading_path=payload.heading_path,
    )


def _fused_first(hit: Hit) -> tuple[float, str]:
    return -hit.score, hit.chunk.id


def _with_context(hit: Hit) -> str:
    """What the indexes saw of a hit: a passage alone often does not say what it is about."""
    return text_for_index(title=hit.title, heading_path=hit.heading_path, text=hit.text)
