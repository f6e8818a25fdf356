"""Sentences that only say the question again."""

import pytest
from assay_generation.words import echoes

SOURCE = "Working alone in the laboratory is not allowed between 18:00 and 07:00."


@pytest.mark.parametrize(
    ("question", "sentence", "echo"),
    [
        ("Between which hours is working alone not allowed?", "The question asks for the hours.", True),
        ("Between which hours is working alone not allowed?", "Working alone is not allowed at some hours.", True),
        ("Between which hours is working alone not allowed?", "Between 18:00 and 07:00.", False),
        ("Where is working alone not allowed?", "It is not allowed in the laboratory.", False),
        ("Is working alone allowed?", "Working alone is not allowed.", False),
    ],
)
def test_a_sentence_that_adds_nothing_of_the_source_to_an_open_question_is_an_echo(
    question: str, sentence: str, echo: bool
):
    assert echoes(question, sentence, SOURCE) is echo
