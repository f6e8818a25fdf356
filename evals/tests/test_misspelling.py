import random

import pytest
from assay_core.spelling import edits_between
from assay_evals.misspelling import misspelled
from hypothesis import given
from hypothesis import strategies as st


@given(st.integers(0, 2**32), st.from_regex(r"[a-z]{5,12}", fullmatch=True))
def test_one_word_gets_one_slip_and_keeps_its_first_letter(seed: int, word: str) -> None:
    changed = misspelled(f"The {word}?", random.Random(seed))
    written = changed.removeprefix("The ").removesuffix("?")
    assert written[0] == word[0]
    assert edits_between(word, written, most=1) is not None


@pytest.mark.parametrize("question", ["", "E1042 ABC-def Hello go", "你好", "re-entry foo_barbaz"])
def test_what_has_no_plain_word_stays(question: str) -> None:
    assert misspelled(question, random.Random(1)) == question


def test_the_same_seed_misspells_alike() -> None:
    question = "how many days of annual leave are there"
    assert misspelled(question, random.Random(3)) == misspelled(question, random.Random(3)) != question
