"""Twins differ where the answer turns, and no look lets them pass."""

from collections import Counter
from pathlib import Path

import pytest
from assay_adapters.cache_guard import refusal
from assay_core.errors import Invalid
from assay_evals.cache_twins import read_questions, twins_of

QUESTIONS = ("How many days of leave are there?", "Who repairs the pumps?", "Is parking free?")


def test_twins_are_different_of_all_kinds_and_the_same_for_a_seed() -> None:
    made = twins_of(QUESTIONS, number=210, seed=1)
    assert len(set(made)) == 210
    assert made == twins_of(QUESTIONS, number=210, seed=1)
    assert made != twins_of(QUESTIONS, number=210, seed=2)
    assert max(Counter(twin.kind for twin in made).values()) - min(Counter(twin.kind for twin in made).values()) <= 15
    for twin in made:
        assert twin.a != twin.b
        assert any(twin.a.startswith(question.rstrip("?")) for question in QUESTIONS)


def test_every_twin_is_told_apart_by_the_second_look_alone() -> None:
    passed = [twin for twin in twins_of(QUESTIONS, number=250, seed=3) if refusal(twin.a, twin.b) is None]
    assert passed == []


def test_more_twins_than_the_questions_give_are_refused() -> None:
    with pytest.raises(Invalid, match="give more questions or a lower --number"):
        twins_of(QUESTIONS, number=10_000, seed=0)


@pytest.mark.parametrize("line", ["{}", '{"question": " "}', '{"question": 3}', "[1]", "{"])
def test_a_line_without_a_question_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "q.jsonl").write_text('{"question": "Who?"}\n' + line)
    with pytest.raises(Invalid, match="line 2"):
        read_questions(tmp_path / "q.jsonl")
