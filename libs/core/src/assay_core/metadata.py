"""What people say of a document, as its collection declares it."""

import math
import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from assay_core.collection_settings import FieldType
from assay_core.errors import Invalid

MetadataValue = str | int | float | list[str]
"""As JSON has it: a date is `YYYY-MM-DD`, tags are a list without repetition, in order."""

MAX_ENTRIES = 32
MAX_CHARS = 1000
MAX_TAGS = 64
DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
"""How a day is written; the standard library reads weeks too."""


def valid_metadata(fields: Mapping[str, FieldType], given: Mapping[str, Any]) -> dict[str, MetadataValue]:
    """`given` with every value of a declared field in that field's form; what is not declared must be text.

    Text is taken for a number or a date that it spells, and for tags divided by commas, so that forms and command
    lines need not know of types.

    Raises:
        Invalid: a value does not fit (`extra["errors"]` names its field), or there is too much.
    """
    if len(given) > MAX_ENTRIES:
        raise _bad(f"The metadata has {len(given)} entries; up to {MAX_ENTRIES} are taken.")
    return {_text("a name", name): _named(name, fields.get(name), value) for name, value in given.items()}


def fitting_metadata(fields: Mapping[str, FieldType], given: Mapping[str, Any]) -> dict[str, MetadataValue]:
    """Those values of declared fields that fit, in the fields' form; others may be older than the declaration."""
    found: dict[str, MetadataValue] = {}
    for name in fields.keys() & given.keys():
        try:
            found |= valid_metadata(fields, {name: given[name]})
        except Invalid:
            continue
    return found


def _named(name: str, kind: FieldType | None, value: Any) -> MetadataValue:
    try:
        return _value(name, kind, value)
    except Invalid as error:
        errors = [{"field": f"metadata.{name}", "reason": error.message}]
        raise Invalid(error.message, code=error.code, extra={"errors": errors}) from error


def _value(name: str, kind: FieldType | None, value: Any) -> MetadataValue:
    match kind:
        case FieldType.NUMBER:
            return _as_number(name, value)
        case FieldType.DATE:
            return _as_date(name, value)
        case FieldType.TAGS:
            return _as_tags(name, value)
        case FieldType.STRING:
            return _text(name, value)
        case None:
            if not isinstance(value, str):
                raise _bad(
                    f"{name!r} is {value!r}, but no such field is declared; declare it in the collection's settings"
                    " (`fields`), or send it as text."
                )
            return _text(name, value)


def _as_number(name: str, value: Any) -> int | float:
    try:
        number = float(value) if isinstance(value, str) else value
        if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(float(number)):
            raise ValueError
    except (ValueError, OverflowError) as error:
        raise _bad(f"{name!r} is {_short(value)}; its collection declares a number.") from error
    return number


def _as_date(name: str, value: Any) -> str:
    try:
        if not isinstance(value, str) or not DAY.fullmatch(value):
            raise ValueError
        return date.fromisoformat(value).isoformat()
    except ValueError as error:
        raise _bad(f"{name!r} is {_short(value)}; its collection declares a date: YYYY-MM-DD.") from error


def _as_tags(name: str, value: Any) -> list[str]:
    tags = value.split(",") if isinstance(value, str) else value
    if not isinstance(tags, list):
        raise _bad(f"{name!r} is {_short(value)}; its collection declares tags: a list of texts.")
    texts = [_text(name, tag).strip() for tag in tags]  # pyright: ignore[reportUnknownVariableType]  checked in _text
    clean = list(dict.fromkeys(text for text in texts if text))
    if len(clean) > MAX_TAGS:
        raise _bad(f"{name!r} has {len(clean)} tags; up to {MAX_TAGS} are taken.")
    return clean


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise _bad(f"{name!r} is {_short(value)}; it must be text.")
    if len(value) > MAX_CHARS or "\0" in value or any("\ud800" <= c <= "\udfff" for c in value):
        raise _bad(f"{name!r} holds {_short(value)}; texts have up to {MAX_CHARS:,} characters, none of them NUL.")
    return value


def _short(value: Any) -> str:
    shown = ascii(value)
    return shown if len(shown) <= 60 else shown[:60] + "…"


def _bad(message: str) -> Invalid:
    return Invalid(message, code="bad_metadata")
