"""What is let through to the indexes."""

import pytest
from assay_core.errors import Invalid
from assay_retrieval.query import MAX_CHARACTERS, check_top_k, clean_query


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("  two\twords\n", "two words"),
        ("nul\x00byte", "nul byte"),
        ("cafe\u0301", "caf\u00e9"),
        ("lone \ud800 surrogate", "lone surrogate"),
    ],
)
def test_query_is_normalized(raw: str, clean: str):
    assert clean_query(raw) == clean


@pytest.mark.parametrize("raw", ["", "   ", "\x00\x01", "\n\n"])
def test_empty_query_is_refused(raw: str):
    with pytest.raises(Invalid) as caught:
        clean_query(raw)
    assert caught.value.code == "question_empty"


@pytest.mark.parametrize("raw", ["\U0001f600\U0001f334", "???", "\u2028--"])
def test_query_of_signs_alone_is_refused(raw: str):
    with pytest.raises(Invalid) as caught:
        clean_query(raw)
    assert caught.value.code == "question_without_words"


def test_long_query_is_refused_with_its_length_and_the_limit():
    with pytest.raises(Invalid, match=r"100,000 characters; the limit is 4,000") as caught:
        clean_query("x" * 100_000)
    assert caught.value.code == "question_too_long"
    assert clean_query("x" * MAX_CHARACTERS)


@pytest.mark.parametrize("top_k", [0, -1, 201])
def test_top_k_out_of_bounds_is_refused(top_k: int):
    with pytest.raises(Invalid, match="between 1 and 200"):
        check_top_k(top_k)
