from typing import Any

import pytest
from assay_core.collection_settings import FieldType
from assay_core.errors import Invalid
from assay_core.metadata import valid_metadata

FIELDS = {"kind": FieldType.STRING, "year": FieldType.NUMBER, "due": FieldType.DATE, "labels": FieldType.TAGS}


def test_values_take_the_form_of_their_field() -> None:
    given = {"kind": "memo", "year": 2024, "due": "2024-02-29", "labels": ["b", "a", "b"], "author": "Ada"}
    assert valid_metadata(FIELDS, given) == given | {"labels": ["b", "a"]}


def test_text_is_taken_for_what_it_spells() -> None:
    given = {"year": "2024.5", "labels": "red, blue,,red"}
    assert valid_metadata(FIELDS, given) == {"year": 2024.5, "labels": ["red", "blue"]}


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"year": "soon"}, "'year'.*a number"),
        ({"year": True}, "a number"),
        ({"year": float("inf")}, "a number"),
        ({"year": "nan"}, "a number"),
        ({"year": 10**400}, "a number"),
        ({"due": "2023-02-29"}, "YYYY-MM-DD"),
        ({"due": "20240229"}, "YYYY-MM-DD"),
        ({"due": 20240229}, "YYYY-MM-DD"),
        ({"labels": {"a": 1}}, "tags"),
        ({"labels": ["a", 1]}, "must be text"),
        ({"labels": [str(n) for n in range(65)]}, "64"),
        ({"kind": 7}, "must be text"),
        ({"kind": "a\0b"}, "NUL"),
        ({"kind": "\ud800"}, "1,000"),
        ({"kind": "x" * 1001}, "1,000"),
        ({"author": 7}, "no such field is declared"),
        ({"x" * 1001: "a"}, "1,000"),
        ({f"n{n}": "a" for n in range(33)}, "32"),
    ],
)
def test_what_does_not_fit_is_named(given: dict[str, Any], named: str) -> None:
    with pytest.raises(Invalid, match=named) as refused:
        valid_metadata(FIELDS, given)
    assert refused.value.code == "bad_metadata"
    assert len(refused.value.message) < 300


def test_the_field_that_is_wrong_is_named_for_forms() -> None:
    with pytest.raises(Invalid) as refused:
        valid_metadata(FIELDS, {"kind": "memo", "year": "soon"})
    assert refused.value.extra == {"errors": [{"field": "metadata.year", "reason": refused.value.message}]}
