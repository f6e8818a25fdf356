"""Whether the generation beside the active index finds as much: golden questions, asked of both."""

import time
from collections.abc import Sequence

from assay_core.documents import CollectionId
from assay_core.errors import Conflict, Exhausted, Invalid, NotFound
from assay_core.evaluation import GoldenQuestion
from assay_core.golden_sets import GoldenSet
from assay_core.index_generations import COMPLETE, GenerationComparison, IndexGeneration
from assay_core.principals import Principal
from assay_core.search import CacheUse, SearchRequest
from assay_evals import golden
from assay_evals.statistics import bootstrap
from assay_runtime.threads import Workers
from assay_store import golden_sets, index_generations
from assay_store.database import Database, clock
from assay_store.encryption import Vault
from assay_wire import internal

from assay_retrieval.retriever import HybridRetriever, Prepared, checked
from assay_retrieval.scope import asked_as, load_scope

FEWEST_QUESTIONS = 10
_DEPTH = 10
_SEED = 1


class GenerationTrial:
    """Compares the two generations of a collection by whole searches, as one principal."""

    def __init__(self, *, database: Database, vault: Vault, retriever: HybridRetriever) -> None:
        self._database = database
        self._vault = vault
        self._retriever = retriever
        self._workers = Workers(1)

    async def compare(
        self, principal: Principal, asked: internal.GenerationCheck, *, deadline_s: float
    ) -> GenerationComparison:
        """Ask both, in turn, and write down what came of it (nDCG@10, paired bootstrap).

        Raises:
            NotFound: there is no such collection or golden set, or no generation beside the active one.
            Conflict: that is not complete.
            Invalid: the golden set has too few questions that this principal may see.
            Exhausted: it did not end in time.
        """
        until_s = time.monotonic() + deadline_s
        collection = CollectionId(principal.tenant, asked.collection_id)
        beside, name, questions = await self._workers.run(lambda: self._load(principal, collection, asked))
        scores: list[tuple[float, float]] = []
        for question in questions:
            if time.monotonic() > until_s:
                raise Exhausted(
                    f"Of {len(questions)} questions {len(scores)} were asked within {deadline_s:.0f} s; ask fewer.",
                    code="deadline",
                )
            scores.append(await self._ask_both(principal, collection, question, beside.index_kind))
        old, new = [pair[0] for pair in scores], [pair[1] for pair in scores]
        answered = sum(max(pair) > 0 for pair in scores)
        if answered < FEWEST_QUESTIONS:
            raise Invalid(
                f"For {answered} of {len(scores)} questions of {name!r} either index found a passage; it takes"
                f" {FEWEST_QUESTIONS} to tell them apart. Do its passages name documents of this collection?",
                code="too_few_questions",
            )
        found = bootstrap.compare(old, new, seed=_SEED)

        def keep() -> GenerationComparison:
            with self._database.transaction() as connection:
                comparison = GenerationComparison(
                    dataset=name,
                    questions=len(scores),
                    old=bootstrap.mean(old),
                    new=bootstrap.mean(new),
                    low=found.low,
                    high=found.high,
                    compared_at=clock(connection),
                )
                index_generations.keep_comparison(connection, collection, beside.number, comparison)
            return comparison

        return await self._workers.run(keep)

    def _load(
        self, principal: Principal, identity: CollectionId, asked: internal.GenerationCheck
    ) -> tuple[IndexGeneration, str, list[GoldenQuestion]]:
        collection = load_scope(self._database, principal, identity).collection
        with self._database.transaction() as connection:
            beside = index_generations.beside(connection, collection)
            if beside.state not in COMPLETE:
                raise Conflict(
                    f"Generation {beside.number} is {beside.state}; it can be compared once it is ready.",
                    code="generation_not_ready",
                )
            name = asked.dataset or _first(golden_sets.listing(connection, identity))
            found = golden_sets.find(connection, identity, name)
            visible = golden_sets.questions_of(connection, self._vault, principal, identity, found)
        questions = [one for one in visible if one.answerable and one.passages][: asked.most]
        if len(questions) < FEWEST_QUESTIONS:
            raise Invalid(
                f"{name!r} has {len(questions)} questions with passages that you may see; to tell two indexes apart"
                f" takes {FEWEST_QUESTIONS} or more.",
                code="too_few_questions",
            )
        return beside, name, questions

    async def _ask_both(
        self, principal: Principal, collection: CollectionId, question: GoldenQuestion, kind: str
    ) -> tuple[float, float]:
        """nDCG@10 of the active generation and of the one beside it, for one query vector."""
        request = checked(
            SearchRequest(collection, golden.searched(question), top_k=_DEPTH, cache=CacheUse.BYPASS, rewriting=False)
        )
        prepared = await self._retriever.prepare(principal, request)
        scope = prepared.scope
        other = asked_as(scope, kind)
        return (
            await self._score(prepared, request, question),
            await self._score(prepared._replace(scope=other, timings_ms={}), request, question),
        )

    async def _score(self, prepared: Prepared, request: SearchRequest, question: GoldenQuestion) -> float:
        result = await self._retriever.search_prepared(prepared, request)
        if result.degraded:
            missing = result.degraded[0]
            raise Conflict(f"Not every part answers ({missing.component}: {missing.reason}).", code="degraded")
        ranks = golden.first_ranks(result.hits, question.passages)
        return golden.ndcg_at(_DEPTH, ranks, [passage.grade for passage in question.passages])


def _first(there: Sequence[GoldenSet]) -> str:
    if not there:
        raise NotFound(
            "This collection has no golden set to compare indexes with; store one with `assay eval upload`.",
            code="dataset_not_found",
        )
    return there[0].name
