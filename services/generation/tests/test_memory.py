"""Conversation: which questions need the one before, and how much of the past the model sees."""

import pytest
from assay_core.answers import Turn
from assay_generation.memory import recent, standalone

BEFORE = (Turn("user", "How many days of leave do I get?"), Turn("assistant", "28 days."))


@pytest.mark.parametrize(
    "question",
    [
        "Why?",
        "And in August?",
        "What about contractors?",
        "How is it requested?",
        "Can they be carried over?",
        "Is this true for interns?",
        "How do I get there?",
        "Who may have more?",
    ],
)
def test_follow_up_takes_the_question_before_it_along(question: str) -> None:
    assert standalone(question, BEFORE) == f"How many days of leave do I get? {question}"


@pytest.mark.parametrize(
    "question",
    ["Is there a canteen on board?", "How do I reach IT support?", "What does a bicycle ticket cost?"],
)
def test_question_that_stands_alone_stays(question: str) -> None:
    assert standalone(question, BEFORE) == question


def test_without_a_question_before_nothing_is_added() -> None:
    assert standalone("Why?", ()) == "Why?"
    assert standalone("Why?", (Turn("assistant", "Hello."),)) == "Why?"


def test_last_turns_within_the_budget_begin_with_the_user() -> None:
    history = (*BEFORE, Turn("user", "And August?"), Turn("assistant", "No."))
    assert recent(history, budget_tokens=100) == list(history)
    assert recent(history, budget_tokens=8) == list(history[2:])
    assert recent(history, budget_tokens=3) == []
    assert recent(history, budget_tokens=0) == []
