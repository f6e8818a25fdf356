from dataclasses import replace

import pytest
from assay_core.answers import Outcome
from assay_core.errors import Invalid
from assay_core.evaluation import GoldenPassage
from assay_core.golden_sets import check_set
from assay_gateway.traffic_samples import sample
from assay_testing.answers import answer, citation, hit

QUOTE = "Leave is twenty days."
GIVEN = answer("Ask Mrs Lee: it is twenty days.", question="May ann@example.org take leave?",
               sources=(hit("leave.md", QUOTE),), citations=(citation("leave.md", QUOTE),))  # fmt: skip
REFUSED = replace(GIVEN, id="a2", question="Who cooks?", outcome=Outcome.NOTHING_FOUND, citations=())


def test_a_case_is_masked_and_names_its_passage() -> None:
    one, two = sample([("bob", GIVEN), ("bob", REFUSED)], 5, seed=1)
    assert (one.question, one.answer) == ("May [e-mail] take leave?", "Ask Mrs [name]: it is twenty days.")
    assert one.passages == (GoldenPassage("leave.md", QUOTE),)
    assert (two.answerable, two.passages, two.about) == (False, (), ("leave.md",))
    check_set("candidate", [one, two])


def test_the_same_question_is_drawn_once() -> None:
    again = replace(GIVEN, id="a3", question="may  BOB@example.org take leave?")
    assert len(sample([("bob", GIVEN), ("eve", again)], 5, seed=1)) == 1


def test_who_asks_much_does_not_crowd_out_the_others() -> None:
    many = [("bob", replace(GIVEN, id=f"b{n}", question=f"What of {n}?")) for n in range(50)]
    few = [("eve", replace(GIVEN, id="e1", question="And of hers?")), ("eve", REFUSED)]
    drawn = {question.id for question in sample([*many, *few], 6, seed=1)}
    assert {"traffic-e1", "traffic-a2"} <= drawn


def test_an_empty_sample_is_said_as_such() -> None:
    with pytest.raises(Invalid, match="nothing to sample"):
        sample([], 5, seed=1)
    with pytest.raises(Invalid, match="nothing to sample"):
        sample([("bob", replace(GIVEN, citations=()))], 5, seed=1)
