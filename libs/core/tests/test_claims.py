from assay_core.claims import claims_of


def test_sentences_are_claims_and_short_ones_take_the_question_along() -> None:
    assert claims_of("How long is the leave?", "20 days. It begins on a Monday.") == [
        "How long is the leave? 20 days.",
        "It begins on a Monday.",
    ]


def test_an_empty_answer_claims_nothing() -> None:
    assert claims_of("How long?", " \n") == []


def test_marks_are_no_part_of_a_claim() -> None:
    assert claims_of("", "It takes twenty days [1][2]. “Nobody knows of another way.” [12]") == [
        "It takes twenty days.",
        "“Nobody knows of another way.”",
    ]
