"""What a document says in sentences and tables that a question can be made of, without a language model.

English only: a sentence is taken apart by its verb, a table by its rows. What does not fit a pattern is left; better no
question than one that nobody would ask.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from assay_core.sentences import split_sentences

LONGEST_SUBJECT_WORDS, LONGEST_ANSWER = 9, 200
_NUMBER = r"(?:\d[\d.,]*|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|sixty)"
_TIME = r"(?:working |calendar |business |consecutive )?(?:seconds?|minutes?|hours?|days?|weeks?|months?|years?)"
_UNIT = r"(?!and|or|to|of|in|per|for|with)[A-Za-z°µ][A-Za-z/]{0,11}"
_MONEY = r"(?:EUR|USD|GBP|CHF|€|\$|£)\s?\d[\d.,]*"
_SUBJECT = r"(?P<subject>[A-Z][^.;:|()\[\]]{2,90}?)"
_NUMERIC = re.compile(
    rf"^{_SUBJECT} (?P<verb>is|are|costs|lasts|takes|weighs|amounts to) "
    rf"(?P<answer>(?:(?:at least|at most|up to|about|only|set to|limited to|valid for|kept for) )?"
    rf"(?P<value>{_MONEY}|{_NUMBER}(?: ?%| percent| {_TIME}| {_UNIT}))(?!\w).*?)[.]?$"
)
_WITHIN = re.compile(
    rf"^{_SUBJECT} (?P<verb>is|are|must be) (?P<done>(?:\w+ ){{1,6}}?)"
    rf"(?P<answer>within (?P<value>{_NUMBER} {_TIME})\b.*?)[.]?$"
)
_AGENT = re.compile(
    rf"^{_SUBJECT} (?P<verb>is|are) (?P<done>\w+ed(?: \w+){{0,3}}?) by (?P<answer>the [^.,;]{{3,60}}?)[.]?$"
)
_ACTOR = re.compile(
    r"^(?P<answer>The (?:[A-Z]?[\w-]+ ){1,5}?)"
    r"(?P<verb>approves|decides on|checks|signs|keeps|maintains|grants|confirms|reviews|orders|issues|appoints|tests"
    r"|pays|informs|records|prepares|leads|owns|publishes|trains|inspects) (?P<subject>[^.;:|]{4,120}?)[.]?$"
)
_TERM = re.compile(r"(?m)^(?P<subject>[A-Z][\w -]{2,40})\n(?P<quote>(?:[ \t]{2,}\S.*\n?)+)")
_DEFINITION = re.compile(rf"^{_SUBJECT} (?P<verb>is|are) (?P<answer>(?:a|an|the) [^.;]{{8,190}}?)[.]?$")
_PRONOUN = re.compile(
    r"^(?:It|This|That|These|Those|They|There|He|She|We|You|I|Such|Where|When|If|What|Which|Who|How|For|In|On|At|By|After"
    r"|Before|Both|All|Some|Each of|One of|Not|No|Only|Then|Here|Its|Their|His|Her|Our|Your|As|With|From|To|Unless)\b"
)
_FUNCTION_WORDS = frozenset(
    ("the", "a", "an", "of", "in", "on", "at", "to", "for", "by", "and", "or", "is", "are", "examples", "each", "every")
)
_CLAUSE = re.compile(r",| (?:which|who|that|when|where|if|and|or|unless|because) ", re.IGNORECASE)


class Kind(StrEnum):
    """What a fact tells, which decides how it is asked for."""

    AMOUNT = "amount"
    DURATION = "duration"
    VALUE = "value"
    DEADLINE = "deadline"
    AGENT = "agent"
    ACTOR = "actor"
    DEFINITION = "definition"


_PATTERNS: tuple[tuple[re.Pattern[str], Kind | None], ...] = (
    (_WITHIN, Kind.DEADLINE),
    (_NUMERIC, None),
    (_AGENT, Kind.AGENT),
    (_ACTOR, Kind.ACTOR),
    (_DEFINITION, Kind.DEFINITION),
)


@dataclass(frozen=True, slots=True)
class Fact:
    """A sentence taken apart: `subject` is told `answer`; `value` is the number in it with its unit, if there is one.

    Of an actor, `subject` is what is done, `verb` how, and `answer` by whom.
    """

    document: str
    title: str
    kind: Kind
    subject: str
    verb: str
    done: str
    answer: str
    value: str
    quote: str


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table, by the first cell of its row and the head of its column."""

    document: str
    title: str
    table: int
    row: str
    column: str
    value: str
    quote: str


def facts_of(document: str, title: str, text: str) -> list[Fact]:
    """The facts that sentences tell, in their order."""
    told = [fact for sentence in _sentences(text) if (fact := _fact(document, title, sentence)) is not None]
    return told + list(_terms(document, title, text))


def cells_of(document: str, title: str, text: str) -> list[Cell]:
    """The cells of Markdown tables that have a head and a name for the row, in their order."""
    return [
        Cell(document, title, number, row[0], column, value, line)
        for number, (head, rows) in enumerate(_tables(text))
        for line, row in rows
        for column, value in zip(head[1:], row[1:], strict=False)
        if column and value and len(value) <= LONGEST_ANSWER and 2 < len(row[0]) <= 60 and re.search(r"[^\W\d]", row[0])
    ]


def title_of(text: str, name: str) -> str:
    """A document's first heading or line, or its name."""
    first = next((line.strip("# \t") for line in text.splitlines() if line.strip("# \t")), "")
    return first if 3 <= len(first) <= 80 and "|" not in first else name


def head_of(answer: str) -> str:
    """What a definition says first, without what only adds to it."""
    return _CLAUSE.split(answer, maxsplit=1)[0].strip()


def _sentences(text: str) -> Iterator[str]:
    for start, end in split_sentences(text):
        sentence = " ".join(text[start:end].split())
        if "|" not in sentence and not sentence.startswith(("#", "-", "*", ">", "`")) and len(sentence) <= 320:
            yield sentence


def _fact(document: str, title: str, sentence: str) -> Fact | None:
    for pattern, kind in _PATTERNS:
        found = pattern.match(sentence)
        if not found or len(found["answer"]) > LONGEST_ANSWER:
            continue
        parts = found.groupdict()
        if kind is Kind.ACTOR or _is_subject(parts["subject"]):
            return Fact(
                document=document,
                title=title,
                kind=kind or _kind_of(parts["value"], parts["verb"]),
                subject=_lowered(parts["subject"]),
                verb=parts["verb"],
                done=(parts.get("done") or "").strip(),
                answer=_lowered(parts["answer"].strip()) if kind is Kind.ACTOR else parts["answer"].strip(),
                value=parts.get("value") or "",
                quote=sentence,
            )
    return None


def _terms(document: str, title: str, text: str) -> Iterator[Fact]:
    """Terms of a glossary: a short line, and below it, further in, what it means."""
    for found in _TERM.finditer(text):
        meaning = " ".join(found["quote"].split())
        start, end = split_sentences(meaning)[0]
        quote = meaning[start:end]
        answer = quote.rstrip(".")
        if _is_subject(found["subject"]) and len(answer.split()) >= 4 and len(answer) <= LONGEST_ANSWER:
            lowered = f"{answer[:1].lower()}{answer[1:]}"
            yield Fact(document, title, Kind.DEFINITION, found["subject"], "is", "", lowered, "", quote)


def _is_subject(subject: str) -> bool:
    words = subject.split()
    return (
        len(words) <= LONGEST_SUBJECT_WORDS
        and words[-1].lower() not in _FUNCTION_WORDS
        and not _PRONOUN.match(subject)
        and "," not in subject
        and not re.search(r"\b(?:is|are|was|were|has|have|which|who|that|must|may|can|will|and then)\b", subject)
    )


def _kind_of(value: str, verb: str) -> Kind:
    if re.fullmatch(_MONEY, value) or verb.startswith("cost"):
        return Kind.AMOUNT
    return Kind.DURATION if re.search(rf"{_TIME}$", value) else Kind.VALUE


def _lowered(subject: str) -> str:
    """The subject as it stands within a sentence: articles in lower case; names cannot be told, and stay."""
    first, _, rest = subject.partition(" ")
    return f"{first.lower()} {rest}" if first in ("The", "A", "An", "Each", "Every") else subject


def _tables(text: str) -> Iterator[tuple[list[str], list[tuple[str, list[str]]]]]:
    lines: list[str] = []
    for line in [*text.splitlines(), ""]:
        if line.lstrip().startswith("|"):
            lines.append(line.strip())
            continue
        if len(lines) > 2 and re.fullmatch(r"[|\s:-]+", lines[1]):
            yield _cells(lines[0]), [(row, _cells(row)) for row in lines[2:]]
        lines = []


def _cells(row: str) -> list[str]:
    return [re.sub(r"[*_`]+", "", cell).strip() for cell in row.strip().strip("|").split("|")]


def numbers(texts: Sequence[str]) -> list[float] | None:
    """The one number of each text, if all are in the same unit; None if they cannot be compared."""
    found = [re.findall(r"\d[\d.,]*", text) for text in texts]
    units = {re.sub(r"\d[\d.,]*", "", text).strip().rstrip("s") for text in texts}
    if len(units) > 1 or any(len(each) != 1 for each in found):
        return None
    try:
        return [float(each[0].rstrip(".,").replace(",", "")) for each in found]
    except ValueError:
        return None
