"""Pairs of questions that are one word apart, and worlds apart in their answers.

Each is a question of the sample with a condition added, of which one word is another in the twin: a number, a date, a
unit, a name, a comparative, a word of scope, or one that negates.
"""

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from assay_core.errors import Invalid

_CONDITIONS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "number": (
        "for {} people|on floor {}|for model {}|with {} attachments|for the group of {}|on page {}|if {} have signed",
        ("2", "3", "7", "12", "15", "40", "250", "1,000", "two", "four", "nine", "eleven", "twenty"),
    ),
    "date": (
        "since {}|as of {}|until {}|from {} on|if asked in {}|for contracts of {}",
        ("2019", "2023", "2025", "March 2024", "June 2024", "May 2021", "January", "October", "Monday", "Friday"),
    ),
    "unit": (
        "within five {}|if it takes 30 {}|after ten {}|for a term of 12 {}|when 90 {} have passed",
        ("minutes", "hours", "days", "weeks", "months", "years", "seconds", "quarters", "shifts", "nights"),
    ),
    "entity": (
        "in {}|at the {} office|for the team in {}|according to {}|for {}|if {} asks",
        ("Oslo", "Lisbon", "Toronto", "Kraków", "Nimbus", "Orion", "HR", "IT", "Anna", "Pavel", "Samsung", "lisbon",
         "oslo", "toronto"),
    ),
    "comparative": (
        "if it is {} than planned|for a bill {} than usual|when the load is {} than the limit|if it is {} than his",
        ("larger", "smaller", "longer", "shorter", "higher", "lower", "heavier", "lighter", "faster", "slower",
         "cheaper", "dearer"),
    ),
    "scope": (
        "for {} employees|in {} buildings|on {} days|with {} documents|for {} members of the team",
        ("all", "some", "most", "few", "no", "only new", "certain", "foreign", "temporary", "permanent", "retired",
         "part-time", "full-time"),
    ),
}  # fmt: skip
_NEGATED = (
    ("if it is approved", "if it is not approved"),
    ("when the form was signed", "when the form was never signed"),
    ("with a receipt", "without a receipt"),
    ("if the manager agrees", "if the manager disagrees"),
    ("for those who are insured", "for those who are uninsured"),
    ("when this is allowed", "when this is forbidden"),
    ("if I have a badge", "if I have no badge"),
    ("if it was announced", "if it wasn't announced"),
    ("when the alarm is on", "when the alarm is off"),
    ("if one has registered", "if one has failed to register"),
    ("if they can attend", "if they can't attend"),
    ("including holidays", "excluding holidays"),
)


@dataclass(frozen=True, slots=True)
class Twin:
    """Two questions with different answers, and what tells them apart."""

    kind: str
    a: str
    b: str


def read_questions(path: Path) -> list[str]:
    """The questions of a file of JSON lines with a "question". Raises `Invalid`, naming the line that has none."""
    questions: list[str] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            found = json.loads(line)
        except ValueError as error:
            raise Invalid(f"{path}, line {number} is no JSON: {error}", code="bad_questions") from error
        question = cast("Mapping[str, object]", found).get("question") if isinstance(found, dict) else None
        if not isinstance(question, str) or not question.strip():
            raise Invalid(f'{path}, line {number} has no "question".', code="bad_questions")
        questions.append(question.strip())
    return questions


def twins_of(questions: Sequence[str], *, number: int, seed: int) -> list[Twin]:
    """So many different twins, of each kind about as many.

    Raises:
        Invalid: the questions are too few for that.
    """
    conditions = {kind: _pairs(kind) for kind in (*_CONDITIONS, "negation")}
    most = len(set(questions)) * min(len(pairs) for pairs in conditions.values()) * len(conditions)
    if number > most:
        raise Invalid(
            f"{len(set(questions))} questions give at most {most} twins; give more questions or a lower --number.",
            code="too_few_questions",
        )
    draw, kinds, asked = random.Random(seed), list(conditions), sorted(set(questions))
    made: dict[Twin, None] = {}
    while len(made) < number:
        kind = kinds[len(made) % len(kinds)]
        a, b = draw.choice(conditions[kind])
        question = draw.choice(asked).rstrip("?. ")
        made[Twin(kind, f"{question} {a}?", f"{question} {b}?")] = None
    return list(made)


def _pairs(kind: str) -> list[tuple[str, str]]:
    """Conditions of a kind that are one word apart."""
    if kind == "negation":
        return list(_NEGATED)
    templates, values = _CONDITIONS[kind]
    return [
        (template.format(x), template.format(y))
        for template in templates.split("|")
        for x in values
        for y in values
        if x.lower() != y.lower()
    ]
