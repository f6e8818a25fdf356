import json
from datetime import UTC, datetime

from assay_core.evaluation import EvaluationRun, QuestionScore, RunState
from assay_evals.beir import Latency, RetrievalReport
from assay_evals.report import failures_text, retrieval_json, retrieval_text, run_text, table

REPORT = RetrievalReport("toy", 2, 3, 0, {"dense": {"ndcg@10": 0.64567}}, {"dense": Latency(10.0, 20.5)})
RUN = EvaluationRun(
    id="r1",
    collection="c1",
    dataset="golden",
    judge="local",
    state=RunState.DONE,
    configuration={"top_k": 5, "chat_models": ["smollm2"]},
    metrics={"recall@5": 0.9, "mrr@10": 1.0},
    questions=120,
    failures=2,
    started_at=datetime(2026, 1, 1, tzinfo=UTC),
    intervals={"recall@5": (0.85, 0.95)},
)


def test_numbers_stand_to_the_right_and_missing_ones_are_dashes() -> None:
    assert table(["mode", "n"], [["dense", 1.5], ["lexical", None]]) == (
        "mode         n\n-------  -----\ndense    1.500\nlexical      –"
    )


def test_retrieval_as_text_and_json() -> None:
    assert retrieval_text(REPORT) == (
        "toy: 2 queries, 3 documents\n\n"
        "mode   ndcg@10  p50 ms  p99 ms\n"
        "-----  -------  ------  ------\n"
        "dense    0.646  10.000  20.500"
    )
    assert json.loads(retrieval_json(REPORT))["stages"] == {"dense": {"ndcg@10": 0.64567}}


def test_a_run_tells_metrics_failures_and_configuration() -> None:
    text = run_text(RUN)
    assert "120 questions, 2 with failures" in text
    assert "recall@5  0.900      0.850  0.950" in text
    assert "mrr@10    1.000          –      –" in text
    assert "chat_models: smollm2" in text


def test_failures_are_told_by_kind_the_commonest_first() -> None:
    found = [
        QuestionScore("q1", "groundedness", None, "no judgement"),
        QuestionScore("q2", "groundedness", None, "no answer"),
        QuestionScore("q3", "groundedness", None, "no answer"),
        QuestionScore("q4", "groundedness", 1.0),
    ]
    lines = failures_text(found).splitlines()
    assert lines[2].split() == ["2", "q2", "no", "answer"]
    assert len(lines) == 4
    assert failures_text(found[3:]) == "no failures"
