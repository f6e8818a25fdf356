from typing import Any

import pytest
from assay_core.collection_settings import FieldType
from assay_core.errors import Invalid
from assay_core.metadata_filter import Condition, Operator, parse_filter

FIELDS = {"kind": FieldType.STRING, "year": FieldType.NUMBER, "due": FieldType.DATE, "labels": FieldType.TAGS}


def test_a_filter_becomes_conditions_in_the_form_of_its_fields() -> None:
    given = {"kind": "memo", "year": {"gte": "2020", "lt": 2022.5}, "due": "2024-02-29", "labels": {"all": ["a", "b"]}}
    assert parse_filter(FIELDS, given) == (
        Condition("kind", FieldType.STRING, Operator.IN, ("memo",)),
        Condition("year", FieldType.NUMBER, Operator.GTE, (2020.0,)),
        Condition("year", FieldType.NUMBER, Operator.LT, (2022.5,)),
        Condition("due", FieldType.DATE, Operator.IN, ("2024-02-29",)),
        Condition("labels", FieldType.TAGS, Operator.ALL, ("a", "b")),
    )
    assert parse_filter(FIELDS, {"labels": "a"}) == (Condition("labels", FieldType.TAGS, Operator.IN, ("a",)),)
    assert parse_filter(FIELDS, {"kind": ["a", "b"]})[0].values == ("a", "b")


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"colour": "red"}, "kind, year, due, labels"),
        ({"kind": {"gte": "a"}}, "'in'"),
        ({"labels": {"in": ["a"]}}, "'any', 'all'"),
        ({"year": {"gte": [1, 2]}}, "give one"),
        ({"year": "soon"}, "a number"),
        ({"due": "tomorrow"}, "YYYY-MM-DD"),
        ({"kind": []}, "1 to 100"),
        ({"kind": {}}, "says nothing"),
        ({"kind": None}, "must be text"),
        ({"kind": ["x"] * 101}, "101 values"),
        ({"labels": [["a"]]}, "must be text"),
    ],
)
def test_what_cannot_be_asked_is_named(given: dict[str, Any], named: str) -> None:
    with pytest.raises(Invalid, match=named) as refused:
        parse_filter(FIELDS, given)
    assert refused.value.code == "bad_filter"
