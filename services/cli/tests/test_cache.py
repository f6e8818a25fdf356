import json

from assay_cli.testing import Run
from assay_testing.fake_gateway import FakeGateway

FOUND = {
    "verdict": "miss",
    "reason": "The nearest question is refused by the look at numbers.",
    "sequence": 7,
    "percolated": 7,
    "threshold": 0.97,
    "similarity": 0.9812,
    "evidence": 2,
    "evidence_live": None,
}


def test_explaining_says_why_and_how_far_the_percolation_is(run: Run, gateway: FakeGateway):
    gateway.collections["docs"] = {}
    gateway.answers["explain"] = FOUND
    said = run("cache", "explain", "leave in 2025?", "-c", "docs")
    assert "miss: The nearest question is refused by the look at numbers." in said.err
    assert "0.9812; it takes 0.97" in said.err
    assert "Percolated: sequence 7; the collection is at 7." in said.err


def test_explaining_as_json_is_the_reply(run: Run, gateway: FakeGateway):
    gateway.collections["docs"] = {}
    gateway.answers["explain"] = FOUND
    assert json.loads(run("cache", "explain", "leave?", "-c", "docs", "--json").out) == FOUND
