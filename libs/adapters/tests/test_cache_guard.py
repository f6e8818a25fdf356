"""Pairs that embeddings confuse, and pairs that mean the same."""

import pytest
from assay_adapters.cache_guard import same_meaning


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("How do I reset my password?", "how do I reset my password"),
        ("What is the travel budget?", "what's the budget for travel"),
        ("Is parking free in Arnsby?", "parking in arnsby: is it free?"),
        ("Don't visitors need a badge?", "Do not visitors need a badge"),
    ],
)
def test_the_same_question_in_other_words(a: str, b: str):
    assert same_meaning(a, b)
    assert same_meaning(b, a)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("What changed in 2023?", "What changed in 2025?"),
        ("Is smoking allowed?", "Is smoking not allowed?"),
        ("How do I enable alerts?", "How do I disable alerts?"),
        ("Is leave paid?", "Is leave unpaid?"),
        ("Which reagents are stable?", "Which reagents are unstable?"),
        ("Is parking free in Arnsby?", "Is parking free in Velden?"),
        ("error E-36", "error E-63"),
        ("What does IT approve?", "What does HR approve?"),
        ("Who may travel with approval?", "Who may travel without approval?"),
        ("two weeks of notice", "three weeks of notice"),
        ("What applies before the audit?", "What applies after the audit?"),
        ("Can visitors enter?", "Can't visitors enter?"),
    ],
)
def test_one_word_turns_the_meaning(a: str, b: str):
    assert not same_meaning(a, b)
    assert not same_meaning(b, a)
