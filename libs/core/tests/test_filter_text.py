"""Filters in text."""

from datetime import date
from typing import Any

import pytest
from assay_core.collection_settings import FieldType
from assay_core.errors import Invalid
from assay_core.filter_text import read_filter_text
from assay_core.metadata_filter import parse_filter
from hypothesis import given as drawn
from hypothesis import strategies as st

FIELDS = {"kind": FieldType.STRING, "year": FieldType.NUMBER, "due": FieldType.DATE, "labels": FieldType.TAGS}


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("kind:memo", {"kind": ["memo"]}),
        ("kind:memo,note", {"kind": ["memo", "note"]}),
        ('kind:"a memo, signed"', {"kind": ["a memo, signed"]}),
        ("kind:memo year:>=2020", {"and": [{"kind": ["memo"]}, {"year": {"gte": "2020"}}]}),
        ("kind:memo AND year:<2020", {"and": [{"kind": ["memo"]}, {"year": {"lt": "2020"}}]}),
        ("kind:a OR kind:b year:1", {"or": [{"kind": ["a"]}, {"and": [{"kind": ["b"]}, {"year": ["1"]}]}]}),
        ("(kind:a OR kind:b) year:1", {"and": [{"or": [{"kind": ["a"]}, {"kind": ["b"]}]}, {"year": ["1"]}]}),
        ("-(labels:draft)", {"not": {"labels": ["draft"]}}),
        ("NOT labels:draft", {"not": {"labels": ["draft"]}}),
        ("due:2025-01", {"due": {"gte": "2025-01-01", "lt": "2025-02-01"}}),
        ("due:2024-12", {"due": {"gte": "2024-12-01", "lt": "2025-01-01"}}),
        ("due:2025", {"due": {"gte": "2025-01-01", "lt": "2026-01-01"}}),
        ("due:>2025-01", {"due": {"gte": "2025-02-01"}}),
        ("due:>=2025-01", {"due": {"gte": "2025-01-01"}}),
        ("due:<2025-01", {"due": {"lt": "2025-01-01"}}),
        ("due:<=2024-02", {"due": {"lt": "2024-03-01"}}),
        ("due:2024-02-29", {"due": {"gte": "2024-02-29", "lt": "2024-03-01"}}),
        ("due:9999", {"due": {"gte": "9999-01-01"}}),
    ],
)
def test_text_means_a_filter(text: str, meant: dict[str, Any]) -> None:
    assert read_filter_text(FIELDS, text) == meant
    assert parse_filter(FIELDS, meant)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("memo", "cannot be read at 'memo'"),
        ("kind:memo year", "cannot be read at 'year'"),
        ("colour:red", "'colour' is not a field"),
        ("(kind:memo", "does not close"),
        ("kind:memo)", r"cannot be read at '\)'"),
        ("kind:memo OR", "cannot be read at"),
        ("due:2025-02-30", "'due' is '2025-02-30'"),
        ("due:2025-13", "YYYY-MM"),
        ("due:soon", "YYYY-MM"),
        ("due:0000", "a date that exists"),
        ("due:>9999", "No day"),
        ("due:>2024,2025", "2 values"),
        ('kind:""', "no value"),
        ("kind:,", "no value"),
        ("(" * 50 + "kind:memo" + ")" * 50, "deeper than 8"),
        ("kind:" + "x" * 3000, "3,005 characters; the limit is 2,000"),
        ("kind:a'; DROP TABLE documents --", "cannot be read at 'DROP"),
        ('tenant == "-" || true', "cannot be read"),
    ],
)
def test_text_that_means_none_is_refused_with_its_place(text: str, named: str) -> None:
    with pytest.raises(Invalid, match=named) as refused:
        read_filter_text(FIELDS, text)
    assert refused.value.code == "bad_filter"


@drawn(st.text('kindyear:><=-()"OR ,2025', max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    assert _outcome(text) in ("read", "bad_filter")


def _outcome(text: str) -> str:
    try:
        parse_filter(FIELDS, read_filter_text(FIELDS, text))
    except Invalid as refused:
        return refused.code
    return "read"


@drawn(st.dates())
def test_before_and_from_a_day_divide_all_days(day: date) -> None:
    assert read_filter_text(FIELDS, f"due:<{day}") == {"due": {"lt": str(day)}}
    assert read_filter_text(FIELDS, f"due:>={day}") == {"due": {"gte": str(day)}}
