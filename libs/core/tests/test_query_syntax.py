"""What a question says beside its words."""

import pytest
from assay_core.collection_settings import FieldType
from assay_core.errors import Invalid
from assay_core.metadata_filter import Condition, Group, Join, Operator
from assay_core.query_syntax import ReadQuery, read_query
from hypothesis import given as drawn
from hypothesis import strategies as st

FIELDS = {"type": FieldType.STRING, "year": FieldType.NUMBER, "issued": FieldType.DATE}
POLICY = Condition("type", FieldType.STRING, Operator.IN, ("policy",))
SINCE = Condition("issued", FieldType.DATE, Operator.GTE, ("2025-01-01",))
EARLIER = Condition("issued", FieldType.DATE, Operator.LT, ("2025-01-01",))


@pytest.mark.parametrize(
    ("query", "read"),
    [
        ("leave days", ReadQuery("leave days")),
        (
            'leave type:policy after:2025-01 "exact  words" -sick',
            ReadQuery("leave exact words", ("exact words",), ("sick",), (POLICY, SINCE)),
        ),
        ("leave -type:policy", ReadQuery("leave", filter=(Group(Join.NOT, (POLICY,)),))),
        ("which leave is in Type:policy?", ReadQuery("which leave is in", filter=(POLICY,))),
        ("before:2025 leave", ReadQuery("leave", filter=(EARLIER,))),
        ("“annual leave”?", ReadQuery("annual leave?", ("annual leave",))),
        ('a "type:policy" b', ReadQuery("a type:policy b", ("type:policy",))),
    ],
)
def test_a_question_is_divided(query: str, read: ReadQuery) -> None:
    assert read_query(FIELDS, query) == read


@pytest.mark.parametrize(
    "query",
    [
        "see https://example.org/a:b",
        "colour:red paint",
        "the year: 2020",
        "what does ls -la do",
        "from -5 to 7 degrees",
        'a 5" and a 7" disk',
        "well-known facts",
        'an open "quote',
        "a -- b",
        "time:12:30",
        "'; DROP TABLE documents; --",
        'tenant == "x" or chunk in ["a"]',
    ],
)
def test_what_names_no_declared_field_stays_text(query: str) -> None:
    read = read_query(FIELDS, query)
    assert (read.text.split(), read.excluded, read.filter) == (query.replace('"x"', "x").split(), (), ())


def test_after_needs_one_date_field_to_mean() -> None:
    assert read_query({}, "leave after:2025") == ReadQuery("leave after:2025")
    two = {"due": FieldType.DATE, "issued": FieldType.DATE}
    assert read_query(two, "leave after:2025") == ReadQuery("leave after:2025")


@pytest.mark.parametrize(
    ("query", "named", "code"),
    [
        ("leave issued:2025-02-30", "'issued' is '2025-02-30'.*quotation marks", "bad_filter"),
        ("leave after:soon", "YYYY-MM.*quotation marks", "bad_filter"),
        ("leave year:soon", "'year' is 'soon'", "bad_filter"),
        ("type:policy", "add a word", "question_without_words"),
        ("-sick -type:policy", "add a word", "question_without_words"),
        (" ".join(['"a"'] * 9), "9 phrases", "bad_query"),
        ("a " + "-abc " * 17, "17 words", "bad_query"),
        ("a " + "year:1 " * 17, "17 conditions", "bad_filter"),
    ],
)
def test_what_cannot_be_meant_is_refused(query: str, named: str, code: str) -> None:
    with pytest.raises(Invalid, match=named) as refused:
        read_query(FIELDS, query)
    assert refused.value.code == code


@drawn(st.text('atypeyearissued:"“”-><=2025 ,?', max_size=60))
def test_any_question_is_read_or_refused(query: str) -> None:
    assert _outcome(query) in ("read", "bad_filter", "bad_query", "question_without_words")


def _outcome(query: str) -> str:
    try:
        read = read_query(FIELDS, query)
    except Invalid as refused:
        return refused.code
    return "read" if all(phrase in read.text for phrase in read.phrases) else "a phrase was lost"


@drawn(st.text(max_size=60))
def test_a_question_without_syntax_keeps_its_words(query: str) -> None:
    plain = "".join(c for c in query if c not in '"“”-:')
    assert read_query(FIELDS, plain).text == " ".join(plain.split())
