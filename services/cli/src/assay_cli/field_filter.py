"""`--filter year>=2020`: conditions on metadata fields, as people write them, one an option or as one text."""

import re
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from assay_core.errors import Invalid

FilterOption = Annotated[
    list[str] | None,
    typer.Option(
        "--filter",
        "-f",
        metavar="FIELD=VALUE",
        help="Only documents whose field has this value; also >=, <=, > and < for numbers and dates. May be repeated:"
        " different fields must all fit, of several values of one field any. Or once as text:"
        " 'kind:memo year:>=2020 -(labels:draft OR labels:final)'.",
    ),
]
_CONDITION = re.compile(r"([a-z][a-z0-9_]*)(>=|<=|=|>|<)(.*)", re.DOTALL)
_TEXT = re.compile(r"\s*(?:NOT\b|[-(]|[A-Za-z][A-Za-z0-9_]*:)")
_NAMES = {">=": "gte", "<=": "lte", ">": "gt", "<": "lt"}


def field_filter(given: Sequence[str] | None) -> dict[str, Any]:
    """The option `filter` of a search or a question, if there is any condition.

    Raises:
        Invalid: one is not a field, a comparison and a value.
    """
    if given and len(given) == 1 and _TEXT.match(given[0]):
        return {"filter": given[0]}
    values: dict[str, list[str]] = {}
    ranges: dict[str, dict[str, str]] = {}
    for one in given or []:
        found = _CONDITION.fullmatch(one)
        if not found:
            raise Invalid(f"--filter {one!r} is not FIELD=VALUE; an example: --filter 'year>=2020'.", code="bad_filter")
        name, comparison, value = found.groups()
        if comparison == "=":
            values.setdefault(name, []).append(value)
        else:
            ranges.setdefault(name, {})[_NAMES[comparison]] = value
    if both := sorted(values.keys() & ranges.keys()):
        raise Invalid(f"--filter asks {both[0]!r} for a value and for a range; use one of them.", code="bad_filter")
    return {"filter": {**values, **ranges}} if given else {}
