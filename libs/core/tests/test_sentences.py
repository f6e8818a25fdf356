import pytest
from assay_core.sentences import split_sentences
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("", []),
        ("  \n ", []),
        ("One. Two!  Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("It costs 3.50 EUR. Really.", ["It costs 3.50 EUR.", "Really."]),
        ("Dr. Smith met Mr. J. Doe. They left.", ["Dr. Smith met Mr. J. Doe.", "They left."]),
        (
            "Use tools, e.g. Rill 400, i.e. the pump. Done.",
            ["Use tools, e.g. Rill 400, i.e. the pump.", "Done."],
        ),
        ("See no. 5 for more. He said no. She left.", ["See no. 5 for more.", "He said no.", "She left."]),
        (
            "You get 20 days [1]. Ask HR.[2] Then go. [3] Fine.",
            ["You get 20 days [1].", "Ask HR.[2]", "Then go. [3]", "Fine."],
        ),
        ("First line\ngoes on. Next.\n\nNew one", ["First line\ngoes on.", "Next.", "New one"]),
        (
            "# Leave\nYou get 20.\n- one\n- two. Three.\n",
            ["# Leave", "You get 20.", "- one", "- two.", "Three."],
        ),
        ("1. Open it. Wait.\n2. Close it.", ["1. Open it.", "Wait.", "2. Close it."]),
        ("| a | b |\n|---|---|\n| 1 | 2 |", ["| a | b |", "|---|---|", "| 1 | 2 |"]),
        ('He said "Stop." Then left.', ['He said "Stop."', "Then left."]),
        ("Version 2.3.5 of api.v1 works. ok then", ["Version 2.3.5 of api.v1 works. ok then"]),
        ("これは文です。次の文。", ["これは文です。", "次の文。"]),
        ("The answer is I. You know.", ["The answer is I.", "You know."]),
    ],
)
def test_sentences_are_split_where_a_reader_would(text: str, sentences: list[str]) -> None:
    assert [text[start:end] for start, end in split_sentences(text)] == sentences


@given(st.text(alphabet='ab .!?\n-#|[]1234"', max_size=80))
def test_spans_are_ordered_trimmed_and_cover_all_but_space(text: str) -> None:
    spans = split_sentences(text)
    position = 0
    for start, end in spans:
        assert position <= start < end
        assert not text[position:start].strip()
        assert text[start:end] == text[start:end].strip()
        position = end
    assert not text[position:].strip()
