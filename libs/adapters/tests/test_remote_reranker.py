import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from assay_adapters.remote_reranker import Protocol, RemoteReranker
from assay_core.errors import AssayError, Broken, Invalid, Unavailable
from assay_testing.conformance.reranker import RerankerContract
from assay_testing.fake_reranker import FakeReranker

Handler = Callable[[httpx.Request], httpx.Response]


def reranker(handler: Handler, protocol: Protocol = "cohere") -> RemoteReranker:
    return RemoteReranker(
        model="m",
        base_url="http://rerank/v1/",
        protocol=protocol,
        api_key="k",
        transport=httpx.MockTransport(handler),
    )


def best_first(scores: list[float], name: str) -> list[dict[str, Any]]:
    return sorted(({"index": i, name: s} for i, s in enumerate(scores)), key=lambda row: -row[name])


def cohere(request: httpx.Request) -> httpx.Response:
    """As vLLM, Jina and Cohere answer: best first, with what else they tell."""
    assert request.url.path == "/v1/rerank"
    assert request.headers["authorization"] == "Bearer k"
    body = json.loads(request.content)
    assert (body["model"], body["top_n"]) == ("m", len(body["documents"]))
    assert all(body["documents"])
    scores = FakeReranker().score(body["query"], body["documents"])
    rows = [row | {"document": {"text": "…"}} for row in best_first(scores, "relevance_score")]
    return httpx.Response(200, json={"id": "x", "results": rows, "usage": {"total_tokens": 9}})


def tei(request: httpx.Request) -> httpx.Response:
    assert request.url.path == "/v1/rerank"
    body = json.loads(request.content)
    assert (body["truncate"], body["raw_scores"]) == (True, True)
    return httpx.Response(200, json=best_first(FakeReranker().score(body["query"], body["texts"]), "score"))


class TestCohereReranker(RerankerContract):
    @pytest.fixture
    def reranker(self) -> RemoteReranker:
        return reranker(cohere)


class TestTeiReranker(RerankerContract):
    @pytest.fixture
    def reranker(self) -> RemoteReranker:
        return reranker(tei, "tei")


def test_long_passages_are_cut_and_no_passages_ask_nobody() -> None:
    sent: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        sent.extend(json.loads(request.content)["documents"])
        return httpx.Response(200, json={"results": [{"index": 0, "relevance_score": 0.5}]})

    assert reranker(handler).score("q", ["x" * 50_000]) == [0.5]
    assert [len(text) for text in sent] == [2_000]
    assert reranker(lambda _: pytest.fail("asked")).score("q", []) == []


@pytest.mark.parametrize(
    ("response", "error", "says"),
    [
        (httpx.Response(503), Unavailable, "tried again"),
        (httpx.Response(429), Unavailable, "tried again"),
        (httpx.Response(401), Invalid, "ASSAY_RERANKER__URL"),
        (httpx.Response(404), Invalid, "ASSAY_RERANKER__MODEL"),
        (httpx.Response(200, text="hello"), Broken, "protocol"),
        (httpx.Response(200, json=[]), Broken, "protocol"),
        (httpx.Response(200, json={"results": None}), Broken, "protocol"),
        (httpx.Response(200, json={"results": [{"index": 0, "relevance_score": 1.0}]}), Broken, "protocol"),
        (httpx.Response(200, json={"results": best_first([1.0, 2.0, 3.0], "relevance_score")}), Broken, "protocol"),
        (httpx.Response(200, json={"results": best_first([1.0, 2.0], "score")}), Broken, "protocol"),
        (
            httpx.Response(200, text='{"results": [{"index": 0, "relevance_score": NaN}, {"index": 1}]}'),
            Broken,
            "protocol",
        ),
    ],
)
def test_what_a_server_may_answer(response: httpx.Response, error: type[AssayError], says: str) -> None:
    with pytest.raises(error, match=says):
        reranker(lambda _: response).score("q", ["a", "b"])


def test_a_server_that_is_down_is_no_reason_to_fail_a_search() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("slow", request=request)

    with pytest.raises(Unavailable, match="does not answer: ReadTimeout") as caught:
        reranker(handler).score("q", ["a"])
    assert caught.value.code == "reranker_unavailable"
