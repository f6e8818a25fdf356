import hashlib
import json
from dataclasses import replace

import pytest
from assay_core.errors import Invalid
from assay_core.evaluation import GoldenPassage, GoldenQuestion
from assay_core.golden_sets import MAX_QUESTIONS, as_jsonl, check_set, read_question, sha256_of

ONE = GoldenQuestion("1", "Wie groß?", "Blue", True, (GoldenPassage("d", "blue", 2),), alternatives=("azure",))
TWO = GoldenQuestion("2", "When?", "", False, about=("d",))


def test_the_hash_tells_content_not_order() -> None:
    assert sha256_of([ONE, TWO]) == sha256_of([TWO, ONE])
    assert len({sha256_of([ONE]), sha256_of([TWO]), sha256_of([replace(ONE, alternatives=())])}) == 3


def test_the_hash_is_that_of_the_lines() -> None:
    assert hashlib.sha256(as_jsonl([TWO, ONE]).encode()).hexdigest() == sha256_of([ONE, TWO])


def test_lines_read_back_as_what_they_were() -> None:
    lines = as_jsonl([TWO, ONE]).splitlines()
    assert [read_question(json.loads(line), "here") for line in lines] == [ONE, TWO]


@pytest.mark.parametrize(
    ("name", "questions", "message"),
    [
        ("traffic", [ONE], "yesterday"),
        ("a b", [ONE], "cannot name"),
        ("golden", [], "no questions"),
        ("golden", [TWO] * (MAX_QUESTIONS + 1), "limit is 5,000"),
        ("golden", [ONE, TWO, ONE], "question 3: the id '1' stands there twice"),
        ("golden", [ONE, replace(TWO, answerable=True)], "question 2: '2' is answerable"),
    ],
)
def test_sets_that_cannot_be_stored_are_refused(name: str, questions: list[GoldenQuestion], message: str) -> None:
    with pytest.raises(Invalid, match=message):
        check_set(name, questions)


@pytest.mark.parametrize("grade", [0, -1, "1", True, 1.5])
def test_a_grade_is_an_integer_from_1(grade: object) -> None:
    raw = {"id": "1", "question": "Why?", "passages": [{"document": "d", "quote": "q", "grade": grade}]}
    with pytest.raises(Invalid, match="grade"):
        read_question(raw, "here")
