"""What becomes of feedback: the reviewer's word, then that of who asked, then the platform's."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from assay_core.errors import Invalid
from assay_core.evaluation import GoldenPassage
from assay_core.feedback import Feedback, FeedbackState, FeedbackText, Thumb
from assay_gateway.labelled_cases import labelled_case
from assay_testing.answers import answer, citation, hit
from assay_wire.feedback import Review
from assay_wire.public import GoldenPassage as Passage

QUOTE = "Leave is twenty days."
NOW = datetime(2026, 1, 2, tzinfo=UTC)
ANSWER = answer(QUOTE, question="What may ann@example.org take?", sources=(hit("leave.md", QUOTE),),
                citations=(citation("leave.md", QUOTE), citation("leave.md", QUOTE)))  # fmt: skip
GIVEN = Feedback("f1", "a1", "c1", "bob", Thumb.UP, FeedbackText(), FeedbackState.OPEN, NOW)
ACCEPT = Review(decision="accept")


def test_a_good_answer_is_a_case_with_what_it_cites() -> None:
    case = labelled_case(GIVEN, ANSWER, ACCEPT)
    assert (case.id, case.question, case.answer) == ("feedback-f1", "What may [e-mail] take?", QUOTE)
    assert case.passages == (GoldenPassage("leave.md", QUOTE),)
    assert case.about == ("leave.md",)


def test_a_corrected_answer_and_a_missing_source_go_before_the_platforms() -> None:
    words = FeedbackText("It is 25 days, says Mrs Lee.", "policy.md", "25 days")
    case = labelled_case(replace(GIVEN, thumb=Thumb.DOWN, text=words), ANSWER, ACCEPT)
    assert case.answer == "It is 25 days, says Mrs [name]."
    assert case.passages == (GoldenPassage("policy.md", "25 days"),)


def test_the_reviewer_has_the_last_word() -> None:
    review = Review(decision="accept", question="How long?", answer="30", passages=(Passage(document="x", quote="30"),))
    case = labelled_case(replace(GIVEN, text=FeedbackText("25", "policy.md")), ANSWER, review)
    assert (case.question, case.answer, case.passages) == ("How long?", "30", (GoldenPassage("x", "30"),))
    nothing = labelled_case(GIVEN, ANSWER, Review(decision="accept", answerable=False))
    assert (nothing.answerable, nothing.answer, nothing.passages) == (False, "", ())


def test_what_does_not_tell_what_would_be_right_is_no_case() -> None:
    with pytest.raises(Invalid, match="send answer"):
        labelled_case(replace(GIVEN, thumb=Thumb.DOWN), ANSWER, ACCEPT)
    with pytest.raises(Invalid, match="send passages"):
        labelled_case(GIVEN, replace(ANSWER, citations=()), ACCEPT)
