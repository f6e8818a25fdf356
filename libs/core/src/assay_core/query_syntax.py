"""What people write in a question beside words: `type:policy after:2025-01 "exact words" -word`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from assay_core.collection_settings import FieldType
from assay_core.errors import Invalid
from assay_core.filter_text import FIELD_TERM, days_of, read_condition
from assay_core.metadata_filter import Part, parse_filter

MAX_PHRASES = 8
MAX_EXCLUDED = 16
# A quotation mark opens after white space and closes before it, so that 5" and 7" are inches. An exclusion has three
# letters or more: `ls -la` and `-5` are words.
_SYNTAX = re.compile(
    rf"""(?<!\S)(?:
        ["“](?P<phrase>[^"“”]+)["”](?=[\s.,;:!?)]|$)
      | (?P<not>-?){FIELD_TERM}(?=\s|$)
      | -(?P<excluded>[^\W\d_]{{3,}})(?=\s|$)
    )""",
    re.VERBOSE,
)
_SENTENCE_END = ".,;:!?"


@dataclass(frozen=True, slots=True)
class ReadQuery:
    """A question divided: its words, phrases that must be in a passage, words that must not, and its filter.

    The words of the phrases are part of `text`.
    """

    text: str
    phrases: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    filter: tuple[Part, ...] = ()


def read_query(fields: Mapping[str, FieldType], query: str) -> ReadQuery:
    """Divide a question. What does not name a declared field stays text.

    `after:` and `before:` mean the collection's date field if it declares one alone: from the first day of what is
    named, and earlier than it.

    Raises:
        Invalid: a field's value does not fit its type, no words are left, or there is too much of one kind.
    """
    phrases: list[str] = []
    excluded: list[str] = []
    filters: list[dict[str, Any]] = []

    def taken(found: re.Match[str]) -> str:
        if found["phrase"] is not None:
            phrase = " ".join(found["phrase"].split())
            phrases.extend([phrase] if any(map(str.isalnum, phrase)) else [])
            return phrase
        if found["excluded"] is not None:
            excluded.append(found["excluded"])
            return " "
        condition = _condition(fields, found)
        if condition is None:
            return found[0]
        filters.append({"not": condition} if found["not"] else condition)
        return " "

    text = " ".join(_SYNTAX.sub(taken, query).split())
    if not any(map(str.isalnum, text)) and any(map(str.isalnum, query)):
        raise Invalid(
            "The question holds filters or exclusions alone; add a word to look for, or list the documents instead.",
            code="question_without_words",
        )
    _check_count("phrases in quotation marks", phrases, MAX_PHRASES)
    _check_count("words after '-'", excluded, MAX_EXCLUDED)
    return ReadQuery(text, tuple(phrases), tuple(excluded), parse_filter(fields, {"and": filters}) if filters else ())


def _condition(fields: Mapping[str, FieldType], found: re.Match[str]) -> dict[str, Any] | None:
    name = found["field"].lower()
    value = found["value"] if found["value"].startswith('"') else found["value"].rstrip(_SENTENCE_END)
    try:
        if name in fields:
            trimmed = re.fullmatch(FIELD_TERM, f"{name}:{found['compared']}{value}")
            return None if trimmed is None else read_condition(fields, trimmed)
        day = _only_date(fields)
        if day is None or found["compared"] or name not in ("after", "before"):
            return None
        first, _ = days_of(day, value.strip('"'))
        return {day: {"gte" if name == "after" else "lt": first}}
    except Invalid as error:
        raise Invalid(
            f"{error.message} To look for the words {found[0]!r} themselves, put them in quotation marks.",
            code=error.code,
        ) from error


def _only_date(fields: Mapping[str, FieldType]) -> str | None:
    dates = [name for name, kind in fields.items() if kind is FieldType.DATE]
    return dates[0] if len(dates) == 1 else None


def _check_count(what: str, given: list[str], most: int) -> None:
    if len(given) > most:
        raise Invalid(f"The question has {len(given)} {what}; up to {most} are taken.", code="bad_query")
