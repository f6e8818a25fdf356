"""Searching and asking through the gateway, in Assay's own shape and in OpenAI's."""

import base64
import json
import struct
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import httpx
import pytest
from assay_core.answers import (
    Answer,
    AnswerEvent,
    Citation,
    Cited,
    Claim,
    Done,
    Failed,
    Judged,
    Outcome,
    Retrieved,
    Token,
    TokenUsage,
    Verdict,
)
from assay_core.documents import ChunkId, DocumentId, TenantId
from assay_core.errors import Unavailable
from assay_core.search import Degradation, Hit, Mode, Scorer, SearchResult, StageRank
from assay_gateway.first_run import ADMINISTRATOR
from assay_store import answers
from assay_store.answers import AnswerFacts
from assay_store.collections import get as get_collection
from assay_store.ids import new_id
from assay_wire import internal

pytestmark = pytest.mark.integration
TENANT = TenantId("default")
DOCUMENT = DocumentId(TENANT, "d" * 32)
CHUNK = ChunkId(TENANT, "c" * 32)
QUOTE = "Everyone has twenty-eight days.\u2028Yes."
HIT = Hit(
    rank=1,
    chunk=CHUNK,
    document=DOCUMENT,
    document_name="leave.md",
    version=2,
    title="Leave",
    text=QUOTE,
    start=7,
    end=7 + len(QUOTE),
    page=None,
    heading_path=("Leave", "Days"),
    score=0.03,
    scored_by=Scorer.RRF,
    stages=(StageRank("dense", 1, 0.9), StageRank("lexical", 2, 7.5)),
)
CITATION = Citation(1, CHUNK, DOCUMENT, "leave.md", 2, None, ("Leave", "Days"), 7, 7 + len(QUOTE), QUOTE, "model")
CLAIM = Claim(0, 23, Verdict.SUPPORTED, 0.97, (1,))
ANSWER = Answer(
    id="a" * 32,
    question="How many days?",
    text="Twenty-eight days. [1]",
    outcome=Outcome.ANSWERED,
    citations=(CITATION,),
    claims=(CLAIM,),
    sources=(HIT,),
    model="smol",
    prompt_version="answer/1",
    usage=TokenUsage(120, 9),
    timings_ms={"retrieval": 12.5},
)
EVENTS: Sequence[AnswerEvent] = (
    Retrieved((HIT,), {"search": 11.0}, (Degradation("reranker", "skipped", "it is off"),)),
    Token("Twenty-eight "),
    Token("days. [1]"),
    Cited(CITATION),
    Judged(CLAIM),
    Done(ANSWER),
)
DOWN = Failed("generator_unavailable", "The chat model is loading.", 503, 15)
ASK = "/v1/collections/handbook/ask"
CHAT = "/v1/chat/completions"


def script(door: Any, *events: AnswerEvent | Exception) -> None:
    door.generator._events = events


def events_of(answer: httpx.Response) -> list[tuple[str, dict[str, Any]]]:
    found = list[tuple[str, dict[str, Any]]]()
    for block in answer.text.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        found.append((fields["event"], json.loads(fields["data"])))
    return found


def chunks_of(answer: httpx.Response) -> list[Any]:
    lines = [block.removeprefix("data: ") for block in answer.text.strip().split("\n\n")]
    return [line if line == "[DONE]" else json.loads(line) for line in lines]


async def test_a_search_is_passed_on_and_shown(door: Any, admin: httpx.AsyncClient) -> None:
    door.retriever.result = SearchResult((HIT,), {"dense": 3.0}, "miss", (Degradation("lexical", "off", "down"),))
    body = {"query": "days?", "top_k": 3, "mode": "dense", "rerank": False, "explain": True, "one_per_document": True}
    reply = (await admin.post("/v1/collections/handbook/search", json=body)).json()
    [hit] = reply["hits"]
    assert (hit["heading"], hit["text"], hit["scored_by"]) == ("Leave › Days", QUOTE, "rrf")
    assert hit["stages"][1] == {"stage": "lexical", "rank": 2, "score": 7.5, "normalized": None, "weight": None}
    assert (reply["cache"], reply["degraded"][0]["component"]) == ("miss", "lexical")
    who, asked = door.retriever.requests[0]
    assert (who.id, who.tenant) == ("admin", "default")
    assert (asked.mode, asked.top_k, asked.rerank, asked.one_per_document) == (Mode.DENSE, 3, False, True)
    assert asked.deadline_s == 10


async def test_stages_are_shown_on_request_only(door: Any, admin: httpx.AsyncClient) -> None:
    door.retriever.result = SearchResult((HIT,), {})
    reply = (await admin.post("/v1/collections/handbook/search", json={"query": "days?"})).json()
    assert reply["hits"][0]["stages"] is None


async def test_an_answer_comes_whole(door: Any, admin: httpx.AsyncClient) -> None:
    script(door, *EVENTS)
    history = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]
    answer = (await admin.post(ASK, json={"question": "How many days?", "history": history})).json()
    assert (answer["answer"], answer["outcome"], answer["verdict"]) == (ANSWER.text, "answered", "answered")
    assert answer["citations"][0]["quote"] == QUOTE
    assert answer["claims"][0]["text"] == ANSWER.text[0:23]
    assert answer["usage"] == {"prompt_tokens": 120, "completion_tokens": 9}
    _, asked = door.generator.requests[0]
    assert [t.role for t in asked.history] == ["user", "assistant"]
    assert asked.deadline_s == 120


async def test_an_answer_is_streamed_event_by_event(door: Any, admin: httpx.AsyncClient) -> None:
    script(door, *EVENTS)
    reply = await admin.post(ASK, json={"question": "How many days?", "stream": True})
    assert reply.headers["content-type"].startswith("text/event-stream")
    events = events_of(reply)
    assert [name for name, _ in events] == ["retrieval", "token", "token", "citation", "verdict", "done"]
    assert events[0][1]["degraded"][0]["component"] == "reranker"
    assert "".join(data["text"] for name, data in events if name == "token") == ANSWER.text
    assert events[4][1]["text"] == ANSWER.text[0:23]
    assert events[5][1]["sources"][0]["text"] == QUOTE


async def test_a_loading_model_gives_the_sources(door: Any, admin: httpx.AsyncClient) -> None:
    script(door, EVENTS[0], DOWN)
    whole = await admin.post(ASK, json={"question": "How many days?"})
    assert (whole.status_code, whole.json()["code"]) == (503, "generator_unavailable")
    assert whole.headers["content-type"] == "application/problem+json"
    assert whole.headers["retry-after"] == "15"
    assert whole.json()["sources"][0]["text"] == QUOTE
    streamed = events_of(await admin.post(ASK, json={"question": "How many days?", "stream": True}))
    assert [name for name, _ in streamed] == ["retrieval", "failed"]
    assert streamed[1][1]["code"] == "generator_unavailable"


async def test_without_the_generation_service_the_sources_are_searched(door: Any, admin: httpx.AsyncClient) -> None:
    door.retriever.result = SearchResult((HIT,), {})
    script(door, Unavailable("The generation service cannot be reached.", code="generation_unavailable"))
    whole = await admin.post(ASK, json={"question": "How many days?"})
    assert (whole.status_code, whole.json()["code"]) == (503, "generator_unavailable")
    assert whole.json()["sources"][0]["document_name"] == "leave.md"
    streamed = events_of(await admin.post(ASK, json={"question": "How many days?", "stream": True}))
    assert [name for name, _ in streamed] == ["retrieval", "failed"]


async def test_if_nothing_can_be_looked_up_that_is_the_error(door: Any, admin: httpx.AsyncClient) -> None:
    script(door, Unavailable("No index answers.", code="retrieval_unavailable", retry_after_s=5))
    for stream in (False, True):
        answer = await admin.post(ASK, json={"question": "How many days?", "stream": stream})
        assert (answer.status_code, answer.json()["code"]) == (503, "retrieval_unavailable")
        assert "sources" not in answer.json()


async def test_a_stream_that_breaks_ends_with_failed(door: Any, admin: httpx.AsyncClient) -> None:
    script(door, *EVENTS[:2])
    streamed = events_of(await admin.post(ASK, json={"question": "How many days?", "stream": True}))
    assert [name for name, _ in streamed] == ["retrieval", "token", "failed"]
    assert streamed[-1][1]["status"] == 503


@pytest.mark.parametrize(
    ("question", "code"), [("", "empty_question"), ("  \n", "empty_question"), ("x" * 4001, "question_too_long")]
)
async def test_questions_have_bounds(admin: httpx.AsyncClient, question: str, code: str) -> None:
    chat = {"model": "handbook", "messages": [{"role": "user", "content": question}]}
    for path, body in (
        (ASK, {"question": question}),
        ("/v1/collections/handbook/search", {"query": question}),
        (CHAT, chat),
    ):
        answer = await admin.post(path, json=body)
        assert (answer.status_code, answer.json()["code"]) == (400, code)


async def test_a_given_answer_is_kept_for_its_owner(door: Any, admin: httpx.AsyncClient) -> None:
    upload = await admin.post("/v1/collections/handbook/documents", files={"file": ("leave.md", b"text")})
    document = DocumentId(TENANT, upload.json()["document_id"])
    hit = replace(HIT, document=document)
    stored = replace(ANSWER, id=new_id(), sources=(hit,))
    with door.database.transaction() as connection:
        collection = get_collection(connection, ADMINISTRATOR, "handbook").id
        facts = AnswerFacts(stored.id, collection, "admin", stored.outcome, "smol", "answer/1", False, ())
        answers.record(connection, door.vault, facts, internal.answer.dump_json(stored))
    assert (await admin.get(f"/v1/answers/{stored.id}")).json()["answer"] == ANSWER.text
    async with door.client(door.enrol("ben", "administrator")) as ben:
        foreign, unknown = await ben.get(f"/v1/answers/{stored.id}"), await ben.get(f"/v1/answers/{'0' * 32}")
        assert (foreign.status_code, unknown.status_code) == (404, 404)
    await admin.delete(f"/v1/documents/{document.id}")
    assert (await admin.get(f"/v1/answers/{stored.id}")).status_code == 404


async def test_openai_completion(door: Any, admin: httpx.AsyncClient) -> None:
    script(door, *EVENTS)
    body = {
        "model": "assay/handbook",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "Hello"},
            {"role": "user", "content": [{"type": "text", "text": "How many days?"}]},
        ],
        "max_tokens": 50,
        "temperature": 0.5,
        "stop": ["\n\n"],
        "top_p": 1,
        "user": "u-1",
    }
    reply = (await admin.post(CHAT, json=body)).json()
    assert set(reply) == {"id", "object", "created", "model", "choices", "usage", "assay"}
    assert (reply["object"], reply["model"], reply["id"]) == (
        "chat.completion",
        "assay/handbook",
        "chatcmpl-" + "a" * 32,
    )
    [choice] = reply["choices"]
    assert (choice["index"], choice["finish_reason"], choice["logprobs"]) == (0, "stop", None)
    message = choice["message"]
    assert (message["role"], message["content"], message["refusal"]) == ("assistant", ANSWER.text, None)
    [annotation] = message["annotations"]
    assert annotation["type"] == "url_citation"
    place = annotation["url_citation"]
    assert ANSWER.text[place["start_index"] : place["end_index"]] == "[1]"
    assert place["title"] == "leave.md"
    assert place["url"].startswith(f"http://assay.test/ui/documents/{DOCUMENT.id}?version=2&start=7&end=")
    assert annotation["assay"]["quote"] == QUOTE
    assert reply["usage"] == {"prompt_tokens": 120, "completion_tokens": 9, "total_tokens": 129}
    _, asked = door.generator.requests[0]
    assert (asked.question, asked.max_tokens, asked.temperature, asked.stop) == ("How many days?", 50, 0.5, ("\n\n",))
    assert [t.content for t in asked.history] == ["Hi", "Hello"]


async def test_openai_chunks(door: Any, admin: httpx.AsyncClient) -> None:
    script(door, *EVENTS)
    body = {
        "model": "handbook",
        "messages": [{"role": "user", "content": "How many days?"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    chunks = chunks_of(await admin.post(CHAT, json=body))
    assert chunks.pop() == "[DONE]"
    assert {c["object"] for c in chunks} == {"chat.completion.chunk"}
    assert len({c["id"] for c in chunks}) == 1
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["total_tokens"] == 129
    assert all(c["usage"] is None for c in chunks[:-1])
    deltas = [c["choices"][0]["delta"] for c in chunks[:-1]]
    assert deltas[0] == {"role": "assistant", "content": ""}
    assert "".join(d.get("content", "") for d in deltas) == ANSWER.text
    assert deltas[-2]["annotations"][0]["url_citation"]["title"] == "leave.md"
    assert [c["choices"][0]["finish_reason"] for c in chunks[:-1]] == [None] * (len(deltas) - 1) + ["stop"]


async def test_openai_stream_of_an_answer_without_tokens(door: Any, admin: httpx.AsyncClient) -> None:
    script(door, EVENTS[0], Done(ANSWER))
    body = {"model": "handbook", "messages": [{"role": "user", "content": "How many days?"}], "stream": True}
    chunks = chunks_of(await admin.post(CHAT, json=body))
    text = "".join(c["choices"][0]["delta"].get("content", "") for c in chunks[:-1])
    assert (text, chunks[-1]) == (ANSWER.text, "[DONE]")
    assert "usage" not in chunks[0]


async def test_openai_errors_before_text_are_statuses(door: Any, admin: httpx.AsyncClient) -> None:
    script(door, EVENTS[0], DOWN)
    body = {"model": "handbook", "messages": [{"role": "user", "content": "How many days?"}], "stream": True}
    answer = await admin.post(CHAT, json=body)
    assert answer.status_code == 503
    assert answer.json()["error"] == {
        "message": "The chat model is loading.",
        "type": "server_error",
        "param": None,
        "code": "generator_unavailable",
    }
    assert answer.json()["sources"][0]["text"] == QUOTE


async def test_openai_stream_that_breaks_says_so(door: Any, admin: httpx.AsyncClient) -> None:
    script(door, *EVENTS[:2], Failed("generator_broke_off", "It broke off.", 503))
    body = {"model": "handbook", "messages": [{"role": "user", "content": "How many days?"}], "stream": True}
    chunks = chunks_of(await admin.post(CHAT, json=body))
    assert chunks[-1]["error"]["code"] == "generator_broke_off"


@pytest.mark.parametrize(
    "extra",
    [
        {"n": 2},
        {"n": 16384},
        {"tools": [{"type": "function", "function": {"name": "f"}}]},
        {"tool_choice": "required"},
        {"logprobs": True},
        {"chat_template": "{{ x }}"},
        {"chat_template_kwargs": {}},
        {"guided_regex": "(a+)+$"},
        {"structured_outputs": {"grammar": "x"}},
        {"response_format": {"type": "json_object"}},
        {"max_tokens": 0},
        {"max_tokens": 10**9},
        {"temperature": 3},
        {"temperature": "hot"},
        {"stop": ["a"] * 5},
        {"messages": []},
        {"messages": [{"role": "tool", "content": "x", "tool_call_id": "1"}]},
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://x"}}]}]},
        {"messages": [{"role": "assistant", "content": "x"}]},
        {"messages": [{"role": "user", "content": None}]},
        {"messages": "hello"},
    ],
)
async def test_openai_fields_that_would_do_more_are_refused(
    door: Any, admin: httpx.AsyncClient, extra: dict[str, Any]
) -> None:
    body = {"model": "handbook", "messages": [{"role": "user", "content": "x"}]} | extra
    answer = await admin.post(CHAT, json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"
    assert door.generator.requests == []


async def test_openai_models_are_the_collections(admin: httpx.AsyncClient, door: Any) -> None:
    [model] = (await admin.get("/v1/models")).json()["data"]
    assert (model["id"], model["object"], model["owned_by"]) == ("handbook", "model", "assay")
    assert (await admin.get("/v1/models/handbook")).json() == model
    assert (await admin.get("/v1/models/assay/handbook")).json() == model
    missing = await admin.post(CHAT, json={"model": "gpt-4", "messages": [{"role": "user", "content": "x"}]})
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "collection_not_found")
    async with door.client(None) as nobody:
        denied = await nobody.get("/v1/models")
        assert denied.status_code == 401


async def test_openai_embeddings(admin: httpx.AsyncClient) -> None:
    floats = (await admin.post("/v1/embeddings", json={"model": "fake", "input": ["ab", "abc"]})).json()
    assert floats["object"] == "list"
    assert [(d["index"], d["embedding"]) for d in floats["data"]] == [(0, [2.0, 0.5]), (1, [3.0, 0.5])]
    assert floats["usage"] == {"prompt_tokens": 2, "total_tokens": 2}
    packed = {"model": "fake", "input": "ab", "encoding_format": "base64"}
    [entry] = (await admin.post("/v1/embeddings", json=packed)).json()["data"]
    assert struct.unpack("<2f", base64.b64decode(entry["embedding"])) == (2.0, 0.5)
    other = await admin.post("/v1/embeddings", json={"model": "text-embedding-3", "input": "ab"})
    assert (other.status_code, other.json()["code"]) == (404, "model_not_found")
    for bad in ([], [1, 2], "", ["a"] * 257, [["a"]]):
        refused = await admin.post("/v1/embeddings", json={"model": "fake", "input": bad})
        assert refused.status_code == 400
