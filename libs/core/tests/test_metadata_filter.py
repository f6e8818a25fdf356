from typing import Any

import pytest
from assay_core.collection_settings import FieldType
from assay_core.errors import Invalid
from assay_core.metadata_filter import Condition, Group, Join, Operator, as_json, parse_filter
from hypothesis import given as drawn
from hypothesis import reject
from hypothesis import strategies as st

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
    either = Condition("kind", FieldType.STRING, Operator.IN, ("a", "b"))
    assert parse_filter(FIELDS, {"kind": ["a", "b"]}) == (either,)


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
        ({"or": []}, "a list of filters"),
        ({"or": {"kind": "a"}}, "a list of filters"),
        ({"and": [{"kind": "a"}, {}]}, "none of them empty"),
        ({"not": [{"kind": "a"}]}, "takes a filter"),
        ({"or": [{"colour": "red"}]}, "kind, year, due, labels"),
        ({"or": [{"year": n} for n in range(17)]}, "17 conditions"),
        ({"due": "2025-02-30"}, "'due' is '2025-02-30'"),
    ],
)
def test_what_cannot_be_asked_is_named(given: dict[str, Any], named: str) -> None:
    with pytest.raises(Invalid, match=named) as refused:
        parse_filter(FIELDS, given)
    assert refused.value.code == "bad_filter"


def test_groups_nest() -> None:
    asked = {"or": [{"kind": "memo", "year": 2020}, {"not": {"labels": "draft"}}], "and": [{"kind": "note"}]}
    memo, note = (Condition("kind", FieldType.STRING, Operator.IN, (kind,)) for kind in ("memo", "note"))
    year = Condition("year", FieldType.NUMBER, Operator.IN, (2020,))
    draft = Condition("labels", FieldType.TAGS, Operator.IN, ("draft",))
    either = Group(Join.OR, (Group(Join.AND, (memo, year)), Group(Join.NOT, (draft,))))
    assert parse_filter(FIELDS, asked) == (either, note)


def test_a_filter_may_nest_only_so_deep() -> None:
    asked: dict[str, Any] = {"kind": "memo"}
    for _ in range(7):
        asked = {"not": asked}
    assert parse_filter(FIELDS, asked)
    for _ in range(43):
        asked = {"not": asked}
    with pytest.raises(Invalid, match="deeper than 8 levels"):
        parse_filter(FIELDS, asked)


def test_a_declared_field_keeps_its_name() -> None:
    named = Condition("not", FieldType.STRING, Operator.IN, ("x",))
    assert parse_filter({"not": FieldType.STRING}, {"not": "x"}) == (named,)


_conditions = st.one_of(
    st.builds(lambda v: {"kind": v}, st.lists(st.text("ab \"'", min_size=1), min_size=1, max_size=3)),
    st.builds(lambda k, v: {"year": {k: v}}, st.sampled_from(["gt", "gte", "lt", "lte"]), st.integers(-9, 9)),
    st.builds(lambda k, v: {"labels": {k: v}}, st.sampled_from(["any", "all"]), st.just(["a", "b"])),
    st.builds(lambda v: {"due": str(v)}, st.dates()),
)
_filters = st.recursive(
    _conditions,
    lambda inner: st.one_of(
        inner.map(lambda one: {"not": one}),
        st.builds(lambda k, v: {k: v}, st.sampled_from(["and", "or"]), st.lists(inner, min_size=1, max_size=3)),
    ),
    max_leaves=4,
)


@drawn(_filters)
def test_a_filter_that_is_written_out_is_read_as_the_same(asked: dict[str, Any]) -> None:
    try:
        parts = parse_filter(FIELDS, asked)
        again = parse_filter(FIELDS, as_json(parts))
    except Invalid:
        reject()  # too deep; writing out names each `and`, which may be a level more
    assert again == parts
