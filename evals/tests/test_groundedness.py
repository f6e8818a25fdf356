import json
from pathlib import Path

import pytest
from assay_core.errors import Invalid
from assay_evals.groundedness import (
    Case,
    CaseSet,
    Scorer,
    evaluate,
    judge_scorer,
    lexical_scorer,
    mean_balanced_accuracy,
    read_case,
    read_cases,
)
from assay_testing.fake_judge import FakeJudge

SOURCE = "The pump weighs 40 kg. It is blue."


def case(line: int, response: str, label: int) -> Case:
    return Case(line, (SOURCE,), "", response, label)


CASES = CaseSet("set", (case(1, "The pump weighs 40 kg.", 0), case(2, "Cats sleep in the garden.", 1)), ())


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "no JSON"),
        ("[]", "must be a JSON object"),
        (json.dumps({"context": "a", "response": " ", "label": 0}), '"response"'),
        (json.dumps({"context": [], "response": "a", "label": 0}), '"context" is empty'),
        (json.dumps({"context": 3, "response": "a", "label": 0}), '"context"'),
        (json.dumps({"context": "a", "response": "a", "label": "yes"}), '"label"'),
        (json.dumps({"context": "a", "response": "a", "label": 0.5}), '"label"'),
        (json.dumps({"context": "a", "response": "a"}), '"label"'),
        (json.dumps({"context": "a", "response": "a", "label": 1, "question": 7}), '"question"'),
    ],
)
def test_a_malformed_line_says_what_is_wrong(line: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read_case(1, line)


def test_malformed_lines_are_named_and_the_others_kept(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text('nonsense\n\n{"context": "a", "question": null, "response": "b", "label": true}\n')
    found = read_cases(file)
    assert [fault.line for fault in found.malformed] == [1]
    assert [(c.line, c.label, c.contexts) for c in found.cases] == [(3, 1, ("a",))]


def test_a_file_without_a_usable_line_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text("nonsense\n")
    with pytest.raises(Invalid, match="line 1"):
        read_cases(file)


def test_a_judge_and_the_baseline_are_measured_side_by_side() -> None:
    report = evaluate(CASES, [judge_scorer("fake", FakeJudge()), lexical_scorer()])
    assert [judged.name for judged in report.judges] == ["fake", "lexical"]
    assert all(j.agreement and j.agreement.metrics["balanced_accuracy"] == 1.0 for j in report.judges)
    assert mean_balanced_accuracy([report]) == {"fake": 1.0, "lexical": 1.0}


def test_a_failure_is_counted_and_in_no_figure() -> None:
    def score(given: Case) -> float:
        if given.line == 2:
            raise Invalid("the server said nothing", code="bad_reply")
        return float("nan") if given.line == 3 else 0.0

    cases = CaseSet("set", (*CASES.cases, case(3, "It is blue.", 0)), ())
    (judged,) = evaluate(cases, [Scorer("broken", score)]).judges
    assert [fault.line for fault in judged.failures] == [2, 3]
    assert "bad_reply" in judged.failures[0].reason
    assert judged.agreement is not None
    assert judged.agreement.cases == 1
    assert "auc" not in judged.agreement.metrics


def test_a_judge_that_fails_always_has_no_figures() -> None:
    def score(_: Case) -> float:
        raise Invalid("no", code="bad_reply")

    report = evaluate(CASES, [Scorer("broken", score)])
    assert report.judges[0].agreement is None
    assert len(report.judges[0].failures) == 2
    assert "nan" not in json.dumps(report.as_json()).lower()


def test_the_worst_claim_decides() -> None:
    both = case(1, "The pump weighs 40 kg. Cats sleep in the garden.", 1)
    assert judge_scorer("fake", FakeJudge()).score(both) > 0.5
