from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

from assay_core.collection_settings import Chunking
from assay_core.documents import Chunk, DocumentId, Element, ElementKind, ParsedDocument, TenantId
from assay_core.errors import Unavailable
from assay_core.ports import ChatModel
from assay_ingestion.chunk import split
from assay_ingestion.chunk_pieces import LINE_TOKENS
from assay_ingestion.context_lines import LineWriter
from assay_testing.fake_chat import FakeChatModel, Reply
from assay_testing.fake_embedder import FakeEmbedder

EMBEDDER = FakeEmbedder()
TEXT = " ".join(f"Pump number {n} must be inspected twice a year by its owner." for n in range(40))
PARSED = ParsedDocument(TEXT, (Element(ElementKind.PARAGRAPH, 0, len(TEXT)),), "Pumps", "text/plain", "t/1")
CHUNKING = Chunking(budget_tokens=40, overlap_tokens=0, context_lines=True)
CHUNKS = split(PARSED, document=DocumentId(TenantId("t"), "d"), embedder=EMBEDDER, chunking=CHUNKING)


def written(*replies: Reply) -> tuple[list[Chunk], FakeChatModel]:
    model = FakeChatModel(replies)

    @asynccontextmanager
    async def opened() -> AsyncGenerator[ChatModel]:
        yield model

    return LineWriter(open_chat=opened, embedder=EMBEDDER)(PARSED, CHUNKS), model


def contexts(chunks: Sequence[Chunk]) -> set[str]:
    return {chunk.context for chunk in chunks}


def test_each_passage_gets_a_line_beside_its_text() -> None:
    chunks, model = written("About the inspection of pumps.")
    assert contexts(chunks) == {"About the inspection of pumps."}
    assert [(c.id, c.text) for c in chunks] == [(c.id, c.text) for c in CHUNKS]
    assert len(model.prompts) == len(CHUNKS)
    assert max(len(prompt.messages[0].content) for prompt in model.prompts) < 3000


def test_a_line_is_one_line_of_what_the_embedder_has_room_for() -> None:
    chunks, _ = written("one\x00 \n two " + "word " * 200)
    (line,) = contexts(chunks)
    assert line.startswith("one two word")
    assert EMBEDDER.count_tokens([line])[0] < LINE_TOKENS


def test_a_model_that_is_down_costs_no_document_and_is_not_asked_for_ever() -> None:
    chunks, model = written(Unavailable("down"))
    assert contexts(chunks) == {""}
    assert len(model.prompts) < len(CHUNKS)


def test_one_failure_costs_one_line() -> None:
    chunks, _ = written("A line.", Unavailable("busy"), "A line.")
    assert sorted(chunk.context for chunk in chunks)[:2] == ["", "A line."]
