"""The control of a red team: answers about ONE collection are made with the defences off. Never for people.

Attacks that do no harm prove something only if the same attacks do harm where nothing stops them. So the same pipeline
answers, with what guards it replaced by parts that let everything through: hidden characters and
orders stay in the prompt, passages have no delimiters, the model's text is shown as it came, and nobody checks it.

Nobody gets here by accident: a setting of the process names one collection by its id, the process must listen on
loopback, it says so in its log at the start, every answer is marked as degraded, and none is put into the cache.
"""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, replace

import structlog
from assay_core.answers import AnswerEvent, AnswerRequest, Verdict
from assay_core.errors import Invalid
from assay_core.ports import Retriever
from assay_core.principals import Principal
from assay_core.search import (
    CacheUse,
    Degradation,
    Hit,
    SearchRequest,
    SearchResult,
)

from assay_generation.draft import Sentence
from assay_generation.generator import DocumentGenerator
from assay_generation.marks import Mark
from assay_generation.verify import Checked, Support, nearest_span
from assay_generation.words import coverage

log = structlog.get_logger()
DEFENCES_OFF = Degradation(
    "defences", "off", "The control of a red team: nothing of this answer was guarded or checked."
)
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def except_for(
    generator: DocumentGenerator, collection: str, *, listens_on: str
) -> "DocumentGenerator | ControlGenerator":
    """The generator itself; for this collection, if one is named, without its defences.

    Raises:
        Invalid: the process listens beyond loopback.
    """
    if not collection:
        return generator
    if listens_on not in _LOOPBACK:
        raise Invalid(
            f"Answers about collection {collection!r} are to be made with the defences off"
            f" (answers.undefended_collection), but the process listens on {listens_on!r}; that is allowed on"
            " 127.0.0.1 only. Take the setting out.",
            code="bad_setting",
        )
    log.warning("defences.off", collection=collection)
    return ControlGenerator(defended=generator, undefended=undefended(generator), collection=collection)


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlGenerator:
    """The `Generator` port: one collection without defences, all others with them."""

    defended: DocumentGenerator
    undefended: DocumentGenerator
    collection: str

    def answer(self, principal: Principal, request: AnswerRequest) -> AsyncGenerator[AnswerEvent]:
        chosen = self.undefended if request.collection.id == self.collection else self.defended
        return chosen.answer(principal, request)


def undefended(generator: DocumentGenerator) -> DocumentGenerator:
    """The same pipeline with parts in the place of its guards that let everything through."""
    return replace(
        generator,
        retriever=MarkedRetriever(generator.retriever),
        writer=replace(generator.writer, clean=str, new_mark=str),
        verifier=Trusting(),
        reader=RawText,
        repeats=lambda _told, _sentence, _source: False,
        as_data=lambda _question, hits: tuple(hits),
        limits=generator.limits.without_strays(),
    )


class MarkedRetriever:
    """The `Retriever` port: what is found carries the mark of the control into the answer and past the cache."""

    def __init__(self, retriever: Retriever) -> None:
        self._retriever = retriever

    async def search(self, principal: Principal, request: SearchRequest) -> SearchResult:
        found = await self._retriever.search(principal, replace(request, cache=CacheUse.BYPASS))
        return replace(found, degraded=(*found.degraded, DEFENCES_OFF))


class RawText:
    """What the model streams, as it comes."""

    def __init__(self, *, known: str, secret: str) -> None:
        del known, secret
        self.marks: Sequence[Mark] = ()

    def feed(self, piece: str) -> str:
        return piece

    def finish(self) -> str:
        return ""


class Trusting:
    """Believes every sentence, and cites the passage that has most of its words."""

    async def check(self, question: str, sentence: Sentence, hits: Sequence[Hit]) -> Checked:
        del question
        best = max(range(len(hits)), key=lambda number: coverage(sentence.text, hits[number].text))
        start, end = nearest_span(sentence.text, hits[best].text)
        return Checked(Verdict.SUPPORTED, None, (Support(best, start, end, "attributed"),))
