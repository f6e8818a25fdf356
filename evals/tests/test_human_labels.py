import pytest
from assay_core.answers import Verdict
from assay_core.errors import Invalid
from assay_core.feedback import Label, LabelledClaim
from assay_evals.groundedness import evaluate
from assay_evals.human_labels import labelled_set, recorded_scorer


def said(label: Label, *, claim: int = 0, by: str = "ann", probability: float | None = 0.9) -> LabelledClaim:
    return LabelledClaim(
        "a1", claim, f"Sentence {claim}.", ("A source.",), label, by, Verdict.SUPPORTED, probability
    )  # fmt: skip


def test_the_majority_of_several_people_decides() -> None:
    found = labelled_set(
        "docs", [said(Label.SUPPORTED), said(Label.NOT_ENOUGH, by="bob"), said(Label.CONTRADICTED, by="cay")]
    )
    assert [case.label for case in found.given.cases] == [1]
    assert (found.agreeing, found.pairs) == (1, 3)


def test_a_tie_is_told_and_in_no_figure() -> None:
    found = labelled_set("docs", [said(Label.SUPPORTED), said(Label.NOT_ENOUGH, by="bob")])
    assert not found.given.cases
    assert "people disagree, 2 labels" in found.given.malformed[0].reason


def test_what_the_platform_had_said_is_measured_and_its_silence_is_a_failure() -> None:
    found = labelled_set(
        "docs",
        [
            said(Label.SUPPORTED, claim=0, probability=0.9),
            said(Label.NOT_ENOUGH, claim=1, probability=0.2),
            said(Label.NOT_ENOUGH, claim=2, probability=None),
        ],
    )
    (judged,) = evaluate(found.given, [recorded_scorer(found)]).judges
    assert judged.agreement is not None
    assert judged.agreement.cases == 2
    assert judged.agreement.metrics["balanced_accuracy"] == 1.0
    assert [fault.line for fault in judged.failures] == [3]
    with pytest.raises(Invalid):
        recorded_scorer(found).score(found.given.cases[2])
