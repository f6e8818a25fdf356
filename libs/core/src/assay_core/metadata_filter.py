"""Which documents a question is put to, by the metadata fields that their collection declares."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from assay_core.collection_settings import FieldType
from assay_core.errors import Invalid
from assay_core.metadata import MetadataValue, valid_metadata

MAX_CONDITIONS = 16
MAX_VALUES = 100
MAX_DEPTH = 8


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


class Join(StrEnum):
    """What must be true of the parts of a group: all of them, one of them, none of them."""

    AND = "and"
    OR = "or"
    NOT = "not"


@dataclass(frozen=True, slots=True)
class Group:
    """Conditions and groups, at least one, joined by a word."""

    join: Join
    parts: tuple["Condition | Group", ...]


Part = Condition | Group
_JOINS = frozenset(join.value for join in Join)
_RANGE = {"gt": Operator.GT, "gte": Operator.GTE, "lt": Operator.LT, "lte": Operator.LTE}
_OPERATORS = {
    FieldType.STRING: {"in": Operator.IN},
    FieldType.NUMBER: {"in": Operator.IN, **_RANGE},
    FieldType.DATE: {"in": Operator.IN, **_RANGE},
    FieldType.TAGS: {"any": Operator.IN, "all": Operator.ALL},
}


def parse_filter(fields: Mapping[str, FieldType], given: Mapping[str, Any]) -> tuple[Part, ...]:
    """The parts of a filter such as `{"kind": "memo", "year": {"gte": 2020}, "not": {"labels": {"any": ["draft"]}}}`.

    A document fits if all of them hold. `and` and `or` take a list of filters, `not` takes one; a declared field of
    such a name is that field. A document without a value in a field does not fit a condition on it, and so fits the
    condition's `not`.

    Raises:
        Invalid: a field is not declared, an operator is not its type's, a value does not fit, or there are too many.
    """
    parts = _parts(fields, given, 1)
    count = sum(map(_count, parts))
    if count > MAX_CONDITIONS:
        raise _bad(
            f"The filter has {count} conditions; up to {MAX_CONDITIONS} are taken. Give one field several values."
        )
    return parts


def as_json(parts: Sequence[Part]) -> dict[str, Any]:
    """A filter that `parse_filter` reads as these parts."""
    return {Join.AND.value: [_as_json(part) for part in parts]} if parts else {}


def _as_json(part: Part) -> dict[str, Any]:
    match part:
        case Group(Join.NOT, parts):
            return {Join.NOT.value: as_json(parts)}
        case Group(join, parts):
            return {join.value: [_as_json(one) for one in parts]}
        case Condition(name, kind, operator, values):
            key = next(key for key, known in _OPERATORS[kind].items() if known is operator)
            return {name: {key: values[0] if operator in _RANGE.values() else list(values)}}


def _parts(fields: Mapping[str, FieldType], given: Mapping[str, Any], depth: int) -> tuple[Part, ...]:
    if depth > MAX_DEPTH:
        raise _bad(f"The filter nests deeper than {MAX_DEPTH} levels; flatten it.")
    parts: list[Part] = []
    for name, wanted in given.items():
        if name in _JOINS and name not in fields:
            parts += _groups(fields, Join(name), wanted, depth)
        else:
            parts += _conditions(fields, name, wanted)
    return tuple(parts)


def _groups(fields: Mapping[str, FieldType], join: Join, wanted: Any, depth: int) -> list[Part]:
    filters = [wanted] if join is Join.NOT else wanted
    shape = "a filter" if join is Join.NOT else "a list of filters"
    if not isinstance(filters, list) or not filters or not all(isinstance(one, dict) and one for one in filters):  # pyright: ignore[reportUnknownVariableType]  JSON
        raise _bad(f"The filter's {join.value!r} takes {shape}, none of them empty.")
    read = [_parts(fields, one, depth + 1) for one in filters]  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]  JSON: checked above
    match join:
        case Join.AND:
            return [part for parts in read for part in parts]
        case Join.OR:
            return [Group(join, tuple(_one(parts) for parts in read))]
        case Join.NOT:
            return [Group(join, (_one(read[0]),))]


def _one(parts: tuple[Part, ...]) -> Part:
    return parts[0] if len(parts) == 1 else Group(Join.AND, parts)


def _count(part: Part) -> int:
    return sum(map(_count, part.parts)) if isinstance(part, Group) else 1


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
        raise _bad(f"{name!r} is of type {kind} and cannot be compared by {key[:20]!r}; use {_listed(kind)}.")
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
