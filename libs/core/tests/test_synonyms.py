"""What means the same, and what texts say does."""

from typing import Any

import pytest
from assay_core.acronyms import Candidate, candidates, defined
from assay_core.errors import Invalid
from assay_core.synonyms import Expansion, expanded, expansions, valid_groups, with_group, without_term
from hypothesis import given as drawn
from hypothesis import strategies as st

GROUPS = (("PTO", "paid time off"), ("IT", "information technology"))


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("How much pto is left?", (Expansion("PTO", ("paid time off",)),)),
        ("Is Paid  Time Off paid?", (Expansion("paid time off", ("PTO",)),)),
        ("Is it IT?", (Expansion("IT", ("information technology",)),)),
        ("Is it?", ()),
        ("a ptolemaic paid timeoff", ()),
        ("PTO is paid time off", ()),
    ],
)
def test_a_question_also_means_what_its_terms_mean(question: str, found: tuple[Expansion, ...]) -> None:
    assert expansions(GROUPS, question) == found


def test_an_expanded_question_begins_with_its_own_words() -> None:
    assert expanded("pto?", expansions(GROUPS, "pto?")) == "pto? paid time off"


def test_groups_that_share_a_term_are_one() -> None:
    assert with_group(GROUPS, ["pto", "leave"]) == (("PTO", "paid time off", "leave"), GROUPS[1])
    assert valid_groups([["a", "b"], ["c", "d"], ["B", "c"]]) == (("a", "b", "c", "d"),)


def test_a_group_of_one_goes_with_its_other_term() -> None:
    assert without_term(GROUPS, "it") == GROUPS[:1]
    assert without_term((("a", "b", "c"),), "B") == (("a", "c"),)
    with pytest.raises(Invalid, match="not among"):
        without_term(GROUPS, "leave")


@pytest.mark.parametrize(
    "given", [7, [7], [["a"]], [["a", "A"]], [["a", 7]], [["a", "-"]], [["a", "x" * 101]], [list("abcdefghi")]]
)
def test_what_is_no_group_is_refused(given: Any) -> None:
    with pytest.raises(Invalid) as refused:
        valid_groups(given)
    assert refused.value.code == "bad_synonyms"


def test_a_collection_has_so_many_groups() -> None:
    with pytest.raises(Invalid, match=r"501 groups.*up to 500"):
        valid_groups([[f"a{n}", f"b{n}"] for n in range(501)])


@drawn(st.lists(st.lists(st.sampled_from("abcdefgh"), min_size=2, max_size=3, unique=True), max_size=6))
def test_no_term_is_in_two_groups(given: list[list[str]]) -> None:
    terms = [term for group in valid_groups(given) for term in group]
    assert len(terms) == len(set(terms))
    assert set(terms) == {term for group in given for term in group}


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("Staff get paid time off (PTO) each year.", [("PTO", "paid time off")]),
        ("the Hypertext Transfer Protocol (HTTP)", [("HTTP", "Hypertext Transfer Protocol")]),
        ("a write-ahead log\n(WAL) and write-ahead log (WAL)", [("WAL", "write-ahead log")] * 2),
        ("heat shock transcription factor (HSF)", [("HSF", "heat shock transcription factor")]),
        ("this is a remark (NB)", []),
        ("the second of these (see)", []),
        ("a pump (PUMP)", []),
        ("(ABC)", []),
    ],
)
def test_texts_explain_acronyms(text: str, pairs: list[tuple[str, str]]) -> None:
    assert list(defined(text)) == pairs


def test_candidates_are_counted_by_text() -> None:
    texts = ["Paid time off (PTO). paid time off (PTO)", "paid time off (PTO)", "power take of (PTO) a write log (WL)"]
    assert candidates(texts, most=5) == [Candidate("PTO", "paid time off", 2), Candidate("WL", "write log", 1)]
    assert candidates(texts, most=1) == [Candidate("PTO", "paid time off", 2)]


@drawn(st.text("PTOpaid time off()WAL \n.", max_size=200))
def test_long_forms_stand_before_their_short_forms(text: str) -> None:
    for short, long in defined(text):
        assert text.replace("\n", " ").find(long.split()[0]) < text.rfind(f"({short})")
