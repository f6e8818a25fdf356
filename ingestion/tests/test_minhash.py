"""Signatures: near texts are near, the key decides everything, and the estimate is what it claims to be."""

import random

import pytest
from assay_ingestion.minhash import VALUES, signature
from assay_store.near_duplicates import Signature, similarity

KEY = b"k" * 32


def of(text: str, key: bytes = KEY) -> Signature:
    made = signature(text, key)
    assert made is not None
    return made


def words(count: int, seed: int = 0) -> list[str]:
    rng = random.Random(seed)
    return [f"w{rng.randrange(5000)}" for _ in range(count)]


def test_equal_texts_are_equal_whatever_their_case_and_marks() -> None:
    text = " ".join(words(300))
    assert of(text) == of(text.upper().replace(" ", ",\n"))
    assert of(text) == of(text.replace(" ", "_ “…” "))
    assert len(of(text).values) == 4 * VALUES


@pytest.mark.parametrize("changed", [0, 5, 20, 60])
def test_the_estimate_is_near_the_jaccard_index(changed: int) -> None:
    one = words(2000)
    other = list(one)
    for place in random.Random(1).sample(range(len(one)), changed):
        other[place] = "new"
    runs = [{tuple(w[i : i + 4]) for i in range(len(w) - 3)} for w in (one, other)]
    exact = len(runs[0] & runs[1]) / len(runs[0] | runs[1])
    # The standard error of 126 values is at most .045.
    assert abs(similarity(of(" ".join(one)).values, of(" ".join(other)).values) - exact) < 0.13


def test_near_texts_share_a_band_and_others_do_not() -> None:
    one, other = words(1000), words(1000, seed=7)
    near = [*one[:490], "new", *one[491:]]
    assert set(of(" ".join(one)).bands) & set(of(" ".join(near)).bands)
    assert not set(of(" ".join(one)).bands) & set(of(" ".join(other)).bands)
    assert similarity(of(" ".join(one)).values, of(" ".join(other)).values) < 0.1


def test_another_key_makes_another_signature() -> None:
    text = " ".join(words(500))
    assert similarity(of(text).values, of(text, b"o" * 32).values) < 0.1
    assert not set(of(text).bands) & set(of(text, b"o" * 32).bands)


def test_what_is_too_short_has_none_and_scripts_without_spaces_have_one() -> None:
    assert signature("Too short to tell.", KEY) is None
    assert signature("", KEY) is None
    assert signature("休暇は二十日です。申請は三月までに出してください。", KEY) is not None
