import json

from assay_cli.testing import Run
from assay_testing.fake_gateway import FakeGateway


def test_an_index_is_built_compared_asked_and_given_back(run: Run, gateway: FakeGateway):
    gateway.collections["docs"] = {}
    gateway.answers["GET nights"] = {"nights": []}
    assert "Generation 2 (ivf_sq8) is ready." in run("index", "build", "docs", "ivf_sq8", "--wait").err
    compared = run("index", "compare", "docs", "--dataset", "golden").err
    assert "40 questions of golden: nDCG@10 0.8100 now, 0.8000 beside it." in compared
    assert "-0.0100 [-0.0180, +0.0040]" in compared
    assert "`assay index switch` may follow" in compared
    assert "Generation 2 (ivf_sq8) is active." in run("index", "switch", "docs").err
    shown = run("index", "status", "docs")
    assert "kept" in shown.out
    assert "there is no figure yet" in shown.err
    assert "Generation 1 (hnsw) is active." in run("index", "rollback", "docs").err
    assert "Generation 2 (ivf_sq8) is leaving." in run("index", "drop", "docs").err


def test_the_status_says_what_the_last_night_measured(run: Run, gateway: FakeGateway):
    gateway.collections["docs"] = {}
    night = {"collection": "docs", "night": "2026-11-23", "caught_up": False, "closed_at": "2026-11-23T02:00:00Z"}
    night |= {"runs": [], "remarks": [], "figures": {"index.recall@10": 0.987}, "failures": {}}
    gateway.answers["GET nights"] = {"nights": [night]}
    assert (
        "In the night of 2026-11-23 it found 0.987 of the ten nearest passages." in run("index", "status", "docs").err
    )
    found = json.loads(run("index", "status", "docs", "--json").out)
    assert (found["recall"], found["night"], found["generations"][0]["state"]) == (0.987, "2026-11-23", "active")
