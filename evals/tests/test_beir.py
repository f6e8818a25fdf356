"""The whole measurement against a gateway made of a dictionary."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from assay_core.collection_settings import CollectionSettings
from assay_core.errors import Exhausted, Invalid, Unavailable
from assay_evals.beir import (
    RetrievalReport,
    as_markdown,
    default_collection,
    document_id,
    evaluate_retrieval,
    file_name,
    mean_report,
)
from assay_evals.datasets import CorpusDocument
from assay_wire.clients import AssayClient
from hypothesis import given, settings
from hypothesis import strategies as st

QUICK = settings(max_examples=40, deadline=None)

WHEN = "2026-01-01T00:00:00Z"
COLLECTION = {
    "name": "beir-toy",
    "id": "c1",
    "documents": 0,
    "chunks": 0,
    "epoch": 0,
    "index_kind": "hnsw",
    "created_at": WHEN,
    "settings": CollectionSettings().as_json(),
}


class FakeGateway:
    """Holds documents, and finds those that share a word with the query, by name."""

    def __init__(self) -> None:
        self.documents: dict[str, dict[str, object]] = {}
        self.texts: dict[str, str] = {}
        self.uploads = 0
        self.searches: list[dict[str, object]] = []
        self.state = "ready"
        self.reranks = False
        self.degraded: list[dict[str, str]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path.endswith("/search"):
            return self._search(json.loads(request.content))
        if path.endswith("/documents") and request.method == "POST":
            return self._upload(request.content.decode())
        if path.endswith("/documents"):
            wanted = request.url.params.get("state")
            found = [d for d in self.documents.values() if wanted in (None, d["state"])]
            counts: dict[str, int] = {}
            for document in self.documents.values():
                counts[str(document["state"])] = counts.get(str(document["state"]), 0) + 1
            return httpx.Response(200, json={"documents": found, "next_cursor": None, "counts": counts})
        return httpx.Response(200, json=COLLECTION)

    def add(self, name: str, text: str = "", metadata: dict[str, str] | None = None) -> None:
        self.texts[name] = text
        self.documents[name] = {
            "id": name, "name": name, "collection": "beir-toy", "live_version": 1, "version": 1, "state": self.state,
            "progress": 1, "error_code": None, "error": "it is broken", "size_bytes": 1, "media_type": "text/markdown",
            "pages": None, "chunks": 1, "created_at": WHEN, "updated_at": WHEN, "metadata": metadata or {},
        }  # fmt: skip

    def _upload(self, body: str) -> httpx.Response:
        self.uploads += 1
        part = re.compile(r'name="(\w+)"(?:; filename="[^"]*")?(?:\r\n[^\r\n]+)*\r\n\r\n(.*?)\r\n--', re.S)
        fields = {match[1]: match[2] for match in part.finditer(body)}
        self.add(fields["name"], fields["file"], json.loads(fields["metadata"]))
        upload = {"document_id": "d", "name": fields["name"], "version": 1, "job": "j", "unchanged": False}
        return httpx.Response(202, json=upload | {"sha256": "", "size_bytes": 1, "state": "received"})

    def _search(self, query: dict[str, object]) -> httpx.Response:
        self.searches.append(query)
        words = set(str(query["query"]).split())
        names = [name for name, text in sorted(self.texts.items()) if words & set(text.split())]
        hits = [
            {
                "rank": rank, "chunk_id": name, "document_id": name, "document_name": name, "version": 1, "page": None,
                "heading": "", "text": "", "start": 0, "end": 0, "score": 1.0,
                "scored_by": "reranker" if self.reranks and query["rerank"] else "bm25",
            }
            for rank, name in enumerate(names, 1)
        ]  # fmt: skip
        return httpx.Response(200, json={"hits": hits, "timings_ms": {}, "cache": "off", "degraded": self.degraded})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    toy = tmp_path / "toy"
    toy.mkdir()
    corpus = [
        {"id": "a/1", "title": "", "text": "red pump"},
        {"id": "b", "title": "On pumps", "text": "blue valve"},
        {"id": "c", "title": "", "text": " "},
    ]
    queries = [{"id": "1", "text": "red"}, {"id": "2", "text": "red valve"}, {"id": "3", "text": "not judged"}]
    (toy / "corpus.jsonl").write_text("\n".join(json.dumps(row) for row in corpus))
    (toy / "queries.jsonl").write_text("\n".join(json.dumps(row) for row in queries))
    (toy / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\n1\ta/1\t1\n2\tb\t1\n")
    return toy


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway()


@pytest.fixture
def measure(folder: Path, gateway: FakeGateway) -> Callable[..., RetrievalReport]:
    client = AssayClient(base_url="http://gateway", api_key="k", transport=httpx.MockTransport(gateway))
    return lambda **options: evaluate_retrieval(client, folder, poll_s=0, **options)


def test_figures_of_every_mode(measure: Callable[..., RetrievalReport], gateway: FakeGateway) -> None:
    report = measure()
    expected = {"ndcg@10": round((1 + 0.6309297535714575) / 2, 5), "recall@100": 1.0, "mrr@10": 0.75}
    expected |= {"precision@10": 0.1, "map@100": 0.75}
    assert report.stages == {"dense": expected, "lexical": expected, "hybrid": expected}
    assert (report.dataset, report.queries, report.documents, report.passed_over) == ("toy", 2, 2, 1)
    assert report.latency["dense"].p50_ms >= 0
    assert report.left_out.keys() == {"reranked"}
    assert next(s for s in gateway.searches if s["mode"] == "dense") == {
        "query": "red",
        "mode": "dense",
        "top_k": 100,
        "one_per_document": True,
        "rerank": False,
        "cache": "bypass",
    }
    json.dumps(report.as_json(), allow_nan=False)


def test_the_reranked_stage_is_measured_where_there_is_a_reranker(
    measure: Callable[..., RetrievalReport], gateway: FakeGateway
) -> None:
    gateway.reranks = True
    report = measure(stages=("hybrid", "reranked"))
    assert report.stages.keys() == {"hybrid", "reranked"}
    assert report.left_out == {}
    assert {(c.stage, c.over) for c in report.comparisons} == {("reranked", "hybrid")}
    assert {(s["mode"], s["rerank"]) for s in gateway.searches} == {("hybrid", False), ("hybrid", True)}


def test_the_mean_counts_each_set_alike(measure: Callable[..., RetrievalReport]) -> None:
    report = measure()
    worse = replace(
        report, queries=999, stages={stage: dict.fromkeys(found, 0.0) for stage, found in report.stages.items()}
    )
    whole = mean_report([report, worse])
    assert whole.stages["dense"]["mrr@10"] == 0.375
    assert {(c.stage, c.over) for c in whole.comparisons} == {("hybrid", "dense"), ("hybrid", "lexical")}
    json.dumps(whole.as_json(), allow_nan=False)


def test_a_second_run_uploads_nothing(measure: Callable[..., RetrievalReport], gateway: FakeGateway) -> None:
    first = measure()
    second = measure()
    assert gateway.uploads == 2
    assert first.stages == second.stages


def test_changed_and_failed_documents_are_sent_again(
    measure: Callable[..., RetrievalReport], gateway: FakeGateway
) -> None:
    gateway.add("a%2F1.md", metadata={"sha256": "of something else"})
    gateway.state = "failed"
    gateway.add("b.md")
    gateway.state = "ready"
    measure()
    assert gateway.uploads == 2


def test_documents_of_someone_else_spoil_the_figures(
    measure: Callable[..., RetrievalReport], gateway: FakeGateway
) -> None:
    gateway.add("holiday.pdf")
    with pytest.raises(Invalid, match=r"'holiday\.pdf'"):
        measure()
    assert gateway.uploads == 0


def test_a_document_that_cannot_be_ingested_is_named(
    measure: Callable[..., RetrievalReport], gateway: FakeGateway
) -> None:
    gateway.state = "failed"
    with pytest.raises(Invalid, match="it is broken"):
        measure()


def test_indexing_that_stands_still_is_given_up(measure: Callable[..., RetrievalReport], gateway: FakeGateway) -> None:
    gateway.state = "indexing"
    with pytest.raises(Exhausted, match="0 of 2"):
        measure(stall_s=0)


def test_a_search_without_one_of_its_parts_is_no_measurement(
    measure: Callable[..., RetrievalReport], gateway: FakeGateway
) -> None:
    gateway.degraded = [{"component": "dense_index", "mode": "lexical", "reason": "down"}]
    with pytest.raises(Unavailable, match="dense_index"):
        measure()


def test_progress_is_told(measure: Callable[..., RetrievalReport]) -> None:
    told: list[tuple[str, int, int]] = []
    measure(on_progress=lambda what, done, total: told.append((what, done, total)))
    assert told[0] == ("upload", 0, 2)
    assert ("upload", 2, 2) in told
    assert told[-1] == ("hybrid", 2, 2)


def test_a_title_stands_once_and_only_as_title() -> None:
    assert as_markdown(CorpusDocument("1", " On\npumps ", "Blue.\n\n    Red.")) == (
        b"---\ntitle: On pumps\n---\n\nBlue. Red.\n"
    )
    assert as_markdown(CorpusDocument("1", "", "Blue.")) == b"Blue.\n"
    assert as_markdown(CorpusDocument("1", "On pumps", "")) == b"On pumps\n"


@QUICK
@given(st.text(min_size=1))
def test_names_lead_back_to_ids(identity: str) -> None:
    assert document_id(file_name(identity)) == identity
    assert "/" not in file_name(identity)


def test_collection_names_are_allowed_ones() -> None:
    assert default_collection("My Set/1") == "beir-my-set-1"
    assert len(default_collection("x" * 100)) == 63
