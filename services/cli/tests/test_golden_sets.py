import hashlib
import json
from pathlib import Path

from assay_cli.testing import Run
from assay_core.evaluation import GoldenPassage, GoldenQuestion
from assay_core.golden_sets import sha256_of
from assay_testing.fake_gateway import FakeGateway

STORED = {
    "collection": "docs",
    "dataset": "golden",
    "version": 2,
    "sha256": "ab" * 32,
    "questions": 1,
    "erased": 0,
    "licence": "CC0-1.0",
    "source": "golden.jsonl",
    "created_by": "ann",
    "created_at": "2026-01-02T03:04:00Z",
    "candidate": False,
}
QUESTION = {
    "id": "q1",
    "question": "Wie lange?",
    "answer": "20 days",
    "passages": [{"document": "leave.md", "quote": "twenty", "grade": 2}],
    "alternatives": ["zwanzig"],
}


def test_every_metric_is_described(run: Run) -> None:
    found = {one["name"]: one for one in run("eval", "metrics", "--json").json["metrics"]}
    assert found["ndcg@10"]["source"].startswith("trec_eval 9")
    assert (found["ece"]["higher_is_better"], found["latency_ms"]["high"]) == (False, None)
    shown = run("eval", "metrics").out
    assert "citation_coverage" in shown
    assert "lower" in shown


def test_golden_file_is_uploaded_without_foreign_members(run: Run, gateway: FakeGateway, tmp_path: Path) -> None:
    file = tmp_path / "golden.jsonl"
    file.write_text('{"id": "q1", "question": "Why?", "answerable": false, "no_shared_words": true}\n\n')
    gateway.answers["PUT datasets"] = STORED
    stored = run("eval", "upload", file, "-c", "docs", "-d", "golden", "--licence", "CC0-1.0", "--json").json
    assert (stored["version"], stored["sha256"]) == (2, "ab" * 32)
    assert json.loads(gateway.requests[-1].content) == {
        "questions": [{"id": "q1", "question": "Why?", "answerable": False}],
        "licence": "CC0-1.0",
        "source": "golden.jsonl",
    }


def test_broken_lines_are_named(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "golden.jsonl"
    for line, fault in [
        ("nonsense", "not JSON"),
        ("[]", "a JSON object"),
        ('{"id": "q2", "question": 7}', "'question' must be a string"),
        ('{"id": "q2", "question": "Why?"}', "names no passage"),
        ('{"id": "q2", "question": "Why?", "passages": [1]}', "a passage is an object"),
        ('{"id": "q2", "question": "Why?", "passages": {"document": "a"}}', "'passages' must be a list"),
        ('{"id": "q2", "question": "Why?", "answerable": "no"}', "true or false"),
    ]:
        file.write_text('{"id": "q1", "question": "Why?", "answerable": false}\n' + line + "\n")
        outcome = run("eval", "upload", file, "-c", "docs", "-d", "golden")
        assert outcome.code == 2
        assert "golden.jsonl:2: " in outcome.err
        assert fault in outcome.err


def test_exported_lines_have_the_hash_of_the_version(run: Run, gateway: FakeGateway, tmp_path: Path) -> None:
    question = GoldenQuestion(
        "q1", "Wie lange?", "20 days", True, (GoldenPassage("leave.md", "twenty", 2),), alternatives=("zwanzig",)
    )
    gateway.answers["GET datasets"] = {**STORED, "content": [QUESTION], "hidden": 3}
    file = tmp_path / "out.jsonl"
    outcome = run("eval", "export", "-c", "docs", "-d", "golden", "--version", "2", "-o", file)
    assert hashlib.sha256(file.read_bytes()).hexdigest() == sha256_of([question])
    assert "3 are about documents that you may not read" in outcome.err
    assert gateway.requests[-1].url.params["version"] == "2"
    assert run("eval", "export", "-c", "docs", "-d", "golden").out == file.read_text()


def test_sets_and_their_versions_are_listed(run: Run, gateway: FakeGateway) -> None:
    gateway.answers["GET datasets"] = {"datasets": [STORED]}
    assert run("eval", "sets", "-c", "docs", "--json").json["datasets"] == [STORED]
    run("eval", "sets", "-c", "docs", "-d", "golden")
    assert gateway.requests[-1].url.path.endswith("/datasets/docs/golden/versions")
    gateway.answers["GET datasets"] = {"datasets": []}
    assert "assay eval import" in run("eval", "sets", "-c", "docs").err


def test_a_set_of_others_fills_the_collection(run: Run, gateway: FakeGateway, tmp_path: Path) -> None:
    file = tmp_path / "triples.jsonl"
    file.write_text('{"user_input": "How long?", "retrieved_contexts": ["Twenty days."], "reference": "20 days"}\n')
    gateway.answers["PUT datasets"] = STORED
    assert run("eval", "import", file, "-c", "docs", "-d", "golden").code == 0
    (name,) = gateway.collections["docs"]
    sent = json.loads(gateway.requests[-1].content)["questions"]
    assert sent[0]["passages"] == [{"document": name, "quote": "", "grade": 1}]


def test_a_broken_line_of_triples_is_named(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "triples.jsonl"
    file.write_text('{"question": "How?", "contexts": [], "answer": ""}\n{"question": "How?", "answer": "so"}\n')
    outcome = run("eval", "import", file, "-c", "docs", "-d", "golden")
    assert outcome.code == 2
    assert "triples.jsonl:2: none of contexts" in outcome.err


def test_a_candidate_is_drawn_and_approved(run: Run, gateway: FakeGateway) -> None:
    gateway.answers["POST datasets"] = {**STORED, "candidate": True}
    outcome = run("eval", "sample", "-c", "docs", "-d", "week", "--questions", "7", "--hours", "24")
    assert "a candidate, to be reviewed" in outcome.err
    assert json.loads(gateway.requests[-1].content) == {"questions": 7, "hours": 24, "seed": 1}
    assert run("eval", "approve", "-c", "docs", "-d", "week").code == 0
    assert gateway.requests[-1].url.path.endswith("/datasets/docs/week/approve")


def test_a_set_is_generated_from_the_documents(run: Run, gateway: FakeGateway) -> None:
    gateway.collections["docs"] = {}
    outcome = run("eval", "generate", "-c", "docs", "--judge", "none")
    assert outcome.code == 2
    assert "no document that you may read" in outcome.err
    assert "--llm-model" in run("eval", "generate", "-c", "docs", "--llm-url", "http://x/v1").err
