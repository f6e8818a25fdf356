import string
from dataclasses import replace
from itertools import pairwise

import pytest
from assay_core.collection_settings import Chunking, Strategy
from assay_core.documents import Chunk, DocumentId, Element, ElementKind, ParsedDocument, TenantId, text_for_index
from assay_ingestion.chunk import split, with_short_title
from assay_ingestion.chunk_pieces import SPECIAL_TOKENS, material_of
from assay_ingestion.outline import outline
from assay_testing.fake_embedder import FakeEmbedder
from hypothesis import given, settings
from hypothesis import strategies as st

DOCUMENT = DocumentId(TenantId("t"), "d" * 32)
EMBEDDER = FakeEmbedder(max_tokens=64)
LIMITS = Chunking(budget_tokens=40, overlap_tokens=8)


def parsed_of(*blocks: tuple[ElementKind, str, int], title: str = "", pages: bool = False) -> ParsedDocument:
    """A document of blocks (kind, text, level), joined by blank lines; with pages, two blocks are on each."""
    text, elements = "", list[Element]()
    for number, (kind, block, level) in enumerate(blocks):
        text += "\n\n" if text else ""
        text += "#" * level + " " if level else ""
        elements.append(Element(kind, len(text), len(text) + len(block), number // 2 + 1 if pages else None, level))
        text += block
    return ParsedDocument(text, tuple(elements), title, "text/plain", "fake/1")


def heading(text: str, level: int = 1) -> tuple[ElementKind, str, int]:
    return ElementKind.HEADING, text, level


def prose(*sentences: int) -> tuple[ElementKind, str, int]:
    """A paragraph of sentences with so many words each."""
    return (
        ElementKind.PARAGRAPH,
        " ".join(f"S{n}" + " word" * (words - 1) + "." for n, words in enumerate(sentences)),
        0,
    )


def chunked(parsed: ParsedDocument, limits: Chunking = LIMITS) -> list[Chunk]:
    return split(parsed, document=DOCUMENT, embedder=EMBEDDER, chunking=limits)


def test_a_short_document_is_one_chunk_with_its_heading() -> None:
    parsed = parsed_of(heading("Leave"), prose(5), heading("Exceptions", 2), prose(4), title="Leave", pages=True)
    (chunk,) = chunked(parsed)
    assert chunk.text == parsed.text.removeprefix("# ")
    assert chunk.heading_path == ("Leave",)
    assert (chunk.page_first, chunk.page_last) == (1, 2)
    assert chunk.tokens == len(chunk.text.replace("#", "").split())


def test_small_neighbours_under_one_heading_are_merged() -> None:
    parsed = parsed_of(heading("A"), prose(9), prose(9), prose(9), heading("B"), prose(30))
    chunks = chunked(parsed)
    assert [c.heading_path for c in chunks] == [("A",), ("B",)]


def test_a_section_and_those_below_it_are_one_chunk_if_they_fit() -> None:
    parsed = parsed_of(heading("A"), heading("A1", 2), prose(9), heading("A2", 2), prose(9), heading("B"), prose(30))
    assert [c.heading_path for c in chunked(parsed)] == [("A",), ("B",)]


def test_a_heading_without_text_goes_with_the_section_below_it() -> None:
    parsed = parsed_of(heading("A"), heading("A1", 2), prose(30), heading("A2", 2), prose(30))
    chunks = chunked(parsed)
    assert [c.heading_path for c in chunks] == [("A", "A1"), ("A", "A2")]
    assert chunks[0].text.startswith("A\n\n## A1\n\nS0")


def test_a_divided_section_repeats_whole_sentences() -> None:
    chunks = chunked(parsed_of(prose(15, 15, 5, 15, 15, 15)))
    assert len(chunks) == 3
    assert chunks[0].text.endswith("S2 word word word word.")
    assert chunks[1].text.startswith("S2 word word word word. S3")
    assert chunks[1].start < chunks[0].end


def test_nothing_is_repeated_where_sections_meet() -> None:
    chunks = chunked(parsed_of(heading("A"), prose(20, 5), heading("B"), prose(20, 5)))
    assert chunks[0].end <= chunks[1].start


def test_a_sentence_over_the_budget_is_divided_between_words() -> None:
    chunks = chunked(parsed_of(prose(100)))
    assert all(c.tokens <= LIMITS.budget_tokens for c in chunks)
    assert " ".join(c.text for c in chunks) == prose(100)[1]


def test_a_long_table_is_divided_between_rows() -> None:
    rows = [f"| row {n} | " + "cell " * 5 + "|" for n in range(20)]
    chunks = chunked(parsed_of((ElementKind.TABLE, "\n".join(rows), 0)))
    assert len(chunks) > 1
    assert [row for c in chunks for row in c.text.split("\n")] == rows


def test_a_paragraph_is_kept_whole_where_the_chunk_before_it_is_half_full() -> None:
    chunks = chunked(parsed_of(prose(10, 15), prose(10, 10), prose(10, 15)))
    assert [c.text.count("S0") for c in chunks] == [1, 1, 1]


def test_a_small_end_is_shared_with_the_chunk_before_it() -> None:
    chunks = chunked(parsed_of(prose(10, 10, 10, 10, 3)), Chunking(budget_tokens=40, overlap_tokens=0))
    assert [c.tokens for c in chunks] == [20, 23]


def test_a_word_without_end_does_not_make_an_endless_chunk() -> None:
    chunks = chunked(parsed_of((ElementKind.PARAGRAPH, "x" * 100_000, 0)))
    assert max(len(c.text) for c in chunks) <= 16 * LIMITS.budget_tokens
    assert "".join(c.text for c in chunks) == "x" * 100_000


def test_text_that_the_parser_left_out_is_in_no_chunk() -> None:
    text = "One two. <!-- hidden words --> Three four."
    hidden = text.index("<")
    elements = (
        Element(ElementKind.PARAGRAPH, 0, hidden - 1),
        Element(ElementKind.PARAGRAPH, text.index("Three"), len(text)),
    )
    chunks = chunked(ParsedDocument(text, elements, "", "text/markdown", "fake/1"))
    assert [c.text for c in chunks] == ["One two.", "Three four."]


def test_a_long_title_and_deep_headings_leave_room_for_the_passage() -> None:
    blocks = [heading(" ".join([f"h{n}"] * 20), n) for n in range(1, 7)]
    parsed = with_short_title(parsed_of(*blocks, prose(30, 30), title="title " * 500), EMBEDDER)
    chunks = chunked(parsed)
    assert_fit(chunks, parsed.title)
    assert chunks[-1].heading_path[-1].startswith("h6")


def test_equal_paragraphs_have_different_ids() -> None:
    chunks = chunked(parsed_of(*[prose(35)] * 3))
    assert len({c.id for c in chunks}) == len(chunks) == 3


@pytest.mark.parametrize(
    "limits", [replace(LIMITS, budget_tokens=39), replace(LIMITS, overlap_tokens=9)], ids=["budget", "overlap"]
)
def test_another_recipe_makes_other_ids(limits: Chunking) -> None:
    parsed = parsed_of(prose(5))
    assert chunked(parsed)[0].id != chunked(parsed, limits)[0].id


def assert_fit(chunks: list[Chunk], title: str) -> None:
    texts = [text_for_index(title=title, heading_path=c.heading_path, text=c.text) for c in chunks]
    assert all(n + SPECIAL_TOKENS <= EMBEDDER.max_tokens for n in EMBEDDER.count_tokens(texts))


words = st.text(string.ascii_letters + string.digits + ".!?,;-'é漢😀", min_size=1, max_size=12)
lines = st.lists(words, min_size=1, max_size=60).map(" ".join)
blocks = st.one_of(
    st.tuples(st.just(ElementKind.HEADING), st.lists(words, min_size=1, max_size=12).map(" ".join), st.integers(1, 6)),
    st.tuples(st.sampled_from([ElementKind.PARAGRAPH, ElementKind.LIST]), lines, st.just(0)),
    st.tuples(
        st.sampled_from([ElementKind.TABLE, ElementKind.CODE]),
        st.lists(lines, max_size=8, min_size=1).map("\n".join),
        st.just(0),
    ),
)
documents = st.builds(
    lambda found, title, pages: parsed_of(*found, title=title, pages=pages),
    st.lists(blocks, min_size=1, max_size=12),
    st.text(max_size=40),
    st.booleans(),
)


STRATEGIES = [
    Chunking(strategy, budget_tokens=budget, overlap_tokens=overlap, parent_tokens=parent)
    for strategy in Strategy
    for budget, overlap, parent in [(40, 8, 120), (16, 8, 16)]
]


@given(documents, st.sampled_from(STRATEGIES))
@settings(max_examples=200, deadline=None)
def test_chunks_are_exact_complete_and_within_the_budget(parsed: ParsedDocument, chunking: Chunking) -> None:
    parsed = with_short_title(parsed, EMBEDDER)
    chunks = chunked(parsed, chunking)
    covered = set[int]()
    for number, chunk in enumerate(chunks):
        assert chunk.ordinal == number
        assert parsed.text[chunk.start : chunk.end] == chunk.text == chunk.text.strip()
        assert chunk.tokens == EMBEDDER.count_tokens([chunk.text])[0] <= chunking.budget_tokens
        assert (chunk.parent is None) == (chunking.strategy is not Strategy.PARENT_CHILD)
        assert chunk.parent is None or chunk.parent.start <= chunk.start < chunk.end <= chunk.parent.end
        covered |= set(range(chunk.start, chunk.end))
    wanted = {i for e in parsed.elements for i in range(e.start, e.end) if not parsed.text[i].isspace()}
    assert wanted <= covered
    assert len({c.id for c in chunks}) == len(chunks)
    assert [c.start for c in chunks] == sorted(c.start for c in chunks)
    assert [c.end for c in chunks] == sorted(c.end for c in chunks)
    assert_fit(chunks, parsed.title)
    assert chunked(parsed, chunking) == chunks


@given(documents)
@settings(max_examples=100, deadline=None)
def test_sentences_rows_and_lines_of_code_stay_whole(parsed: ParsedDocument) -> None:
    """A chunk begins and ends where a sentence, row or line does, unless that alone is over the budget.

    Titles, headings and the heading rows of tables take their part of it.
    """
    parsed = with_short_title(parsed, EMBEDDER)
    chunking = Chunking(budget_tokens=40, overlap_tokens=8)
    room = min(30, *material_of(parsed, embedder=EMBEDDER, chunking=chunking).rooms.values())
    whole = [(p.start, p.end) for section in outline(parsed).walk() for p in section.pieces]
    spans = [(start, end) for start, end in whole if EMBEDDER.count_tokens([parsed.text[start:end]])[0] <= room]
    for chunk in chunked(parsed, chunking):
        assert not [s for s in spans if s[0] < chunk.start < s[1] or s[0] < chunk.end < s[1]]


@given(st.lists(lines, min_size=1, max_size=8), st.sampled_from([0, 8, 20]))
@settings(max_examples=60, deadline=None)
def test_what_is_repeated_is_whole_sentences_within_the_overlap(bodies: list[str], most: int) -> None:
    parsed = parsed_of(*((ElementKind.PARAGRAPH, body, 0) for body in bodies))
    sentences = [(p.start, p.end) for section in outline(parsed).walk() for p in section.pieces]
    long = [(s, e) for s, e in sentences if EMBEDDER.count_tokens([parsed.text[s:e]])[0] > 40]
    chunks = chunked(parsed, Chunking(budget_tokens=40, overlap_tokens=most))
    for before, after in pairwise(chunks):
        if repeated := parsed.text[after.start : before.end]:
            assert EMBEDDER.count_tokens([repeated])[0] <= most
            assert after.start in {start for start, _ in sentences} or any(s < after.start < e for s, e in long)


@given(documents)
@settings(max_examples=60, deadline=None)
def test_parents_are_within_their_budget_and_do_not_overlap(parsed: ParsedDocument) -> None:
    parsed = with_short_title(parsed, EMBEDDER)
    chunks = chunked(parsed, Chunking(Strategy.PARENT_CHILD, budget_tokens=20, overlap_tokens=0, parent_tokens=100))
    parents = list(dict.fromkeys(c.parent for c in chunks if c.parent))
    assert all(left.end <= right.start for left, right in pairwise(parents))
    assert all(EMBEDDER.count_tokens([parsed.text[p.start : p.end]])[0] <= 100 for p in parents)


def test_windows_are_of_equal_size_and_overlap() -> None:
    parsed = parsed_of(prose(*([7] * 60)))
    chunks = chunked(parsed, Chunking(Strategy.FIXED, budget_tokens=40, overlap_tokens=10))
    assert {c.tokens > 30 for c in chunks[:-1]} == {True}
    assert all(before.end - after.start > 0 for before, after in pairwise(chunks))


def test_separators_divide_at_paragraphs_before_sentences() -> None:
    parsed = parsed_of(prose(9, 9), prose(9, 9), prose(30, 30))
    chunks = chunked(parsed, Chunking(Strategy.RECURSIVE, budget_tokens=45, overlap_tokens=0))
    starts = {parsed.elements[0].start, parsed.elements[2].start}
    assert starts <= {c.start for c in chunks}
    assert chunks[0].end == parsed.elements[1].end


def test_a_passage_by_meaning_ends_where_the_words_change() -> None:
    pumps = " ".join(f"Pump valve pressure number{n}." for n in range(6))
    leave = " ".join(f"Holiday leave vacation item{n}." for n in range(6))
    parsed = parsed_of((ElementKind.PARAGRAPH, f"{pumps} {leave}", 0))
    chunking = Chunking(Strategy.SEMANTIC, budget_tokens=200, overlap_tokens=0, breakpoint_percentile=80)
    assert parsed.text.index("Holiday") in {c.start for c in chunked(parsed, chunking)}


@given(st.lists(lines, min_size=2, max_size=6, unique=True), st.data())
@settings(max_examples=40, deadline=None)
def test_an_edit_in_one_section_leaves_the_ids_of_the_others(bodies: list[str], data: st.DataObject) -> None:
    """Sections that do not fit in one chunk together with others; the edited one keeps being too long for that."""
    filler = " filler" * LIMITS.budget_tokens
    edited = data.draw(st.integers(0, len(bodies) - 1))

    def ids(texts: list[str]) -> list[set[str]]:
        parsed = parsed_of(
            *(b for n, t in enumerate(texts) for b in (heading(f"H{n}"), (ElementKind.PARAGRAPH, t + filler, 0)))
        )
        chunks = chunked(parsed)
        return [{c.id.id for c in chunks if c.heading_path == (f"H{n}",)} for n in range(len(texts))]

    before = ids(bodies)
    after = ids([body + " Added here." if n == edited else body for n, body in enumerate(bodies)])
    assert [b == a for n, (b, a) in enumerate(zip(before, after, strict=True)) if n != edited] == [True] * (
        len(bodies) - 1
    )
    assert before[edited] != after[edited]
