import json

import httpx
import pytest
from assay_cli.testing import Run
from assay_testing.fake_gateway import FakeGateway

SET = {
    "collection": "docs",
    "dataset": "golden",
    "version": 1,
    "sha256": "ab" * 32,
    "questions": 80,
    "erased": 0,
    "licence": "",
    "source": "",
    "created_by": "ann",
    "created_at": "2026-01-02T03:04:00Z",
    "candidate": False,
    "hidden": 0,
}


def hit(rank: int, document: str, score: float) -> dict[str, object]:
    return {
        "rank": rank, "chunk_id": document, "document_id": document, "document_name": document, "version": 1,
        "page": None, "heading": "", "text": "", "start": 0, "end": 0, "score": score, "scored_by": "x",
    }  # fmt: skip


class Searched(FakeGateway):
    """The dense index is right; the lexical one has the gold document last."""

    degraded: tuple[dict[str, str], ...] = ()

    def handle(self, request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith("/search"):
            return super().handle(request)
        dense = json.loads(request.content)["mode"] == "dense"
        names = [f"other{n}.md" for n in range(12)]
        order = ["gold.md", *names] if dense else [*reversed(names), "gold.md"]
        hits = [hit(rank, name, (1 if dense else 20) / rank) for rank, name in enumerate(order, 1)]
        reply = {"hits": hits, "timings_ms": {}, "cache": "off", "degraded": list(self.degraded)}
        return httpx.Response(200, json=reply)


@pytest.fixture
def gateway() -> FakeGateway:
    gateway = Searched()
    gateway.collections["docs"] = {}
    content = [
        {"id": f"q{n}", "question": f"Why {n}?", "answer": "so", "passages": [{"document": "gold.md", "quote": ""}]}
        for n in range(80)
    ]
    gateway.answers["GET datasets"] = {**SET, "content": content}
    return gateway


def changes(gateway: FakeGateway) -> list[object]:
    return [json.loads(r.content) for r in gateway.requests if r.method == "PATCH"]


def test_what_is_no_worse_is_stored(run: Run, gateway: FakeGateway) -> None:
    run("collections", "set", "docs", "--fusion", "rrf", "--dense-weight", "0.1")
    learned = run("eval", "fusion", "docs", "-d", "golden", "--json")
    assert learned.code == 0
    assert learned.json["applied"] is True
    (_, stored) = changes(gateway)
    assert isinstance(stored, dict)
    assert stored["settings"]["searching"].items() <= learned.json["learned"].items()


def test_a_look_changes_nothing(run: Run, gateway: FakeGateway) -> None:
    run("collections", "set", "docs", "--fusion", "rrf", "--dense-weight", "0.1")
    shown = run("eval", "fusion", "docs", "-d", "golden", "--no-apply")
    assert shown.code == 0
    assert "learned" in shown.out
    assert len(changes(gateway)) == 1


def test_an_index_that_is_down_teaches_nothing(run: Run, gateway: FakeGateway) -> None:
    assert isinstance(gateway, Searched)
    gateway.degraded = ({"component": "dense", "mode": "without_dense", "reason": "down"},)
    outcome = run("eval", "fusion", "docs", "-d", "golden")
    assert outcome.code == 1
    assert "nothing was learned" in outcome.err
