from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from assay_core.collection_settings import Chunking
from assay_core.documents import Chunk, DocumentId, Element, ElementKind, ParsedDocument, TenantId
from assay_core.errors import Invalid, Unavailable
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


def written(
    *replies: Reply, chunks: Sequence[Chunk] = CHUNKS, last_try: bool = True
) -> tuple[list[Chunk], FakeChatModel]:
    model = FakeChatModel(replies)
    return writer(model)(PARSED, chunks, last_try=last_try), model


def writer(model: FakeChatModel) -> LineWriter:
    @asynccontextmanager
    async def opened() -> AsyncGenerator[ChatModel]:
        yield model

    return LineWriter(open_chat=opened, embedder=EMBEDDER)


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


def test_a_document_waits_for_a_model_that_is_down_until_its_last_try() -> None:
    with pytest.raises(Unavailable, match=r"No context lines could be written\. down"):
        written(Unavailable("down"), last_try=False)
    with pytest.raises(Unavailable):
        written(Unavailable("down"), chunks=CHUNKS[:1], last_try=False)
    chunks, _ = written(Unavailable("down"), chunks=CHUNKS[:1])
    assert contexts(chunks) == {""}


def test_a_line_stands_above_the_heading_rows_of_a_table() -> None:
    chunks, _ = written("About pumps.", chunks=[replace(CHUNKS[0], context="Pump | Owner")])
    assert contexts(chunks) == {"About pumps.\nPump | Owner"}


def test_one_failure_costs_one_line() -> None:
    chunks, _ = written("A line.", Invalid("too long"), "A line.", last_try=False)
    assert sorted(chunk.context for chunk in chunks)[:2] == ["", "A line."]
