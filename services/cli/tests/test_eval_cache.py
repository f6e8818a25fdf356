"""`assay eval twins` and `assay eval cache` on files."""

import json
from pathlib import Path

from assay_cli.testing import Run


def test_twins_are_written_as_pairs_with_different_answers(run: Run, tmp_path: Path) -> None:
    questions = tmp_path / "q.jsonl"
    questions.write_text("".join(json.dumps({"question": f"Who repairs pump {n}?"}) + "\n" for n in range(5)))
    out = tmp_path / "twins.jsonl"
    told = run("eval", "twins", questions, "--out", out, "--number", "70", "--json").json
    assert (told["pairs"], sum(told["kinds"].values())) == (70, 70)
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert {row["label"] for row in rows} == {0}
    assert all(row["a"] != row["b"] for row in rows)


def test_a_file_that_holds_no_pairs_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "p.jsonl").write_text('{"question": "Who?"}\n')
    outcome = run("eval", "cache", tmp_path / "p.jsonl")
    assert outcome.code == 2
    assert "line 1 needs texts" in outcome.err
