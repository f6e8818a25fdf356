"""START HERE: how an answer is made.

    cache? → retrieve → enough evidence? → prompt → stream → check and cite each sentence → record

A sentence of the model is shown only when it has been checked against the passages: what stands in the stream is
what stands in the finished answer.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

import structlog
from assay_core.answers import (
    Answer,
    AnswerEvent,
    AnswerRequest,
    Cited,
    Done,
    Failed,
    Judged,
    Outcome,
    Retrieved,
    Token,
    Verdict,
)
from assay_core.errors import (
    AssayError,
    NotFound,
)
from assay_core.ports import Retriever
from assay_core.principals import Principal
from assay_core.search import (
    CacheUse,
    Degradation,
    Hit,
    SearchRequest,
)
from assay_runtime.metrics import DEGRADED, step

from assay_generation.abstain import (
    THE_DOCUMENTS_DO_NOT_SAY,
    Thresholds,
    hits_may_answer,
    is_stranger,
    says_nothing,
    spans_may_answer,
)
from assay_generation.answer_cache import AnswerCache
from assay_generation.deadline import Deadline
from assay_generation.draft import Draft, Sentence, without_bullet
from assay_generation.evidence import Evidence, EvidenceFinder
from assay_generation.gate import Gate
from assay_generation.liveness import Liveness
from assay_generation.marks import ModelText, Reader
from assay_generation.memory import standalone
from assay_generation.metrics import IN_FLIGHT, OUTCOMES, WITHHELD
from assay_generation.orders import LEFT_OUT, as_data
from assay_generation.prompting import PromptFile, load_prompt
from assay_generation.question import check
from assay_generation.quoting import QUOTED, quote_best
from assay_generation.recording import Recorder
from assay_generation.surroundings import each_by_itself
from assay_generation.verify import Checker, Support, outcome_of
from assay_generation.words import echoes, repeats
from assay_generation.work import Work, version_of
from assay_generation.writing import Writer

log = structlog.get_logger()
SEARCH_S = 10.0
# The caller's clock started before ours; our word must reach it before it gives up.
MARGIN_S = 0.2
NOT_CHECKED = Degradation("judge", "unverified", "The sentences could not be checked against the sources.")
NOT_RECORDED = Degradation("record", "not_kept", "The answer could not be stored; it cannot be shown again.")


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentGenerator:
    """The `Generator` port: answers from documents, or says that they do not say."""

    retriever: Retriever
    finder: EvidenceFinder
    writer: Writer
    verifier: Checker
    liveness: Liveness
    cache: AnswerCache
    recorder: Recorder
    gate: Gate
    limits: Thresholds
    status_of: Callable[[AssayError], int]
    new_id: Callable[[], str]
    prompts: Callable[[str], PromptFile] = load_prompt
    reader: Reader = ModelText
    repeats: Callable[[str, str, str], bool] = repeats
    as_data: Callable[[str, Sequence[Hit]], tuple[Hit, ...]] = as_data

    async def answer(self, principal: Principal, request: AnswerRequest) -> AsyncGenerator[AnswerEvent]:
        check(request)
        begun = False
        with self.gate.entered(), IN_FLIGHT.track_inprogress():
            try:
                async with aclosing(self._events(principal, request)) as events:
                    async for event in events:
                        begun = True
                        yield event
            except AssayError as error:
                if not begun:
                    raise
                log.warning("answer.failed", code=error.code, detail=error.message)
                yield Failed(error.code, error.message, self.status_of(error), error.retry_after_s)

    async def _events(self, principal: Principal, request: AnswerRequest) -> AsyncGenerator[AnswerEvent]:
        work = Work(
            principal,
            request,
            standalone(request.question, request.history),
            Deadline(max(request.deadline_s - MARGIN_S, request.deadline_s / 2)),
        )
        if (given := await self._given_before(work)) is not None:
            for event in given:
                yield event
            return
        yield await self._retrieve(work)
        evidence = await self._evidence(work)
        if evidence:
            async with aclosing(self._write(work, evidence)) as events:
                async for event in events:
                    yield event
        else:
            await self._look_again(work)
            for event in self._nothing(work):
                yield event
        yield Done(await self._finish(work))

    async def _retrieve(self, work: Work) -> Retrieved:
        search = SearchRequest(
            work.request.collection,
            work.question,
            top_k=work.request.top_k,
            mode=work.request.mode,
            rerank=work.request.rerank,
            cache=work.request.cache,
            filter=work.request.filter,
            phrases=work.request.phrases,
            excluded=work.request.excluded,
            deadline_s=work.deadline.within(SEARCH_S),
        )
        with step("retrieve", work.timings_ms):
            async with work.deadline.enforced():
                result = await self.retriever.search(work.principal, search)
        hits = each_by_itself(result.hits)
        read = await asyncio.to_thread(self.as_data, work.question, hits)
        work.found(hits, result.degraded, read=read)
        work.floors = result.floors
        if read != hits:
            work.degrade(LEFT_OUT)
        return Retrieved(hits, result.timings_ms, result.degraded)

    async def _evidence(self, work: Work) -> list[Evidence]:
        """The sentences near the question, best first; none if the documents do not say."""
        if not hits_may_answer(work.question, work.read, self.limits):
            return []
        with step("evidence", work.timings_ms):
            async with work.deadline.enforced():
                ranked = await self.finder.rank(work.question, work.read)
        work.nearest = max((e.cosine for e in ranked), default=0.0)
        work.strangers = [(e.hit, e.start, e.end) for e in ranked if is_stranger(e, self.limits)]
        return ranked if spans_may_answer(ranked, self.limits) else []

    async def _write(self, work: Work, evidence: Sequence[Evidence]) -> AsyncGenerator[AnswerEvent]:
        with step("prompt", work.timings_ms):
            prompt = await self._writer(work.request).prompt_for(work, evidence)
        draft = Draft(self.reader(known="\n".join(hit.text for hit in work.read), secret=prompt.mark))
        with step("generate", work.timings_ms):
            async with aclosing(self._writer(work.request).write(work, prompt)) as deltas:
                async for delta in deltas:
                    for sentence in draft.feed(delta.text):
                        for event in await self._show(work, sentence):
                            yield event
                    work.finish_reason = delta.finish_reason or work.finish_reason
                    work.usage = delta.usage or work.usage
        for sentence in draft.finish():
            for event in await self._show(work, sentence):
                yield event
        for event in await self._conclude(work, draft.text, evidence):
            yield event

    async def _show(self, work: Work, sentence: Sentence) -> Sequence[AnswerEvent]:
        """A sentence with its citations, or nothing if the sources do not support it."""
        if self._copies(work):
            sentence = without_bullet(sentence)
        with step("verify", spent := dict[str, float]()):
            async with work.deadline.enforced():
                strays = await self._strays(work, sentence)
                checked = await self.verifier.check(work.question, sentence, work.read)
        work.timings_ms["verify"] = work.timings_ms.get("verify", 0.0) + spent["verify"]
        await self._look_again(work)
        there = tuple(s for s in checked.support if not work.is_gone(s.hit))
        support = tuple(s for s in there if not work.is_strange(s.hit, s.start, s.end))
        strays = strays or len(support) < len(there) or self._echoes(work, sentence, support)
        if checked.verdict is Verdict.UNVERIFIED:
            work.degrade(NOT_CHECKED)
        elif strays or checked.verdict is not Verdict.SUPPORTED or not support:
            work.withheld += 1
            WITHHELD.labels("strayed" if strays else checked.verdict).inc()
            return ()
        return work.composition.add(sentence, replace(checked, support=support))

    async def _strays(self, work: Work, sentence: Sentence) -> bool:
        """Whether a sentence is beside the point: a question, the prompt, or, of a small model, far off."""
        told = self._writer(work.request).prompt.system
        if sentence.text.endswith("?") or self.repeats(told, sentence.text, "\n".join(hit.text for hit in work.read)):
            return True
        if not self._copies(work):
            return False
        return await self.finder.cosine(work.question, sentence.text) < work.nearest - self.limits.stray_cosine

    def _echoes(self, work: Work, sentence: Sentence, support: Sequence[Support]) -> bool:
        """Whether a sentence of a small model only says the question again."""
        source = "\n".join(work.read[s.hit].text[s.start : s.end] for s in support)
        return self._copies(work) and bool(support) and echoes(work.question, sentence.text, source)

    async def _look_again(self, work: Work) -> None:
        """Note versions that were replaced, deleted or closed to this principal since they were found."""
        versions = {version_of(hit) for hit in work.hits}
        if not versions:
            return
        async with work.deadline.enforced():
            work.gone = frozenset(versions - await self.liveness.live(work.principal, versions))

    async def _conclude(self, work: Work, draft: str, evidence: Sequence[Evidence]) -> Sequence[AnswerEvent]:
        """Settle the outcome; where nothing of the model's text stands, quote the sources or say they are silent."""
        if work.composition.claims:
            work.outcome = outcome_of(work.composition.verdicts, withheld=work.withheld)
            return ()
        await self._look_again(work)
        left = [e for e in evidence if not work.is_gone(e.hit)]
        if not left or says_nothing(draft):
            return self._nothing(work)
        work.outcome, events = quote_best(work.composition, left, work.read, self.limits)
        work.finish_reason = "extractive"
        work.degrade(QUOTED)
        return events

    def _nothing(self, work: Work) -> Sequence[AnswerEvent]:
        work.outcome = Outcome.NOTHING_FOUND
        return work.composition.say(THE_DOCUMENTS_DO_NOT_SAY)

    async def _finish(self, work: Work) -> Answer:
        answer = work.answer(
            id=self.new_id(),
            model=self.writer.chat.model_id,
            prompt_version=self._writer(work.request).prompt.version,
        )
        await self._remember(work, answer)
        return await self._recorded(work, answer)

    async def _recorded(self, work: Work, answer: Answer) -> Answer:
        OUTCOMES.labels(answer.outcome, answer.finish_reason).inc()
        for missing in answer.degraded:
            DEGRADED.labels(missing.component).inc()
        try:
            with step("record"):
                await self.recorder.record(work.principal, work.request, answer)
        except AssayError as error:
            log.warning("answer.not_recorded", answer_id=answer.id, code=error.code, detail=error.message)
            DEGRADED.labels(NOT_RECORDED.component).inc()
            return replace(answer, degraded=(*answer.degraded, NOT_RECORDED))
        log.info("answer.done", answer_id=answer.id, outcome=answer.outcome, finish_reason=answer.finish_reason)
        return answer

    async def _given_before(self, work: Work) -> Sequence[AnswerEvent] | None:
        """The events of a cached answer to this question, if there is one that still holds.

        Raises:
            NotFound: there is none, and no other is wanted.
        """
        found = None
        if _may_be_cached(work.request):
            with step("cache", work.timings_ms):
                async with work.deadline.enforced():
                    work.moment, found = await self.cache.find(
                        work.principal,
                        work.request.collection,
                        work.question,
                        self._recipe(work.request),
                        narrowed=bool(work.request.narrowing),
                    )
            work.cache = "off" if work.moment is None else "miss"
        if found is None and work.request.cache is CacheUse.ONLY:
            raise NotFound("No answer is kept for this question; ask without `cache: only`.", code="not_cached")
        if found is None or work.request.cache is CacheUse.REFRESH:
            return None
        again = replace(
            found,
            id=self.new_id(),
            question=work.request.question,
            usage=None,
            timings_ms=dict(work.timings_ms),
            cache="hit",
        )
        again = await self._recorded(work, again)
        return [
            Retrieved(again.sources, again.timings_ms, again.degraded),
            Token(again.text),
            *map(Cited, again.citations),
            *map(Judged, again.claims),
            Done(again),
        ]

    async def _remember(self, work: Work, answer: Answer) -> None:
        """Offer a good answer to the cache; the moment is that from before the search."""
        good = answer.outcome in (Outcome.ANSWERED, Outcome.PARTLY_SUPPORTED) and set(answer.degraded) <= {
            QUOTED,
            LEFT_OUT,
        }
        if work.moment is None or not good or answer.finish_reason == "length":
            return
        await self.cache.keep(
            work.principal,
            work.request.collection,
            work.question,
            self._recipe(work.request),
            narrowed=bool(work.request.narrowing),
            moment=work.moment,
            floors=work.floors,
            answer=answer,
        )

    def _recipe(self, request: AnswerRequest) -> str:
        found = f"{request.top_k}|{request.mode}|{request.rerank}|{request.narrowing}"
        return f"{self._writer(request).recipe}|{found}|{request.max_tokens}|{request.stop}"

    def _writer(self, request: AnswerRequest) -> Writer:
        """With the prompt that was promoted for the collection, or else the one of the settings."""
        return replace(self.writer, prompt=self.prompts(request.prompt)) if request.prompt else self.writer

    def _copies(self, work: Work) -> bool:
        """Whether the model is a small one, told to copy a sentence."""
        return self._writer(work.request).prompt.unit == "sentence"


def _may_be_cached(request: AnswerRequest) -> bool:
    return request.cache is not CacheUse.BYPASS and not request.history and request.temperature == 0
