"""Filters as people write them: `kind:memo year:>=2020 (labels:draft OR labels:final) -due:2024`."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from assay_core.collection_settings import FieldType
from assay_core.errors import Invalid
from assay_core.metadata import DAY
from assay_core.metadata_filter import MAX_DEPTH

MAX_CHARACTERS = 2000
FIELD_TERM = r'(?P<field>[A-Za-z][A-Za-z0-9_]{0,62}):(?P<compared>>=|<=|>|<|)(?P<value>"[^"]*"|[^\s()"]+)'
"""A condition. After `-` it must not hold. A value in quotes is one value; another one is divided at commas."""
_TOKEN = re.compile(rf"\s*(?:(?P<mark>[()]|-(?=[(A-Za-z])|(?:OR|NOT)(?=[\s(])|AND(?=\s))|{FIELD_TERM})")
_COMPARED = {">=": "gte", "<=": "lte", ">": "gt", "<": "lt"}
_PART_OF_YEAR = re.compile(r"(\d{4})(?:-(\d{2}))?", re.ASCII)


def read_filter_text(fields: Mapping[str, FieldType], text: str) -> dict[str, Any]:
    """The filter that `text` means, in the form that `parse_filter` reads.

    Conditions side by side must all hold; `OR` binds less than that, `-` and `NOT` more; parentheses group.

    Raises:
        Invalid: something in it is not a condition on a declared field.
    """
    if len(text) > MAX_CHARACTERS:
        raise _bad(f"The filter has {len(text):,} characters; the limit is {MAX_CHARACTERS:,}.")
    reader = _Reader(fields, text)
    found = reader.either(1)
    reader.end()
    return found


def read_condition(fields: Mapping[str, FieldType], found: re.Match[str]) -> dict[str, Any]:
    """The filter of a `FIELD_TERM` that was found. Raises `Invalid` if the field is not declared."""
    name, compared, value = found["field"].lower(), found["compared"], found["value"]
    kind = fields.get(name)
    if kind is None:
        raise _bad(f"{name!r} is not a field of this collection; it declares: {', '.join(fields) or 'none'}.")
    if value.startswith('"'):
        values = [value.strip('"')]
    else:
        values = [one for one in value.split(",") if one]
    if not values or not values[0]:
        raise _bad(f"The filter gives {name!r} no value; write {name}:VALUE.")
    if kind is FieldType.DATE:
        return _dated(name, compared, values)
    return {name: {_COMPARED[compared]: values[0] if len(values) == 1 else values} if compared else values}


def days_of(name: str, given: str) -> tuple[str, str | None]:
    """The first day of a year, month or day, and the first day after it; None after the last year that there is.

    Raises:
        Invalid: there is no such date.
    """
    whole = _PART_OF_YEAR.fullmatch(given)
    try:
        if whole is None:
            first = date.fromisoformat(given) if DAY.fullmatch(given) else None
            if first is None:
                raise ValueError
            after = first.toordinal() + 1
            return first.isoformat(), date.fromordinal(after).isoformat() if after <= date.max.toordinal() else None
        year, month = int(whole[1]), int(whole[2] or 1)
        first = date(year, month, 1)
        months = year * 12 + month - 1 + (1 if whole[2] else 12)
        year, month = months // 12, months % 12 + 1
        return first.isoformat(), date(year, month, 1).isoformat() if year <= date.max.year else None
    except ValueError as error:
        raise _bad(f"{name!r} is {given[:60]!r}; write a date that exists: YYYY-MM-DD, YYYY-MM or YYYY.") from error


def _dated(name: str, compared: str, values: list[str]) -> dict[str, Any]:
    if compared and len(values) != 1:
        raise _bad(f"{name!r} is compared by {compared!r} with {len(values)} values; give one.")
    return _any_of([{name: _span(compared, value, *days_of(name, value))} for value in values])


def _span(compared: str, value: str, first: str, after: str | None) -> dict[str, str]:
    match compared:
        case ">=":
            return {"gte": first}
        case "<":
            return {"lt": first}
        case "<=":
            return {"lt": after} if after else {"gte": date.min.isoformat()}
        case ">":
            if after is None:
                raise _bad(f"No day comes after {value!r}.")
            return {"gte": after}
        case _:
            return {"gte": first} | ({"lt": after} if after else {})


def _any_of(filters: list[dict[str, Any]]) -> dict[str, Any]:
    return filters[0] if len(filters) == 1 else {"or": filters}


class _Reader:
    """Recursive descent over the tokens of a filter."""

    def __init__(self, fields: Mapping[str, FieldType], text: str) -> None:
        self._fields = fields
        self._text = text.strip()
        self._at = 0

    def either(self, depth: int) -> dict[str, Any]:
        filters = [self._all(depth)]
        while self._take("OR"):
            filters.append(self._all(depth))
        return _any_of(filters)

    def end(self) -> None:
        if self._at < len(self._text):
            raise self._unreadable()

    def _all(self, depth: int) -> dict[str, Any]:
        filters = [self._one(depth)]
        while self._at < len(self._text) and self._mark() not in (")", "OR"):
            self._take("AND")
            filters.append(self._one(depth))
        return filters[0] if len(filters) == 1 else {"and": filters}

    def _one(self, depth: int) -> dict[str, Any]:
        if depth > MAX_DEPTH:
            raise _bad(f"The filter nests deeper than {MAX_DEPTH} levels; flatten it.")
        if self._take("-") or self._take("NOT"):
            return {"not": self._one(depth + 1)}
        if self._take("("):
            inner = self.either(depth + 1)
            if not self._take(")"):
                raise _bad("The filter opens a parenthesis that it does not close.")
            return inner
        found = _TOKEN.match(self._text, self._at)
        if found is None or found["mark"]:
            raise self._unreadable()
        self._at = found.end()
        return read_condition(self._fields, found)

    def _mark(self) -> str | None:
        found = _TOKEN.match(self._text, self._at)
        return found["mark"] if found else None

    def _take(self, mark: str) -> bool:
        found = _TOKEN.match(self._text, self._at)
        if found is None or found["mark"] != mark:
            return False
        self._at = found.end()
        return True

    def _unreadable(self) -> Invalid:
        rest = self._text[self._at :].strip()[:60]
        return _bad(f"The filter cannot be read at {rest!r}; write FIELD:VALUE, for example kind:memo year:>=2020.")


def _bad(message: str) -> Invalid:
    return Invalid(message, code="bad_filter")
