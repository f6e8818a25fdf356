from random import Random

import pytest
from assay_training.edits import (
    CHANGING,
    KEEPING,
    NOT_ENOUGH,
    SUPPORTED,
    Around,
    Changed,
    announce,
    change_meaning,
    drop_condition,
    keep_meaning,
    negate,
)
from assay_training.lexicon import OPPOSITES, SYNONYMS

WINDOW = (
    "In 2005, the company employed 1,200 people in Berlin, which was more than in Paris. The new pump, the valve and "
    "the hose were not tested by Anna Smith before the delivery. It must be checked twice a year by the technician."
)
SENTENCES = WINDOW.replace("Paris. ", "Paris.|").replace("delivery. ", "delivery.|").split("|")
ELSEWHERE = [
    "Marie Curie discovered radium in the laboratory of the university in Paris.",
    "Employees may take leave after six months because of illness in the family.",
    "The canteen was closed on the last day of the year.",
]
CONDITIONAL = "The valve may be opened by the technician, unless the pressure is above two bar."
AROUND = Around(WINDOW, ELSEWHERE, "Rill 400")


@pytest.mark.parametrize("sentence", SENTENCES)
@pytest.mark.parametrize("seed", range(8))
def test_a_change_of_meaning_marks_what_is_not_in_the_source(sentence: str, seed: int) -> None:
    changed = change_meaning(sentence, Random(seed), AROUND)
    assert changed is not None
    assert changed.text != sentence
    assert changed.target != SUPPORTED
    assert changed.errors
    for start, end in changed.errors:
        assert 0 <= start < end <= len(changed.text)


def test_every_change_fits_some_sentence() -> None:
    rng = Random(1)
    for change, _ in CHANGING:
        assert any(change(s, rng, AROUND) for s in (*SENTENCES, CONDITIONAL) for _ in range(20)), change.__name__


def test_what_keeps_the_meaning_keeps_numbers_and_names() -> None:
    rng = Random(2)
    for change in KEEPING:
        for sentence in SENTENCES:
            changed = change(sentence, rng, AROUND)
            if changed is not None and "drop" not in change.__name__ and "respell" not in change.__name__:
                assert ("2005" in changed.text) == ("2005" in sentence), change.__name__
                assert ("Anna Smith" in changed.text) == ("Anna Smith" in sentence), change.__name__


def test_the_same_seed_makes_the_same_claims() -> None:
    assert [keep_meaning(s, Random(5), AROUND) for s in SENTENCES] == [
        keep_meaning(s, Random(5), AROUND) for s in SENTENCES
    ]


def test_a_negation_is_taken_out_or_put_in() -> None:
    changed = [negate(SENTENCES[1], Random(seed), AROUND) for seed in range(9)]
    found = {each.text for each in changed if each is not None}
    assert any("were tested" in text for text in found)
    put_in = negate(SENTENCES[2], Random(1), AROUND)
    assert put_in is not None
    assert "must not" in put_in.text or "must never" in put_in.text


def test_a_condition_is_dropped_with_no_mark_in_what_is_left() -> None:
    changed = drop_condition(CONDITIONAL, Random(1), AROUND)
    assert changed == Changed("The valve may be opened by the technician.", None, NOT_ENOUGH)
    assert drop_condition(SENTENCES[2], Random(1), AROUND) is None


def test_words_of_an_assistant_move_the_marks_along() -> None:
    changed = change_meaning(SENTENCES[0], Random(3), AROUND)
    assert changed is not None
    assert changed.errors is not None
    said = announce(changed, Random(1))
    assert said.errors is not None
    for (a, b), (c, d) in zip(changed.errors, said.errors, strict=True):
        assert changed.text[a:b].lower() == said.text[c:d].lower()


def test_the_lists_go_both_ways() -> None:
    assert "decrease" in OPPOSITES["increase"]
    assert "increase" in OPPOSITES["decrease"]
    assert "purchase" in SYNONYMS["buy"]
    assert not {a for a, others in SYNONYMS.items() if a in others}
