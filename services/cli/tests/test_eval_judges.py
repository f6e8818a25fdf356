import json
from pathlib import Path

import httpx
from assay_cli.testing import Outcome, Run, run_assay
from assay_testing.fake_gateway import API_KEY

GOOD = {"context": ["The pump weighs 40 kg."], "question": "", "response": "The pump weighs 40 kg.", "label": 0}
BAD = {"context": "The pump weighs 40 kg.", "question": "", "response": "Cats sleep often.", "label": 1}


def test_groundedness_prints_figures_and_counts_what_it_cannot_read(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "cases.jsonl"
    lines = [json.dumps(GOOD), "no json", json.dumps(BAD), json.dumps({**BAD, "label": "1"})]
    file.write_text("\n".join(lines))
    outcome = run("eval", "groundedness", file, "--judge", "lexical", "--json")
    assert outcome.code == 0
    found = outcome.json
    assert (found["cases"], found["positives"]) == (2, 1)
    assert [fault["line"] for fault in found["malformed"]] == [2, 4]
    assert found["f1"] == found["balanced_accuracy"] == found["auc"] == 1.0


def test_a_judge_that_is_none_is_refused(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "cases.jsonl"
    file.write_text(json.dumps(GOOD))
    outcome = run("eval", "groundedness", file, "--judge", "oracle")
    assert outcome.code != 0
    assert "'oracle' is no judge" in outcome.err


def test_a_folder_of_files_is_read_file_by_file_and_drawn_from_at_random(run: Run, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.jsonl").write_text("\n".join([json.dumps(GOOD), json.dumps(BAD)] * 40))
    outcome = run("eval", "groundedness", tmp_path, "--judge", "lexical", "--limit", "20", "--json")
    assert outcome.json["sets"].keys() == {"one", "two"}
    for found in outcome.json["sets"].values():
        assert found["cases"] == 20
        assert 4 <= found["positives"] <= 16


def test_weights_that_are_none_are_refused(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "cases.jsonl"
    file.write_text(json.dumps(GOOD))
    outcome = run("eval", "groundedness", file, "--judge", "local", "--weights", tmp_path)
    assert outcome.code != 0
    assert "holds no judge" in outcome.err
    outcome = run("eval", "groundedness", file, "--judge", "lexical", "--weights", tmp_path)
    assert outcome.code != 0
    assert "add --judge local" in outcome.err


def test_judges_prints_calibration_and_cost(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "cases.jsonl"
    file.write_text("\n".join([json.dumps(GOOD), json.dumps(BAD)]))
    outcome = run("eval", "judges", file, "--judge", "lexical", "--price", "3.6", "--json")
    found = outcome.json["cases"]
    judged = found["judges"]["lexical"]
    assert {"precision", "recall", "f1", "kappa", "auc", "ece", "brier"} <= judged.keys()
    assert found["cost_per_1000"]["lexical"] == 3.6 * judged["seconds_per_1000"] / 3600


LABELLED: dict[str, object] = {
    "answer": "a1",
    "claim": 0,
    "text": "The pump weighs 40 kg.",
    "sources": ["The pump weighs 40 kg."],
    "label": "supported",
    "labelled_by": "ann",
    "verdict": "supported",
    "probability": 0.8,
}
FALSE: dict[str, object] = {
    **LABELLED,
    "claim": 1,
    "text": "Cats sleep often.",
    "label": "not_enough",
    "probability": 0.7,
}


def judges_of(claims: list[dict[str, object]], *args: str) -> Outcome:
    asked: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={"claims": claims})

    outcome = run_assay(("eval", "judges", *args), handler=handle, key=API_KEY)
    assert [request.url.path for request in asked] == ["/v1/evaluations/labels"]
    return outcome


def test_judges_are_measured_on_what_people_labelled_in_the_platform() -> None:
    outcome = judges_of([LABELLED, FALSE, {**FALSE, "labelled_by": "bob"}], "--judge", "lexical", "--json")
    found = outcome.json["labels"]["judges"]
    assert found["lexical"]["balanced_accuracy"] == 1.0
    assert found["recorded"]["balanced_accuracy"] == 0.5
    assert "1 of 1 pairs" in outcome.err


def test_judges_without_labels_say_where_to_give_some() -> None:
    outcome = judges_of([], "--judge", "lexical")
    assert outcome.code != 0
    assert "assay feedback label" in outcome.err


def test_a_collection_is_refused_beside_a_file(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "cases.jsonl"
    file.write_text(json.dumps(GOOD))
    outcome = run("eval", "judges", file, "--collection", "docs", "--judge", "lexical")
    assert outcome.code != 0
    assert "leave it out with a file" in outcome.err
