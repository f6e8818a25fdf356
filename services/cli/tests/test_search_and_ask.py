import json
from collections.abc import Sequence

import httpx
import pytest
from assay_cli.testing import Run
from assay_testing.fake_gateway import FakeGateway

HIT = {
    "rank": 1,
    "chunk_id": "c1",
    "document_id": "d1",
    "document_name": "leave.md",
    "version": 2,
    "page": 3,
    "heading": "Leave › Annual",
    "text": "There are 30 days of leave.",
    "start": 10,
    "end": 37,
    "score": 0.5,
    "scored_by": "rrf",
}
SEARCH = {"hits": [HIT], "timings_ms": {"total": 12.5}, "cache": "miss", "degraded": []}
CITATION = {
    "n": 1,
    "document_id": "d1",
    "document_name": "leave.md",
    "version": 2,
    "page": 3,
    "heading": "Leave › Annual",
    "start": 10,
    "end": 37,
    "quote": "There are 30 days of leave.",
    "chunk_id": "c1",
    "origin": "model",
}
CLAIM = {
    "start": 0,
    "end": 16,
    "text": "Thirty days [1].",
    "verdict": "supported",
    "probability": 0.9,
    "citations": [1],
}
ANSWER = {
    "id": "a1",
    "question": "How many?",
    "answer": "Thirty days [1].",
    "outcome": "answered",
    "verdict": "answered",
    "citations": [CITATION],
    "claims": [CLAIM],
    "sources": [HIT],
    "model": "m",
    "prompt_version": "p",
    "usage": None,
    "timings_ms": {"total": 900.0},
    "degraded": [],
    "cache": "miss",
    "finish_reason": "stop",
}


@pytest.fixture(autouse=True)
def answers(gateway: FakeGateway) -> None:
    gateway.collections["docs"] = {}
    events = [
        ("retrieval", {"hits": [HIT], "timings_ms": {}, "degraded": []}),
        ("token", {"text": "Thirty "}),
        ("token", {"text": "days [1]."}),
        ("citation", CITATION),
        ("done", ANSWER),
    ]
    gateway.answers = {"search": SEARCH, "ask": ANSWER, "stream": stream(events)}


def stream(events: Sequence[tuple[str, object]]) -> httpx.Response:
    text = "".join(f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in events)
    return httpx.Response(200, text=text, headers={"Content-Type": "text/event-stream"})


def test_search_prints_the_agreed_json(run: Run) -> None:
    outcome = run("search", "leave", "-c", "docs", "--top-k", "3", "--mode", "dense", "--json")
    assert outcome.code == 0
    assert outcome.err == ""
    assert outcome.json["timings_ms"] == {"total": 12.5}
    (hit,) = outcome.json["hits"]
    assert list(hit)[:8] == [
        "rank",
        "chunk_id",
        "document_id",
        "document_name",
        "version",
        "page",
        "heading",
        "text",
    ]
    assert (hit["score"], hit["scored_by"]) == (0.5, "rrf")


def test_search_sends_what_was_asked_for(run: Run, gateway: FakeGateway) -> None:
    run("search", "leave", "-c", "docs", "-k", "3", "--mode", "lexical", "--cache", "only", "--no-rerank", "--explain")
    assert json.loads(gateway.requests[-1].content) == {
        "query": "leave",
        "top_k": 3,
        "mode": "lexical",
        "rerank": False,
        "cache": "only",
        "explain": True,
        "one_per_document": False,
        "syntax": True,
        "synonyms": True,
        "spelling": True,
        "rewriting": True,
    }


def test_search_says_what_it_looked_for_instead(run: Run, gateway: FakeGateway) -> None:
    gateway.answers["search"] = {**SEARCH, "corrections": [{"written": "anual", "meant": "annual"}]}
    outcome = run("search", "anual leave", "-c", "docs")
    assert "Searched for 'annual' instead of 'anual'; --no-spelling" in outcome.err


def test_a_filter_in_text_is_sent_as_it_is(run: Run, gateway: FakeGateway) -> None:
    run("search", "leave", "-c", "docs", "--filter", "kind:memo -(labels:draft)", "--no-syntax")
    sent = json.loads(gateway.requests[-1].content)
    assert (sent["filter"], sent["syntax"]) == ("kind:memo -(labels:draft)", False)


def test_search_says_how_the_query_was_read(run: Run, gateway: FakeGateway) -> None:
    understood = {"text": "leave days", "phrases": ["days"], "excluded": ["sick"], "filter": {"kind": {"in": ["memo"]}}}
    gateway.answers["search"] = {**SEARCH, "understood": understood}
    outcome = run("search", "x", "-c", "docs", "--explain")
    assert 'Read as: leave days; exactly "days"; without sick; filter {"kind": {"in": ["memo"]}}' in outcome.err


def test_search_shows_people_where_it_stands(run: Run) -> None:
    outcome = run("search", "leave", "-c", "docs")
    assert "leave.md  version 2, page 3, Leave › Annual" in outcome.out
    assert "There are 30 days of leave." in outcome.out


def test_search_shows_what_is_read_with_a_passage_in_reading_order(run: Run, gateway: FakeGateway) -> None:
    def beside(text: str, start: int) -> dict[str, object]:
        return {
            "chunk_id": text,
            "page": 3,
            "heading": "",
            "text": text,
            "start": start,
            "end": start + 9,
            "rank": None,
        }

    around = [beside("Asked for in the portal.", 0), beside("Six days may be kept.", 60)]
    gateway.answers["search"] = {**SEARCH, "hits": [{**HIT, "around": around}]}
    shown = run("search", "leave", "-c", "docs", "--expand", "neighbours").out
    assert json.loads(gateway.requests[-1].content)["expand"] == "neighbours"
    places = [shown.index(text) for text in ("Asked for", "There are 30 days", "Six days")]
    assert places == sorted(places)


def test_nothing_found_is_no_error(run: Run, gateway: FakeGateway) -> None:
    gateway.answers["search"] = {**SEARCH, "hits": []}
    outcome = run("search", "leave", "-c", "docs")
    assert (outcome.code, outcome.out) == (0, "")
    assert "Nothing found." in outcome.err


def test_documents_cannot_steer_the_terminal(run: Run, gateway: FakeGateway) -> None:
    gateway.answers["search"] = {**SEARCH, "hits": [{**HIT, "text": "\x1b[2Jgone\x07 \u202etxt [bold]x[/bold]"}]}
    shown = run("search", "leave", "-c", "docs").out
    assert "[2Jgone txt [bold]x[/bold]" in shown
    assert not {"\x1b", "\x07", "\u202e"} & set(shown)


def test_unknown_collection_is_one_line(run: Run) -> None:
    outcome = run("search", "leave", "-c", "nope")
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err == "Error: There is no collection 'nope'.\n"


def test_missing_part_is_said(run: Run, gateway: FakeGateway) -> None:
    missing = {"component": "milvus", "mode": "lexical only", "reason": "not ready"}
    gateway.answers["search"] = {**SEARCH, "degraded": [missing]}
    assert "Note: without milvus (lexical only): not ready" in run("search", "leave", "-c", "docs").err


def test_ask_prints_the_agreed_json(run: Run) -> None:
    outcome = run("ask", "How many?", "-c", "docs", "--json")
    assert outcome.code == 0
    found = outcome.json
    assert found["answer"] == "Thirty days [1]."
    assert found["verdict"] == "answered"
    assert found["degraded"] == []
    assert found["timings_ms"] == {"total": 900.0}
    assert found["citations"] == [CITATION]


def test_ask_streams_and_adds_footnotes(run: Run) -> None:
    outcome = run("ask", "How many?", "-c", "docs")
    assert outcome.code == 0
    assert outcome.out.splitlines() == [
        "Thirty days [1].",
        "",
        "[1] leave.md  version 2, page 3, Leave › Annual",
        "    “There are 30 days of leave.”",
        "",
        "Verdict: supported by the sources (1 of 1 statements)",
    ]


def test_question_comes_from_stdin(run: Run, gateway: FakeGateway) -> None:
    run("ask", "-", "-c", "docs", "--json", stdin="How many?\n")
    assert json.loads(gateway.requests[-1].content)["question"] == "How many?"


def test_unsupported_statements_are_named(run: Run, gateway: FakeGateway) -> None:
    claims = [{**CLAIM, "verdict": "unsupported"}]
    changed = {**ANSWER, "verdict": "not_supported", "outcome": "not_supported", "claims": claims}
    gateway.answers["stream"] = stream([("token", {"text": "Thirty days [1]."}), ("done", changed)])
    shown = run("ask", "How many?", "-c", "docs").out
    assert "Verdict: not supported by the sources (0 of 1 statements)" in shown
    assert "unsupported: Thirty days [1]." in shown


def test_answer_changed_after_streaming_is_printed_anew(run: Run, gateway: FakeGateway) -> None:
    gateway.answers["stream"] = stream([("token", {"text": "Ninety [7]."}), ("done", ANSWER)])
    shown = run("ask", "How many?", "-c", "docs").out
    assert "The checked answer reads:\nThirty days [1].\n" in shown


def test_generator_down_shows_sources_and_fails(run: Run, gateway: FakeGateway) -> None:
    failed = {
        "code": "generator_unavailable",
        "message": "The chat model is loading.",
        "status": 503,
        "retry_after_s": 5,
    }
    retrieval = {"hits": [HIT], "timings_ms": {}, "degraded": []}
    gateway.answers["stream"] = stream([("retrieval", retrieval), ("failed", failed)])
    outcome = run("ask", "How many?", "-c", "docs")
    assert outcome.code == 1
    assert "There are 30 days of leave." in outcome.out
    assert "Error: The chat model is loading." in outcome.err


def test_generator_down_gives_machines_the_sources(run: Run, gateway: FakeGateway) -> None:
    body = {"title": "x", "status": 503, "detail": "The chat model is loading.", "code": "generator_unavailable"}
    gateway.answers["ask"] = httpx.Response(503, json={**body, "retry_after_s": 5, "sources": [HIT]})
    outcome = run("ask", "How many?", "-c", "docs", "--json")
    assert outcome.code == 1
    assert outcome.json["error"]["code"] == "generator_unavailable"
    assert outcome.json["error"]["sources"] == [HIT]


def test_stream_that_just_stops_is_an_error(run: Run, gateway: FakeGateway) -> None:
    gateway.answers["stream"] = stream([("token", {"text": "Thirty "})])
    outcome = run("ask", "How many?", "-c", "docs")
    assert outcome.code == 1
    assert "broke off" in outcome.err


def test_filters_are_sent_as_conditions(run: Run, gateway: FakeGateway) -> None:
    run("collections", "create", "docs")
    gateway.answers["search"] = {"hits": [], "timings_ms": {}, "cache": "off", "degraded": []}
    flags = ["-f", "year>=2020", "-f", "year<2022", "-f", "kind=memo", "-f", "kind=note"]
    assert run("search", "pumps", "-c", "docs", *flags).code == 0
    assert json.loads(gateway.requests[-1].content)["filter"] == {
        "kind": ["memo", "note"],
        "year": {"gte": "2020", "lt": "2022"},
    }
    assert "FIELD=VALUE" in run("search", "pumps", "-c", "docs", "-f", "year").err
    assert "value and for a range" in run("search", "pumps", "-c", "docs", "-f", "a=1", "-f", "a>2").err
