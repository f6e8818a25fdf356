"""Hits, citations and answers with everything filled in that a test does not care about."""

from assay_core.answers import Answer, Citation, Outcome
from assay_core.documents import ChunkId, DocumentId, TenantId
from assay_core.search import Hit, Scorer

TENANT = TenantId("acme")


def hit(document: str, text: str, *, rank: int = 1) -> Hit:
    return Hit(
        rank=rank,
        chunk=ChunkId(TENANT, f"{document}-{rank}"),
        document=DocumentId(TENANT, document),
        document_name=document,
        version=1,
        title="",
        text=text,
        start=0,
        end=len(text),
        page=None,
        heading_path=(),
        score=1 / rank,
        scored_by=Scorer.RRF,
    )


def citation(document: str, quote: str) -> Citation:
    chunk, identity = ChunkId(TENANT, document), DocumentId(TENANT, document)
    return Citation(1, chunk, identity, document, 1, None, (), 0, len(quote), quote, "model")


def answer(
    text: str,
    *,
    question: str = "How long is parental leave?",
    outcome: Outcome = Outcome.ANSWERED,
    sources: tuple[Hit, ...] = (),
    citations: tuple[Citation, ...] = (),
) -> Answer:
    return Answer("a1", question, text, outcome, citations, (), sources, "fake-chat", "v1", None, {})
