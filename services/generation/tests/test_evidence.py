"""Which spans of a passage are looked at, and in which order."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from assay_generation.evidence import in_context, rank, spans_of
from assay_generation.remembering import RememberingEmbedder
from assay_generation.testing import FARES, LEAVE, make_hit
from assay_testing.fake_embedder import FakeEmbedder
from hypothesis import given
from hypothesis import strategies as st

TABLE = "## Lodging\n\n| Group | Cities | Limit |\n|---|---|---|\n| A | Paris | EUR 210 |\n| B | Vienna | EUR 165 |\n"


def spans(text: str) -> list[str]:
    return [text[start:end] for start, end in spans_of(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("# Only a heading", []),
        ("One thing. Another.", ["One thing.", "Another."]),
        ("Can I fly? Only above five hours. Ask.", ["Can I fly? Only above five hours.", "Ask."]),
        ("Why?", ["Why?"]),
        ("Bring:\n- a vest\n- a helmet\n\nThen wait.", ["Bring:\n- a vest\n- a helmet", "Then wait."]),
        ("Bring:\n\nThen wait.", ["Bring:", "Then wait."]),
        (TABLE, ["| Group | Cities | Limit |", "| A | Paris | EUR 210 |", "| B | Vienna | EUR 165 |"]),
    ],
)
def test_spans(text: str, expected: list[str]) -> None:
    assert spans(text) == expected


def test_long_list_is_not_one_span() -> None:
    items = "".join(f"- item number {n} of a long list of things to bring\n" for n in range(20))
    assert max(map(len, spans("Bring these things:\n" + items))) <= 400


@given(st.text(alphabet="aA .?!:\n-|#1[]", max_size=200))
def test_spans_lie_in_the_text_in_order_without_overlap(text: str) -> None:
    position = 0
    for start, end in spans_of(text):
        assert position <= start < end <= len(text)
        position = end


def test_table_row_is_read_with_the_head_of_its_table_and_a_short_line_with_its_heading() -> None:
    hit = make_hit(TABLE)
    row = TABLE.index("| B |")
    assert in_context(hit, row, row + 24) == "Handbook: | Group | Cities | Limit |\n| B | Vienna | EUR 165 |"
    short = make_hit("Not allowed.")
    assert in_context(short, 0, 12) == "Handbook: Not allowed."
    assert in_context(make_hit(LEAVE), 0, 53) == LEAVE[:53]


def test_the_sentence_that_says_it_comes_first() -> None:
    hits = [make_hit(LEAVE), make_hit(FARES)]
    best = rank(FakeEmbedder(), "How much do bicycles cost?", hits)[0]
    assert hits[best.hit].text[best.start : best.end] == "Bicycles cost 3 pounds."
    assert rank(FakeEmbedder(), "Why?", []) == []
    assert rank(FakeEmbedder(), "Why?", [make_hit("# Heading")]) == []


class Counting(FakeEmbedder):
    def __init__(self) -> None:
        super().__init__()
        self.embedded: list[str] = []

    def embed_passages(self, texts: Sequence[str]) -> list[list[float]]:
        self.embedded.extend(texts)
        return super().embed_passages(texts)


def test_sentences_are_embedded_once() -> None:
    inner = Counting()
    embedder = RememberingEmbedder(inner, size=3)
    first = embedder.embed_passages(["a b", "c d", "a b"])
    assert embedder.embed_passages(["c d", "a b"]) == [first[1], first[0]]
    assert inner.embedded == ["a b", "c d"]
    embedder.embed_passages(["e", "f", "g"])
    embedder.embed_passages(["a b"])
    assert inner.embedded == ["a b", "c d", "e", "f", "g", "a b"]


def test_of_two_equal_sentences_the_one_below_the_asked_title_comes_first() -> None:
    text = "Working alone is not allowed at night."
    hits = [replace(make_hit(text), title=title) for title in ("Site rules: Arnsby", "Site rules: Port Velden")]
    best, *_ = rank(FakeEmbedder(), "Is working alone allowed at Port Velden?", hits)
    assert best.hit == 1
