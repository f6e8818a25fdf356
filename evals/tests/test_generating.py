"""Questions from documents: what is made of sentences and tables, what is filtered, and that it is always the same."""

import json
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

import httpx
import pytest
from assay_core.answers import Verdict
from assay_core.errors import Invalid, Unavailable
from assay_core.evaluation import GoldenPassage
from assay_core.golden_sets import check_set, sha256_of
from assay_evals.generating import facts, templates
from assay_evals.generating.chat import ChatWriter
from assay_evals.generating.filters import refusal
from assay_evals.generating.generate import Source, generate
from assay_testing.fake_judge import FakeJudge

POLICY = """# Travel Policy

The daily allowance is EUR 48 for trips within the country. Expense claims are submitted within 30 days of the trip.
It is not paid twice. The review takes up to ten working days.

The Finance Controller approves flights above EUR 500. The Finance Controller reviews late claims.

| Group | Cities | Limit per night |
|---|---|---|
| Group A | Oslo, Zurich | EUR 210 |
| Group B | Lyon | EUR 165 |
| Group C | all others | EUR 135 |
"""
GLOSSARY = """# Glossary

Arnsby is the head office of the company, on the river.

Red tag
    A tag on a device that must not be used. It is signed.

Parking at Arnsby costs EUR 5 per day.
"""
SOURCES = [Source("policy.md", POLICY), Source("glossary.txt", GLOSSARY)]


@dataclass(frozen=True)
class Passage:
    document_name: str
    text: str


def find(question: str) -> Sequence[Passage]:
    """Paragraphs by shared words."""
    words = set(re.findall(r"\w+", question.lower()))
    passages = [Passage(s.name, part) for s in SOURCES for part in s.text.split("\n\n")]
    return sorted(passages, key=lambda p: -len(words & set(re.findall(r"\w+", p.text.lower()))))[:5]


def asked(kind: str, made: Sequence[templates.Candidate]) -> dict[str, str]:
    return {c.question.question: c.question.answer for c in made if c.question.type == kind}


TOLD = [fact for s in SOURCES for fact in facts.facts_of(s.name, facts.title_of(s.text, s.name), s.text)]
CELLS = [cell for s in SOURCES for cell in facts.cells_of(s.name, facts.title_of(s.text, s.name), s.text)]


def test_sentences_become_questions() -> None:
    found = asked(templates.FACTOID, list(templates.factoids(TOLD, CELLS)))
    assert found.items() >= {
        ("How much is the daily allowance?", "EUR 48 for trips within the country"),
        ("Within what time are Expense claims submitted?", "within 30 days of the trip"),
        ("How long does the review take?", "up to ten working days"),
        ("Who approves flights above EUR 500?", "the Finance Controller"),
        ("What is Arnsby?", "the head office of the company, on the river"),
        ("What is Red tag?", "a tag on a device that must not be used"),
        ("What is the limit per night for Group B?", "EUR 165"),
    }
    assert not any("It" in question.split() for question in found), "a pronoun stands for nobody knows what"


def test_each_names_its_passage_by_quote() -> None:
    for candidate in templates.factoids(TOLD, CELLS):
        (passage,) = candidate.question.passages
        text = POLICY if passage.document == "policy.md" else GLOSSARY
        assert " ".join(passage.quote.split()) in " ".join(text.split())


def test_two_rows_are_compared_and_followed_up() -> None:
    more = asked(templates.COMPARISON, list(templates.comparisons(TOLD, CELLS)))
    assert more["Which has the higher limit per night, Group A or Group B?"] == "Group A"
    assert not any("cities" in question for question in more), "names of towns are no numbers"
    after = next(c.question for c in templates.follow_ups(CELLS) if "Limit" in c.statement or "limit" in c.statement)
    assert [turn.content for turn in after.history] == ["What is the limit per night for Group A?", "EUR 210"]
    assert (after.question, after.answer) == ("And for Group B?", "EUR 165")


def test_what_two_documents_say_is_compared() -> None:
    older = facts.facts_of("old.md", "Old Policy", "The daily allowance is EUR 40 a day.")
    found = asked(templates.COMPARISON, list(templates.comparisons([*TOLD, *older], [])))
    assert "Travel Policy: EUR 48" in found["How does the daily allowance differ between Travel Policy and Old Policy?"]


def test_two_sentences_are_joined() -> None:
    found = asked(templates.MULTI_HOP, list(templates.multi_hops(TOLD)))
    assert found["What does whoever approves flights above EUR 500 also review?"] == "late claims"
    assert any("the head office of the company" in question for question in found)
    for candidate in templates.multi_hops(TOLD):
        assert len(candidate.question.passages) == 2


def test_false_premises_change_the_number() -> None:
    found = asked(templates.FALSE_PREMISE, list(templates.false_premises(TOLD)))
    assert "Why is the daily allowance EUR 97?" in found
    assert "Why are Expense claims submitted within 61 days?" in found


def test_numbers_are_compared_in_one_unit_only() -> None:
    assert facts.numbers(["EUR 1,200", "EUR 9.50"]) == [1200, 9.5]
    assert facts.numbers(["1 hour", "4 hours"]) == [1, 4]
    assert facts.numbers(["30 minutes", "4 hours"]) is None
    assert facts.numbers(["2 to 3 days", "4 days"]) is None
    assert facts.numbers(["none", "4"]) is None


def test_a_set_has_its_types_and_can_be_stored() -> None:
    found = generate(SOURCES, 20, find=find, seed=1, judge=FakeJudge())
    check_set("generated", list(found.questions))
    assert found.by_type.keys() == set(templates.TYPES)
    assert all(q.about == ("policy.md",) or q.about == ("glossary.txt",) for q in found.questions if not q.answerable)


def test_the_seed_decides() -> None:
    same = [sha256_of(generate(order, 12, find=find, seed=3).questions) for order in (SOURCES, SOURCES[::-1])]
    assert same[0] == same[1]
    assert sha256_of(generate(SOURCES, 12, find=find, seed=4).questions) != same[0]


def test_what_searching_does_not_find_is_left_out() -> None:
    found = generate(SOURCES, 5, find=lambda _: [Passage("policy.md", "nothing")], seed=1)
    assert not any(question.answerable for question in found.questions)
    assert found.refused["its passage was not found by searching for it"] > 0
    with pytest.raises(Invalid, match="Not one question"):
        generate([Source("a.md", "Nothing to see here.")], 5, find=find, seed=1)


def test_filters_say_why() -> None:
    factoid = next(templates.factoids(TOLD, CELLS))
    assert refusal(factoid, find, FakeJudge()) is None
    assert "not found" in (refusal(factoid, lambda _: [], None) or "")
    doubting = FakeJudge(verdicts={factoid.statement: Verdict.UNSUPPORTED})
    assert "the judge does not find" in (refusal(factoid, find, doubting) or "")
    false = next(templates.false_premises(TOLD))
    assert refusal(false, find, FakeJudge()) is None
    believing = FakeJudge(verdicts={false.statement: Verdict.SUPPORTED})
    assert "false premise supported" in (refusal(false, find, believing) or "")
    untold = next(templates.unanswerables(TOLD, random.Random(1)))
    assert (
        refusal(untold, lambda _: [Passage("a", f"It is {untold.absent}ed.")], None)
        == "what it asks for is told after all"
    )


def test_no_document_is_said_as_such() -> None:
    with pytest.raises(Invalid, match="no document that you may read"):
        generate([], 5, find=find, seed=1)


def writer(*replies: object, tries: int = 3) -> ChatWriter:
    given = iter(replies)

    def answer(request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/v1/chat/completions"
        reply = next(given)
        if isinstance(reply, int):
            return httpx.Response(reply)
        content = reply if isinstance(reply, str) else json.dumps(reply)
        return httpx.Response(200, json={"choices": [{"message": {"content": content}}]})

    return ChatWriter(
        base_url="http://llm/v1", model="m", api_key=None, tries=tries, transport=httpx.MockTransport(answer)
    )


def test_a_language_model_writes_in_json_and_quotes() -> None:
    text = "Leave is twenty days.\nPaid."
    good = {"question": "How long?", "answer": "20 days", "quotes": ["Leave is  twenty days."]}
    model = writer(f"Sure! {json.dumps(good)}", "It is prose.", {**good, "quotes": ["Leave is thirty days."]})
    (made,) = model([("a.md", text)], templates.FACTOID, random.Random(1))
    assert made.question.passages == (GoldenPassage("a.md", "Leave is twenty days."),)
    assert model.failures == {
        "the model's reply is no JSON": 1,
        "the model's quote does not stand in its passage": 1,
    }


def test_a_language_model_that_does_not_answer_is_no_empty_set() -> None:
    with pytest.raises(Unavailable, match="gave no reply"):
        list(writer(503)([("a.md", "x")], templates.FACTOID, random.Random(1)))
