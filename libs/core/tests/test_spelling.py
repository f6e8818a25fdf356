from collections.abc import Sequence

import pytest
from assay_core.spelling import Correction, correctable, edits_between, likeliest, respelled
from hypothesis import given
from hypothesis import strategies as st

WORDS = st.text("abcd", max_size=7)


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("anual leave polcy?", ["anual", "leave", "polcy"]),
        ("Anual leave", ["Anual", "leave"]),
        ("the Anual ANUAL anuAl leave", ["leave"]),
        ("error E1042 in foo_barr, barr.conf, --verbosee, a@mailx.org", ["error"]),
        ('the "exact wordz" and `codez inside`', []),
        ("the company's leaves (annualy)", ["company", "leaves", "annualy"]),
        ("leave leave leave", ["leave"]),
        ("two-dimensionl", []),
        ("ist die Prüfung fällig", ["fällig"]),
        ("有多少天的年假 leaves", ["leaves"]),
        ("w" * 33, []),
        ("", []),
    ],
)
def test_only_plain_words_may_be_corrected(question: str, expected: list[str]) -> None:
    assert correctable(question) == expected


def test_words_of_phrases_are_meant_as_they_are() -> None:
    assert correctable("leave exakt wordz", ["Exakt wordz"]) == ["leave"]


@pytest.mark.parametrize(
    ("one", "other", "edits"),
    [
        ("policy", "policy", 0),
        ("polcy", "policy", 1),
        ("poolicy", "policy", 1),
        ("pilicy", "policy", 1),
        ("oplicy", "policy", 1),
        ("plicty", "policy", 2),
        ("plciyt", "policy", None),
        ("", "ab", 2),
        ("annual", "manual", 2),
    ],
)
def test_edits_are_counted(one: str, other: str, edits: int | None) -> None:
    assert edits_between(one, other, most=2) == edits
    assert edits_between(other, one, most=2) == edits


@given(WORDS, WORDS, st.integers(0, 3))
def test_a_lower_limit_never_changes_the_count(one: str, other: str, most: int) -> None:
    every = edits_between(one, other, most=20)
    assert every is not None
    assert abs(len(one) - len(other)) <= every <= max(len(one), len(other))
    assert edits_between(one, other, most=most) == (every if every <= most else None)
    assert (every == 0) == (one == other)


@pytest.mark.parametrize(
    ("written", "passages", "held", "meant"),
    [
        ("polcy", ["The policy and the Police."], {"policy": 3, "police": 9}, "policy"),
        ("stacion", ["station", "stacio"], {"station": 2, "stacio": 1}, "station"),
        ("forn", ["form fork"], {"form": 9, "fork": 1}, "form"),
        ("forn", ["form fork"], {"form": 1, "fork": 9}, "fork"),
        ("polcy", ["policy"], {}, None),
        ("unassociated", ["associated"], {"associated": 9}, None),
        ("oplicy", ["policy"], {"policy": 1}, "policy"),
        ("short", ["shorter"], {"shorter": 9}, None),
        ("Anual", ["ANNUAL"], {"annual": 1}, "annual"),
        ("word", [], {}, None),
    ],
)
def test_the_nearest_and_then_the_most_frequent_word_is_meant(
    written: str, passages: list[str], held: dict[str, int], meant: str | None
) -> None:
    def rows_with(words: Sequence[str]) -> list[int]:
        return [held.get(word, 0) for word in words]

    assert likeliest(written, passages, rows_with) == meant


def test_quotations_are_left_as_they_are() -> None:
    corrections = [Correction("polcy", "policy")]
    assert respelled('Which polcy says "leave polcy"?', corrections) == 'Which policy says "leave polcy"?'
    assert respelled("polcyholder", corrections) == "polcyholder"
    assert respelled("polcy", []) == "polcy"
