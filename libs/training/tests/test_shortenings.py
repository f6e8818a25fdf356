import pytest
from assay_training.shortenings import joined, shortenings


@pytest.mark.parametrize(
    ("sentence", "halves"),
    [
        (
            "A token is shown only once and is valid for 180 days.",
            ["A token is shown only once.", "A token is valid for 180 days."],
        ),
        (
            "The pump must be checked twice a year, and has a filter of steel.",
            ["The pump must be checked twice a year.", "The pump has a filter of steel."],
        ),
        (
            "The town lies at the river; the old mill was built in 1810.",
            ["The town lies at the river.", "The old mill was built in 1810."],
        ),
    ],
)
def test_each_half_is_said_of_the_same_subject(sentence: str, halves: list[str]) -> None:
    assert shortenings(sentence) == halves


@pytest.mark.parametrize(
    "sentence",
    [
        "The pump weighs 40 kg.",
        "If the pump is wet and is cold, the valve must be closed.",
        "It is the enzyme that cuts RNA and is found in yeast.",
        "Neither the pump is checked and is oiled nor the hose.",
        "The heat is high, the hall is dark and is closed.",
        "No visitor is admitted and is led through the hall.",
    ],
)
def test_nothing_is_made_where_the_half_may_be_untrue(sentence: str) -> None:
    assert shortenings(sentence) == []


def test_a_condition_stays_with_both_halves_or_the_first_is_left_out() -> None:
    halves = shortenings("The leave is granted by the manager and is paid in full if it was asked for in writing.")
    assert halves == ["The leave is paid in full if it was asked for in writing."]


def test_two_sentences_become_one_that_says_each() -> None:
    whole = joined("Frederic Chopin was born in 1810.", "He was taught by Adalbert Zywny.")
    assert whole == "Frederic Chopin was born in 1810 and was taught by Adalbert Zywny."
    whole = joined("The pump is blue.", "The valve was made in Ulm.")
    assert whole == "The pump is blue, and the valve was made in Ulm."
    assert shortenings(whole) == ["The pump is blue.", "The valve was made in Ulm."]


@pytest.mark.parametrize(
    "second", ["It may be that it rains.", "Green valves were made in Ulm.", "The valve was made in Ulm if asked for."]
)
def test_sentences_that_do_not_surely_fit_stay_apart(second: str) -> None:
    assert joined("The pump is blue.", second) is None
