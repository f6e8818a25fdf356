"""Correctness by words: against SQuAD's definition, worked out by hand, and against rouge-score."""

import pytest
from assay_evals.correctness import exact_match, is_correct, rouge_l, similarity_of, token_f1
from assay_testing.fake_embedder import FakeEmbedder

# (answer, golden, F1), as rouge-score 0.1.2 computes rougeL without stemming.
ROUGE = [
    ("Parental leave is twenty days for each parent.", "twenty days", 0.4),
    ("The cat sat on the mat", "the cat was sitting on a mat", 0.615385),
    ("police killed the gunman", "the gunman police killed", 0.5),
    ("EUR 64.50 per day", "64.50 EUR a day, per person", 0.5),
    ("", "x", 0.0),
    ("Größe über alles", "Größe unter allem", 0.5),
    ("It's the 2nd-best option, isn't it?", "the second best option", 0.461538),
]


def test_exact_match_passes_over_case_punctuation_articles_and_marks() -> None:
    assert exact_match("The  Twenty days. [1]", ["twenty days"]) == 1
    assert exact_match("twenty-one days", ["twenty days"]) == 0


def test_token_f1_counts_each_word_as_often_as_both_have_it() -> None:
    # Shared: "days" twice and "ten"; 3 of 4 words of the answer, 3 of 5 of the golden one.
    assert token_f1("ten days, days more", ["ten days or days off"]) == pytest.approx(2 * 3 / (4 + 5))
    assert token_f1("", ["the"]) == 1, "SQuAD: both are empty after normalisation"
    assert token_f1("", ["ten"]) == 0


def test_of_several_accepted_answers_the_nearest_counts() -> None:
    assert exact_match("20 days", ["twenty days", "20 days"]) == 1
    assert token_f1("20 days", ["weeks", "20 days off"]) == pytest.approx(0.8)


@pytest.mark.parametrize(("answer", "golden", "expected"), ROUGE)
def test_rouge_l_is_that_of_the_package(answer: str, golden: str, expected: float) -> None:
    assert rouge_l(answer, [golden]) == pytest.approx(expected, abs=1e-6)


def test_an_answer_that_holds_the_golden_one_is_correct() -> None:
    assert is_correct("It is twenty days for each parent, says the policy. [1]", ["twenty days"])
    assert not is_correct("It is twenty-two days.", ["twenty days off work"])
    assert not is_correct("Prodays are twentydays.", ["days"]), "within a word is not contained"


def test_similarity_is_the_cosine() -> None:
    similarity = similarity_of(FakeEmbedder())
    assert similarity("twenty days", "twenty days") == pytest.approx(1)
    assert similarity("twenty days", "the canteen") < 0.9
