import json
from typing import Any

import httpx
import pytest
from assay_cli.testing import run_assay
from assay_testing.fake_gateway import API_KEY

GIVEN: dict[str, Any] = {
    "id": "f1",
    "answer": "a1",
    "collection": "docs",
    "given_by": "bob",
    "thumb": "down",
    "corrected_answer": "25 days",
    "missing_source": "",
    "missing_quote": "",
    "comment": "old",
    "state": "open",
    "created_at": "2026-01-02T03:04:00Z",
    "reviewed_by": None,
    "reviewed_at": None,
    "dataset": None,
    "dataset_version": None,
}


class Gateway:
    """Gives the same reply to everything and keeps what was sent."""

    def __init__(self, reply: object) -> None:
        self.reply = reply
        self.sent: list[httpx.Request] = []

    def handle(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.sent.append(request)
        return httpx.Response(200, json=self.reply)

    def run(self, *args: str):
        return run_assay(("feedback", *args), handler=self.handle, key=API_KEY)


def test_what_is_said_is_sent() -> None:
    gateway = Gateway(GIVEN)
    assert gateway.run("give", "a1", "--down", "--correct", "25 days", "--missing", "policy.md").code == 0
    sent = gateway.sent[-1]
    assert (sent.method, sent.url.path) == ("POST", "/v1/answers/a1/feedback")
    found = json.loads(sent.content)
    assert {name: value for name, value in found.items() if value} == {
        "thumb": "down",
        "corrected_answer": "25 days",
        "missing_source": "policy.md",
    }


def test_feedback_is_listed() -> None:
    gateway = Gateway({"feedback": [GIVEN]})
    assert "25 days · old" in gateway.run("list", "--state", "open").out
    assert gateway.sent[-1].url.params["state"] == "open"
    assert gateway.run("list", "--json").json["feedback"][0]["id"] == "f1"


def test_a_review_names_the_golden_set() -> None:
    gateway = Gateway({"feedback": {**GIVEN, "state": "rejected"}, "stored": None})
    gateway.run("accept", "f1", "-d", "golden", "--document", "a.md", "--quote", "25")
    body = json.loads(gateway.sent[-1].content)
    assert (body["decision"], body["dataset"]) == ("accept", "golden")
    assert [(one["document"], one["quote"]) for one in body["passages"]] == [("a.md", "25")]
    assert gateway.run("reject", "f1").code == 0
    assert json.loads(gateway.sent[-1].content)["decision"] == "reject"


def test_labels_are_numbers_and_words() -> None:
    gateway = Gateway({"labels": [{"claim": 0, "label": "supported"}]})
    assert gateway.run("label", "a1", "0=supported", "1=not_enough").code == 0
    labels = json.loads(gateway.sent[-1].content)["labels"]
    assert labels[1] == {"claim": 1, "label": "not_enough"}


@pytest.mark.parametrize("bad", ["0", "x=supported", "0=good", "=supported"])
def test_what_is_no_label_is_refused(bad: str) -> None:
    outcome = Gateway({}).run("label", "a1", bad)
    assert outcome.code == 2
    assert "0=not_enough" in outcome.err
