import json
from pathlib import Path

import pytest
from assay_cli import bench_queries, latency, parts
from assay_cli.commands.bench_reupload import Round, figures
from assay_cli.edited_documents import (
    LongDocument,
    every_hundredth_passage,
    long_documents,
    one_word_in_a_hundredth,
)
from assay_cli.ingestion import Ingest
from assay_cli.testing import Run
from assay_core.errors import Invalid
from assay_testing.fake_gateway import FakeGateway

RUN = {
    "id": "r1",
    "collection": "docs",
    "dataset": "golden",
    "judge": "local",
    "state": "done",
    "configuration": {},
    "metrics": {"recall@5": 0.9},
    "intervals": {"recall@5": [0.8, 1.0]},
    "questions": 120,
    "failures": 1,
    "started_at": "2026-01-02T03:04:00Z",
    "finished_at": None,
    "error": None,
}


def test_run_waits_for_the_scores(run: Run, gateway: FakeGateway) -> None:
    gateway.answers["POST runs"] = {**RUN, "state": "waiting"}
    gateway.answers["GET runs"] = [{**RUN, "state": "running", "scores": []}, {**RUN, "scores": []}]
    outcome = run("eval", "run", "-c", "docs", "-d", "golden", "--judge", "local", "--wait", "--json")
    assert outcome.code == 0
    assert outcome.json["metrics"] == {"recall@5": 0.9}
    assert json.loads(gateway.requests[0].content) == {"collection": "docs", "dataset": "golden", "judge": "local"}


def test_failed_run_is_exit_code_1(run: Run, gateway: FakeGateway) -> None:
    gateway.answers["POST runs"] = {**RUN, "state": "failed", "error": "no judge"}
    outcome = run("eval", "run", "-c", "docs", "-d", "golden")
    assert outcome.code == 1
    assert "no judge" in outcome.err


def test_runs_are_listed(run: Run, gateway: FakeGateway) -> None:
    gateway.answers["GET runs"] = {"runs": [RUN]}
    assert run("eval", "runs", "--json").json["runs"][0]["id"] == "r1"
    assert "0.900" in run("eval", "runs").out


def test_bench_search_prints_percentiles(run: Run, gateway: FakeGateway, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("A")
    run("ingest", tmp_path, "-c", "docs")
    gateway.answers["search"] = {"hits": [], "timings_ms": {"dense": 2.0}, "cache": "off", "degraded": []}
    found = run("bench", "search", "-c", "docs", "--queries", "8", "--concurrency", "2", "--json").json
    assert found["chunks"] == 3
    assert found["queries"] == 8
    assert found["stages_median_ms"] == {"dense": 2.0}
    assert 0 < found["p50_ms"] <= found["p95_ms"] <= found["p99_ms"] <= found["max_ms"]
    searches = [json.loads(r.content) for r in gateway.requests if r.url.path.endswith("/search")]
    assert {(s["rerank"], s["cache"], s["mode"]) for s in searches} == {(False, "bypass", "hybrid")}


def test_bench_of_an_empty_collection_names_the_way_out(run: Run, gateway: FakeGateway) -> None:
    gateway.collections["docs"] = {}
    outcome = run("bench", "search", "-c", "docs")
    assert outcome.code == 2
    assert "`assay ingest FOLDER --collection docs` fills it" in outcome.err


def test_bench_that_ran_degraded_fails(run: Run, gateway: FakeGateway, tmp_path: Path) -> None:
    file = tmp_path / "queries.txt"
    file.write_text("one\ntwo\n")
    gateway.collections["docs"] = {}
    missing = {"component": "milvus", "mode": "lexical only", "reason": "down"}
    gateway.answers["search"] = {"hits": [], "timings_ms": {}, "cache": "off", "degraded": [missing]}
    outcome = run("bench", "search", "-c", "docs", "--queries", "4", "--queries-file", file)
    assert outcome.code == 1
    assert "4 of 4 searches went without one of their parts" in outcome.err


def test_bench_rerank_asks_each_question_with_and_without(run: Run, gateway: FakeGateway, tmp_path: Path) -> None:
    (tmp_path / "q").write_text("one\ntwo\n")
    gateway.collections["docs"] = {}
    gateway.answers["search"] = {"hits": [], "timings_ms": {"rerank": 90.0}, "cache": "off", "degraded": []}
    found = run("bench", "rerank", "-c", "docs", "--queries", "4", "--queries-file", tmp_path / "q", "--json").json
    assert (found["queries"], found["rerank_p50_ms"], found["rerank_p95_ms"]) == (4, 90.0, 90.0)
    searches = [json.loads(r.content) for r in gateway.requests if r.url.path.endswith("/search")]
    assert [s["rerank"] for s in searches[-8:]] == [False, True, True, False] * 2
    assert {s["cache"] for s in searches} == {"bypass"}


def test_bench_rerank_without_a_reranker_fails(run: Run, gateway: FakeGateway, tmp_path: Path) -> None:
    (tmp_path / "q").write_text("one\n")
    gateway.collections["docs"] = {}
    gateway.answers["search"] = {"hits": [], "timings_ms": {"dense": 2.0}, "cache": "off", "degraded": []}
    outcome = run("bench", "rerank", "-c", "docs", "--queries", "3", "--queries-file", tmp_path / "q")
    assert outcome.code == 1
    assert "3 of 3 searches were not reranked" in outcome.err


def test_bench_cache_measures_hits_beside_searches_past_it(run: Run, gateway: FakeGateway, tmp_path: Path) -> None:
    (tmp_path / "q").write_text("one\ntwo\n")
    gateway.collections["docs"] = {}
    gateway.answers["search"] = {"hits": [], "timings_ms": {"cache": 3.0}, "cache": "hit", "degraded": []}
    found = run("bench", "cache", "-c", "docs", "--queries-file", tmp_path / "q", "--json").json
    assert (found["questions"], found["hits"], found["hit_stages_median_ms"]) == (2, 2, {"cache": 3.0})
    assert 0 < found["hit_p50_ms"] <= found["hit_p95_ms"]
    searches = [json.loads(r.content) for r in gateway.requests if r.url.path.endswith("/search")]
    assert [s["cache"] for s in searches] == ["use"] * 4 + ["bypass"] * 2


def test_bench_cache_without_a_hit_names_the_way_out(run: Run, gateway: FakeGateway, tmp_path: Path) -> None:
    (tmp_path / "q").write_text("one\n")
    gateway.collections["docs"] = {}
    gateway.answers["search"] = {"hits": [], "timings_ms": {}, "cache": "miss", "degraded": []}
    outcome = run("bench", "cache", "-c", "docs", "--queries-file", tmp_path / "q")
    assert outcome.code == 1
    assert "`assay cache explain QUESTION -c docs`" in outcome.err


def test_percentiles_by_hand() -> None:
    assert latency.percentile([4, 1, 3, 2], 0.5) == 2
    assert latency.percentile(list(range(1, 101)), 0.99) == 99
    assert latency.percentile([7], 0.5) == 7


def test_queries_file_without_queries_is_refused(tmp_path: Path) -> None:
    (tmp_path / "q").write_text("\n \n")
    with pytest.raises(Invalid, match="holds no query"):
        bench_queries.read_queries(tmp_path / "q")


def test_bench_ingest_makes_a_fresh_collection(run: Run, gateway: FakeGateway, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("A")
    found = run("bench", "ingest", tmp_path, "-c", "fresh", "--no-keep", "--json").json
    assert (found["documents"], found["chunks"], found["peak_memory_bytes"]) == (1, 3, {})
    assert gateway.collections == {}


def test_bench_idle_shows_what_each_part_took_meanwhile(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def status(worker_s: float) -> dict[str, object]:
        parts = [
            {"name": "worker", "cpu_s": worker_s, "memory_mib": 200},
            {"name": "vllm", "cpu_s": 9.0, "memory_mib": 3000},
            {"name": "first-run", "cpu_s": 0.0, "memory_mib": 0},
        ]
        return {"parts": parts, "supervisor": {"cpu_s": 2.0, "memory_mib": 50}}

    told = iter([status(1.0), status(1.5)])
    monkeypatch.setattr(parts, "platform_status", lambda _: next(told))
    found = run("bench", "idle", "--seconds", "1", "--json").json
    assert found["core_percent"]["worker"] == pytest.approx(50 / found["seconds"], rel=0.06)  # seconds are rounded
    assert found["core_percent_of_all"] == found["core_percent"]["worker"]
    assert found["memory_mib"] == {"worker": 200, "vllm": 3000, "supervisor": 50}
    assert found["memory_mib_without_vllm"] == 250


def test_bench_idle_without_a_platform_says_so(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "platform_status", lambda _: {})
    outcome = run("bench", "idle")
    assert outcome.code != 0
    assert "assay up" in outcome.err


def test_bench_reupload_compares_small_changes_with_all_of_it(run: Run, gateway: FakeGateway) -> None:
    found = run("bench", "reupload", "--documents", "3", "--passages", "100", "-c", "new", "--json").json
    assert (found["passages"], found["full"]["uploaded"], found["full"]["chunks_added"]) == (300, 3, 9)
    assert (found["same_bytes"]["uploaded"], found["same_bytes"]["unchanged"]) == (0, 3)
    changed = found["one_passage_in_100"]
    assert (changed["uploaded"], changed["chunks_kept"], changed["chunks_removed"]) == (3, 6, 12)
    assert found["one_word_in_one_document_in_100"]["uploaded"] == 1
    assert (found["full"]["cpu_s"], changed["cpu_of_full"]) == (0, None), "the processor is not measured elsewhere"
    assert "new" not in gateway.collections


def test_a_round_is_compared_with_the_full_one() -> None:
    full, small = Round(Ingest(), 20.0, {"worker": 30.0, "gateway": 10.0}), Round(Ingest(), 1.0, {"worker": 1.2})
    found = figures(small, full)
    assert (found["seconds_of_full"], found["cpu_of_full"]) == (0.05, 0.03)
    assert "seconds_of_full" not in figures(full, full)


def test_edits_touch_one_passage_in_a_hundred() -> None:
    first = long_documents(5, 50, seed=1)
    edited = every_hundredth_passage(first, seed=1)
    pairs = [
        (a, b) for one, other in zip(first, edited, strict=True) for a, b in zip(*_sections(one, other), strict=True)
    ]
    assert sum(a != b for a, b in pairs) == 3
    word = one_word_in_a_hundredth(first, seed=1)
    assert sum(one != other for one, other in zip(first, word, strict=True)) == 1
    assert sum(document.text.count("Zanzibar") for document in word) == 1


def _sections(*documents: LongDocument) -> list[tuple[str, ...]]:
    return [document.sections for document in documents]
