from assay_cli.testing import Run


def test_every_metric_is_described(run: Run) -> None:
    found = {one["name"]: one for one in run("eval", "metrics", "--json").json["metrics"]}
    assert found["ndcg@10"]["source"].startswith("trec_eval 9")
    assert (found["ece"]["higher_is_better"], found["latency_ms"]["high"]) == (False, None)
    shown = run("eval", "metrics").out
    assert "citation_coverage" in shown
    assert "lower" in shown
