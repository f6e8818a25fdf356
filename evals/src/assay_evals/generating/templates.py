"""Questions from facts and tables: a template for each type. Each names its passage by quote."""

import hashlib
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

from assay_core.answers import Turn
from assay_core.evaluation import GoldenPassage, GoldenQuestion

from assay_evals.generating.facts import Cell, Fact, Kind, head_of, numbers

FACTOID, MULTI_HOP, COMPARISON = "factoid", "multi_hop", "comparison"
UNANSWERABLE, FALSE_PREMISE, FOLLOW_UP = "unanswerable", "false_premise", "follow_up"
TYPES = (FACTOID, MULTI_HOP, COMPARISON, UNANSWERABLE, FALSE_PREMISE, FOLLOW_UP)
_DIGITS = re.compile(r"\d[\d.,]*\d|\d")
# What nothing in a corpus of rules and manuals is likely to say; the filter looks whether it does all the same.
_NOT_TOLD = (
    ("Who invented {}?", "invent"),
    ("What colour is {}?", "colour"),
    ("Who was the first to criticise {}?", "criticis"),
    ("How much does {} weigh?", "weigh"),
    ("Which poem mentions {}?", "poem"),
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A question that still has to pass the filters.

    Attributes:
        statement: the answer as a sentence, for the judge; of a false premise, the false one.
        absent: what no passage may hold, or the question has an answer after all.
    """

    question: GoldenQuestion
    statement: str
    absent: str = ""


def factoids(facts: Sequence[Fact], cells: Sequence[Cell]) -> Iterator[Candidate]:
    """One question for each fact and each cell."""
    twice = _told_twice(facts)
    for fact in facts:
        asked = ask(fact, fact.subject) + (f", according to {fact.title}?" if fact.subject in twice else "?")
        yield _candidate(FACTOID, asked, fact.answer, [(fact.document, fact.quote)], fact.quote)
    for cell in cells:
        yield _candidate(FACTOID, f"{_ask_cell(cell)}?", cell.value, [(cell.document, cell.quote)], _said(cell))


def comparisons(facts: Sequence[Fact], cells: Sequence[Cell]) -> Iterator[Candidate]:
    """Which of two rows has more, and how what two documents say of one thing differs."""
    for one, other in pairwise(cells_by_column(cells)):
        values = numbers([one.value, other.value])
        if _same_column(one, other) and values and values[0] != values[1]:
            more = one if values[0] > values[1] else other
            yield _candidate(
                COMPARISON,
                f"Which has the higher {_within(one.column)}, {one.row} or {other.row}?",
                more.row,
                [(one.document, one.quote), (other.document, other.quote)],
                f"{_said(one)} {_said(other)}",
            )
    for one, other in combinations(facts, 2):
        if (
            (one.subject, one.kind) == (other.subject, other.kind)
            and one.title != other.title
            and one.answer != other.answer
        ):
            yield _candidate(
                COMPARISON,
                f"How does {one.subject} differ between {one.title} and {other.title}?",
                f"{one.title}: {one.answer}; {other.title}: {other.answer}",
                [(one.document, one.quote), (other.document, other.quote)],
                f"{one.quote} {other.quote}",
            )


def multi_hops(facts: Sequence[Fact]) -> Iterator[Candidate]:
    """A fact whose subject is named by what another sentence says of it, or two deeds of one person."""
    for one, other in combinations([fact for fact in facts if fact.kind is Kind.ACTOR], 2):
        if one.answer == other.answer and one.quote != other.quote:
            yield _candidate(
                MULTI_HOP,
                f"What does whoever {one.verb} {one.subject} also {_base(other.verb)}?",
                other.subject,
                [(other.document, other.quote), (one.document, one.quote)],
                f"{other.quote} {one.quote}",
            )
    for bridge in facts:
        described = _described(bridge)
        if described is None:
            continue
        name, description = described
        for fact in facts:
            if fact.quote == bridge.quote or fact.kind in (Kind.DEFINITION, Kind.ACTOR):
                continue
            subject = re.sub(rf"(?i)^(?:the )?{re.escape(name)}$", description, fact.subject)
            if subject == fact.subject:
                subject = re.sub(
                    rf"(?i)\b(?:(of|at|in|for) )(?:the )?{re.escape(name)}$", rf"\1 {description}", fact.subject
                )
            if subject != fact.subject:
                yield _candidate(
                    MULTI_HOP,
                    f"{ask(fact, subject)}?",
                    fact.answer,
                    [(fact.document, fact.quote), (bridge.document, bridge.quote)],
                    f"{fact.quote} {bridge.quote}",
                )


def unanswerables(facts: Sequence[Fact], draw: random.Random) -> Iterator[Candidate]:
    """What is not told of something that is."""
    for fact in (fact for fact in facts if fact.kind is not Kind.ACTOR):
        template, absent = draw.choice(_NOT_TOLD)
        question = question_of(UNANSWERABLE, template.format(fact.subject), "", (), about=(fact.document,))
        yield Candidate(question, "", absent)


def false_premises(facts: Sequence[Fact]) -> Iterator[Candidate]:
    """Why something is so that is not: the number of a fact, changed."""
    for fact in facts:
        if not fact.value or not (found := _DIGITS.search(fact.value)) or fact.verb not in ("is", "are"):
            continue
        changed = fact.value.replace(found[0], _other_number(found[0]), 1)
        done = f" {fact.done} within" if fact.done else ""
        question = question_of(
            FALSE_PREMISE, f"Why {fact.verb} {fact.subject}{done} {changed}?", "", (), about=(fact.document,)
        )
        statement = f"{fact.subject[:1].upper()}{fact.subject[1:]} {fact.verb}{done} {changed}."
        yield Candidate(question, statement, changed)


def follow_ups(cells: Sequence[Cell]) -> Iterator[Candidate]:
    """The same column of another row, after the first was asked for."""
    for one, other in pairwise(cells_by_column(cells)):
        if _same_column(one, other):
            history = (Turn("user", f"{_ask_cell(one)}?"), Turn("assistant", one.value))
            passages = (GoldenPassage(other.document, other.quote),)
            question = question_of(FOLLOW_UP, f"And for {other.row}?", other.value, passages, history=history)
            yield Candidate(question, _said(other))


def ask(fact: Fact, subject: str) -> str:
    """The question that a fact answers, without its question mark."""
    match fact.kind:
        case Kind.DEADLINE:
            verb = "are" if fact.verb == "are" else "is"
            return f"Within what time {verb if fact.verb != 'must be' else 'must'} {subject} " + (
                f"be {fact.done}" if fact.verb == "must be" else fact.done
            )
        case Kind.ACTOR:
            return f"Who {fact.verb} {subject}"
        case Kind.AGENT:
            return f"By whom {fact.verb} {subject} {fact.done}"
        case Kind.AMOUNT | Kind.DURATION if fact.verb not in ("is", "are"):
            how = "much" if fact.kind is Kind.AMOUNT else "long"
            return f"How {how} does {subject} {_base(fact.verb)}"
        case Kind.AMOUNT:
            return f"How much {fact.verb} {subject}"
        case Kind.DURATION:
            return f"How long {fact.verb} {subject}"
        case _:
            return f"What {'are' if fact.verb == 'are' else 'is'} {subject}"


def _base(verb: str) -> str:
    """The verb without the ending of the third person: "approves", "amounts to"."""
    return re.sub(r"^(\w+?)s\b", r"\1", verb)


def cells_by_column(cells: Sequence[Cell]) -> list[Cell]:
    """Cells so that those of one column follow each other."""
    return sorted(cells, key=lambda cell: (cell.document, cell.table, cell.column))


def _same_column(one: Cell, other: Cell) -> bool:
    return (one.document, one.table, one.column) == (other.document, other.table, other.column) and one.row != other.row


def _told_twice(facts: Sequence[Fact]) -> set[str]:
    documents: dict[str, set[str]] = {}
    for fact in facts:
        documents.setdefault(fact.subject, set()).add(fact.document)
    return {subject for subject, found in documents.items() if len(found) > 1}


def _described(bridge: Fact) -> tuple[str, str] | None:
    """A name, and what may stand in its place."""
    if bridge.kind is Kind.AGENT:
        return bridge.answer.removeprefix("the "), f"the one by whom {bridge.subject} {bridge.verb} {bridge.done}"
    if bridge.kind is Kind.DEFINITION and bridge.verb == "is":
        head = head_of(bridge.answer)
        name = bridge.subject.removeprefix("the ")
        if len(head.split()) >= 3 and len(name) >= 3 and name.lower() not in head.lower():
            return name, re.sub(r"^an? ", "the ", head)
    return None


def _other_number(number: str) -> str:
    plain = number.replace(",", "")
    if "." in plain:
        return f"{float(plain) * 2 + 1:.{len(plain.split('.')[1])}f}"
    return str(int(plain) * 2 + 1)


def _ask_cell(cell: Cell) -> str:
    return f"What {_is(cell)} the {_within(cell.column)} for {cell.row}"


def _said(cell: Cell) -> str:
    return f"The {_within(cell.column)} for {cell.row} {_is(cell)} {cell.value}."


def _is(cell: Cell) -> str:
    first = cell.column.split()[0]
    return "are" if first.endswith("s") and not first.endswith(("ss", "us", "is")) else "is"


def _within(head: str) -> str:
    """A column's head as it stands within a sentence."""
    return head if len(head) > 1 and head[1].isupper() else f"{head[:1].lower()}{head[1:]}"


def _candidate(kind: str, question: str, answer: str, passages: Sequence[tuple[str, str]], statement: str) -> Candidate:
    named = tuple(GoldenPassage(document, quote) for document, quote in dict.fromkeys(passages))
    return Candidate(question_of(kind, question, answer, named), statement)


def question_of(
    kind: str,
    question: str,
    answer: str,
    passages: tuple[GoldenPassage, ...],
    *,
    about: tuple[str, ...] = (),
    history: tuple[Turn, ...] = (),
) -> GoldenQuestion:
    """A question whose id is made of what it is."""
    named = "\n".join([kind, question, *(p.document + p.quote for p in passages), *(turn.content for turn in history)])
    identity = f"{kind}-{hashlib.sha256(named.encode()).hexdigest()[:12]}"
    return GoldenQuestion(identity, question, answer, bool(passages), passages, kind, about=about, history=history)
