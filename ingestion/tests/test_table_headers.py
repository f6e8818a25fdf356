"""A table that is divided keeps its heading rows with every part, without quoting them."""

from itertools import pairwise

from assay_adapters.parsers.canvas import Canvas
from assay_adapters.parsers.tables import Merged
from assay_core.collection_settings import Chunking
from assay_core.documents import Chunk, DocumentId, ParsedDocument, TenantId, text_for_index
from assay_ingestion.chunk import split
from assay_testing.fake_embedder import FakeEmbedder

DOCUMENT = DocumentId(TenantId("t"), "d" * 32)
EMBEDDER = FakeEmbedder(max_tokens=128)
CHUNKING = Chunking(budget_tokens=60, overlap_tokens=8)
ROWS = [[f"tea {n}", f"{n}", f"{n * 2}"] for n in range(60)]


def parsed_of(*head: list[str], merged: tuple[Merged, ...] = (), after: str = "") -> ParsedDocument:
    canvas = Canvas()
    canvas.heading("Prices", 1)
    canvas.table([*head, *ROWS], merged=merged, header_rows=len(head))
    canvas.paragraph(after)
    text, elements = canvas.finish()
    return ParsedDocument(text, elements, "Prices", "text/plain", "fake/1")


def chunked(parsed: ParsedDocument) -> list[Chunk]:
    return split(parsed, document=DOCUMENT, embedder=EMBEDDER, chunking=CHUNKING)


def test_each_part_but_the_first_is_embedded_with_the_heading_row() -> None:
    parsed = parsed_of(["Kind", "a|b", "large"])
    first, *rest = chunked(parsed)
    assert first.context == ""
    assert len(rest) > 3
    assert {chunk.context for chunk in rest} == {"Kind | a|b | large"}
    assert all(parsed.text[c.start : c.end] == c.text and "Kind" not in c.text for c in rest)
    shown = text_for_index(title="Prices", heading_path=rest[0].heading_path, text=rest[0].text, context="x")
    assert shown.startswith("Prices\nx\n|")


def test_rows_stay_whole() -> None:
    for chunk in chunked(parsed_of(["Kind", "small", "large"]))[1:]:
        assert all(line.startswith("| ") and line.endswith(" |") for line in chunk.text.split("\n"))


def test_several_heading_rows_are_told_and_merged_ones_once() -> None:
    parsed = parsed_of(["Kind", "Price", ""], ["", "small", "large"], merged=(Merged(0, 1, 1, 2), Merged(0, 0, 2, 1)))
    assert {chunk.context for chunk in chunked(parsed)[1:]} == {"Kind | Price / Kind | small | large"}


def test_what_comes_after_a_table_has_no_heading_row() -> None:
    chunks = chunked(parsed_of(["Kind", "small", "large"], after="word " * 120))
    assert chunks[-1].text.startswith("word")
    assert chunks[-1].context == ""


def test_another_heading_row_makes_other_chunks_for_their_vectors_differ() -> None:
    one, other = (chunked(parsed_of([name, "small", "large"])) for name in ("Kind", "Sort"))
    assert [c.text for c in one[1:]] == [c.text for c in other[1:]]
    assert not {c.id for c in one} & {c.id for c in other}


def test_text_and_heading_rows_fit_the_embedder_together() -> None:
    wide = [f"a very long name of column number {n}" for n in range(3)]
    for chunk in chunked(parsed_of(wide)):
        whole = text_for_index(title="Prices", heading_path=chunk.heading_path, text=chunk.text, context=chunk.context)
        assert EMBEDDER.count_tokens([whole])[0] <= EMBEDDER.max_tokens
    assert all(a.end <= b.start for a, b in pairwise(chunked(parsed_of(wide))))
