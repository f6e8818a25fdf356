"""Pairs that embeddings confuse, and pairs that mean the same."""

import pytest
from assay_adapters.cache_guard import refusal, same_meaning


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("How do I reset my password?", "how do I reset my password"),
        ("What is the travel budget?", "what's the budget for travel"),
        ("Is parking free in Arnsby?", "parking in arnsby: is it free?"),
        ("Don't visitors need a badge?", "Do not visitors need a badge"),
        ("How do I reset my password?", "What is the best way to reset a password?"),
        ("How can I purchase a laptop?", "how to buy a laptop"),
        ("travel budget", "What is the travel budget?"),
        ("Can you tell me where the canteen is?", "Where is the canteen?"),
        ("Which is better, Nimbus or Orion?", "Which is better, Orion or Nimbus?"),
        ("What are some rules for travel?", "What are the rules for travel?"),
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


@pytest.mark.parametrize(
    ("look", "a", "b"),
    [
        ("numbers", "Who approves 500 EUR?", "Who approves 5,000 EUR?"),
        ("dates", "What closes on Monday?", "What closes on Friday?"),
        ("units", "notice of two weeks", "notice of two months"),
        ("negation", "Who may travel with approval?", "Who may travel without approval?"),
        ("comparatives", "for loads below the limit", "for loads above the limit"),
        ("scope", "Do all employees get it?", "Do employees get it?"),
        ("polarity", "How is an alert opened?", "How is an alert closed?"),
        ("names", "Is parking free in Arnsby?", "Is parking free in Velden?"),
        ("asked", "How is cement made?", "Why is cement made?"),
        ("asked", "Is leave paid?", "Why is leave paid?"),
        ("asked", "How much leave is there?", "When is there leave?"),
        ("order", "What do the Croats think of the Turks?", "What do the Turks think of the Croats?"),
        ("order", "the way from oslo to lisbon", "the way from lisbon to oslo"),
        ("wording", "What leave do employees get?", "What leave do temporary employees get?"),
        ("wording", "Who repairs pumps?", "Who repairs valves?"),
    ],
)
def test_the_look_that_refuses_is_named_whichever_question_was_first(look: str, a: str, b: str):
    assert refusal(a, b) == look
    assert refusal(b, a) == look
