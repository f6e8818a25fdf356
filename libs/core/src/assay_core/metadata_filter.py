"""Which documents a question is put to, by the metadata fields that their collection declares."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from assay_core.collection_settings import FieldType
from assay_core.errors import Invalid
from assay_core.metadata import MetadataValue, valid_metadata

MAX_CONDITIONS = 16
MAX_VALUES = 100


class Operator(StrEnum):
    """How a field is compared; `IN` holds if any of the values is the field's, or one of its tags."""

    IN = "in"
    ALL = "all"
    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison; `values` are in the form of the field's type (dates as `YYYY-MM-DD`), one for a range."""

    field: str
    kind: FieldType
    operator: Operator
    values: tuple[str | float, ...]


_RANGE = {"gt": Operator.GT, "gte": Operator.GTE, "lt": Operator.LT, "lte": Operator.LTE}
_OPERATORS = {
    FieldType.STRING: {"in": Operator.IN},
    FieldType.NUMBER: {"in": Operator.IN, **_RANGE},
    FieldType.DATE: {"in": Operator.IN, **_RANGE},
    FieldType.TAGS: {"any": Operator.IN, "all": Operator.ALL},
}


def parse_filter(fields: Mapping[str, FieldType], given: Mapping[str, Any]) -> tuple[Condition, ...]:
    """The conditions of a filter such as `{"kind": "memo", "year": {"gte": 2020}, "labels": {"any": ["a", "b"]}}`.

    A document fits if all of them hold; one without a value in a field does not fit a condition on it.

    Raises:
        Invalid: a field is not declared, an operator is not its type's, a value does not fit, or there are too many.
    """
    conditions = tuple(c for name, wanted in given.items() for c in _conditions(fields, name, wanted))
    if len(conditions) > MAX_CONDITIONS:
        raise _bad(f"The filter has {len(conditions)} conditions; up to {MAX_CONDITIONS} are taken.")
    return conditions


def _conditions(fields: Mapping[str, FieldType], name: str, wanted: Any) -> list[Condition]:
    kind = fields.get(name)
    if kind is None:
        declared = ", ".join(fields) or "none"
        raise _bad(f"{name[:63]!r} is not a field of this collection; it declares: {declared}.")
    if not isinstance(wanted, dict):
        return [Condition(name, kind, Operator.IN, _values(name, kind, wanted))]
    if not wanted:
        raise _bad(f"The filter says nothing of {name!r}; give a value or {_listed(kind)}.")
    return [_condition(name, kind, str(key), value) for key, value in wanted.items()]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]  JSON: checked below


def _condition(name: str, kind: FieldType, key: str, value: Any) -> Condition:
    operator = _OPERATORS[kind].get(key)
    if operator is None:
        raise _bad(f"{name!r} is a {kind} and cannot be compared by {key[:20]!r}; use {_listed(kind)}.")
    values = _values(name, kind, value)
    if operator in _RANGE.values() and len(values) != 1:
        raise _bad(f"{name!r} is compared by {key!r} with {len(values)} values; give one.")
    return Condition(name, kind, operator, values)


def _values(name: str, kind: FieldType, given: Any) -> tuple[str | float, ...]:
    if kind is FieldType.TAGS:
        tags = _valid(name, kind, given)
        values: list[MetadataValue] = [*tags] if isinstance(tags, list) else [tags]
    else:
        values = [_valid(name, kind, one) for one in (given if isinstance(given, list) else [given])]  # pyright: ignore[reportUnknownVariableType]  JSON: checked one by one
    if not 0 < len(values) <= MAX_VALUES:
        raise _bad(f"{name!r} is compared with {len(values)} values; give 1 to {MAX_VALUES}.")
    return tuple(value for value in values if not isinstance(value, list))


def _valid(name: str, kind: FieldType, value: Any) -> MetadataValue:
    try:
        return valid_metadata({name: kind}, {name: value})[name]
    except Invalid as error:
        raise _bad(error.message) from error


def _listed(kind: FieldType) -> str:
    return ", ".join(repr(key) for key in _OPERATORS[kind])


def _bad(message: str) -> Invalid:
    return Invalid(message, code="bad_filter")
