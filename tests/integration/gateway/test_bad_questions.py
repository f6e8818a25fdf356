"""What cannot be asked is refused at the door: at once, with field, limit and way out."""

import json
from typing import Any

import httpx
import pytest
from assay_core.errors import Unavailable
from assay_core.search import SearchResult, SecondLook
from assay_core.spelling import Correction

pytestmark = pytest.mark.integration
SEARCH = "/v1/collections/rules/search"
ASK = "/v1/collections/rules/ask"
FIELDS = {"type": "string", "year": "number", "issued": "date", "labels": "tags"}


def nested(depth: int) -> dict[str, Any]:
    asked: dict[str, Any] = {"type": "policy"}
    for _ in range(depth):
        asked = {"not": asked}
    return asked


@pytest.fixture
async def rules(admin: httpx.AsyncClient) -> httpx.AsyncClient:
    """A client of a door with a collection that declares fields."""
    await admin.post("/v1/collections", json={"name": "rules"})
    changed = await admin.patch("/v1/collections/rules", json={"settings": {"fields": FIELDS}})
    assert changed.status_code == 200, changed.text
    return admin


@pytest.mark.parametrize(
    ("body", "status", "code", "named"),
    [
        ({"query": ""}, 400, "empty_question", "write what"),
        ({"query": " \t\n"}, 400, "empty_question", "write what"),
        ({"query": "x" * 100_000}, 400, "question_too_long", "4,000"),
        ({"query": "\U0001f600\U0001f334"}, 400, "question_without_words", "one word or number"),
        ({"query": "type:policy"}, 400, "question_without_words", "add a word"),
        ({"query": "leave issued:2025-02-30"}, 400, "bad_filter", "'issued' is '2025-02-30'"),
        ({"query": "leave after:yesterday"}, 400, "bad_filter", "YYYY-MM-DD"),
        ({"query": "leave year:soon"}, 400, "bad_filter", "declares a number"),
        ({"query": "x", "filter": {"colour": "red"}}, 400, "bad_filter", "issued, labels, type, year"),
        ({"query": "x", "filter": {"issued": "2025-02-30"}}, 400, "bad_filter", "YYYY-MM-DD"),
        ({"query": "x", "filter": {"year": "soon"}}, 400, "bad_filter", "declares a number"),
        ({"query": "x", "filter": {"type": {"gte": "a"}}}, 400, "bad_filter", "'in'"),
        ({"query": "x", "filter": {"type": ["p"] * 101}}, 400, "bad_filter", "1 to 100"),
        ({"query": "x", "filter": nested(50)}, 400, "bad_filter", "deeper than 8 levels"),
        ({"query": "x", "filter": nested(100)}, 400, "too_deep", "64 levels"),
        ({"query": "x", "filter": "colour:red"}, 400, "bad_filter", "issued, labels, type, year"),
        ({"query": "x", "filter": "(" * 50 + "type:a" + ")" * 50}, 400, "bad_filter", "deeper than 8 levels"),
        ({"query": "x", "filter": "type:a'; DROP TABLE x --"}, 400, "bad_filter", "cannot be read at"),
        ({"query": "x", "filter": 'tenant == "acme" || true'}, 400, "bad_filter", "cannot be read at"),
        ({"query": "x", "filter": "x" * 2_001}, 400, "bad_filter", "2,001 characters; the limit is 2,000"),
        ({"query": "x", "filter": 7}, 422, "validation", "give an object or a text"),
        ({"query": "leave issued:2025-W01-1"}, 400, "bad_filter", "YYYY-MM-DD"),
        ({"query": "x", "filter": {"issued": "2025-W01-1"}}, 400, "bad_filter", "YYYY-MM-DD"),
        ({"query": "x", "filter": {"year": 10**400}}, 400, "bad_filter", "declares a number"),
        ({"query": "x", "filter": {"year": True}}, 400, "bad_filter", "declares a number"),
        ({"query": "x", "filter": {"year": 10**1000}}, 400, "long_number", "1,000 digits"),
        ({"query": "x", "filter": {"type": None}}, 400, "bad_filter", "must be text"),
        ({"query": "x", "filter": {"type": "a\0b"}}, 400, "bad_filter", "none of them NUL"),
        ({"query": "x", "filter": {"type": {"in": []}}}, 400, "bad_filter", "1 to 100"),
        ({"query": "x", "filter": {"year": {"$where": 1}}}, 400, "bad_filter", "'gte'"),
        ({"query": "x", "filter": {"or": [{"type": "a"}] * 20_000}}, 400, "bad_filter", "up to 16"),
        ({"query": "x", "filter": "NOT " * 50 + "type:a"}, 400, "bad_filter", "deeper than 8 levels"),
        ({"query": "x", "filter": "year:1e999"}, 400, "bad_filter", "declares a number"),
        ({"query": "x\ud800"}, 422, "validation", "surrogate pair"),
        ({"query": "x\0"}, 422, "validation", "NUL"),
        ({"query": "x", "recency": 2}, 422, "validation", "recency"),
        ({"query": "x", "top_k": True}, 422, "validation", "top_k"),
        ({"query": "x", "top_k": 0}, 422, "validation", "top_k"),
        ({"query": "x", "top_k": 1_000_000}, 422, "validation", "top_k"),
        ({"query": "x", "top_k": "many"}, 422, "validation", "top_k"),
        ({"query": "x", "mode": "psychic"}, 422, "validation", "mode"),
        ({"query": "x", "colour": "red"}, 422, "validation", "colour"),
        ({"query": 7}, 422, "validation", "query"),
        ({}, 422, "validation", "query"),
    ],
)
async def test_a_search_that_cannot_be_meant_is_refused(
    rules: httpx.AsyncClient, body: dict[str, Any], status: int, code: str, named: str
) -> None:
    # json.dumps, since httpx encodes as UTF-8, which has no halves of surrogate pairs.
    answer = await rules.post(SEARCH, content=json.dumps(body), headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert named in answer.text
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("body", "named"), [("query=x", "not JSON at character 0"), ('{"query":', "not JSON"), ("[]", "body"), ("", "body")]
)
async def test_a_body_that_is_no_request_is_refused(rules: httpx.AsyncClient, body: str, named: str) -> None:
    answer = await rules.post(SEARCH, content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (422, "validation"), answer.text
    assert named in answer.json()["detail"]


@pytest.mark.parametrize(
    "text", ["'; DROP TABLE documents; --", "tenant == 'acme' or chunk in ['a']", "colour:red paint", "ls -la"]
)
async def test_text_that_looks_like_a_command_is_text(door: Any, rules: httpx.AsyncClient, text: str) -> None:
    door.retriever.result = SearchResult((), {})
    answer = await rules.post(SEARCH, json={"query": text, "explain": True})
    assert answer.status_code == 200, answer.text
    understood = answer.json()["understood"]
    assert (understood["text"], understood["phrases"], understood["excluded"]) == (text, [], [])
    assert (understood["filter"], understood["synonyms"]) == ({}, [])


async def test_a_query_shows_how_it_was_read(door: Any, rules: httpx.AsyncClient) -> None:
    door.retriever.result = SearchResult((), {})
    query = 'leave type:policy after:2025-01 "exact words" -sick'
    asked = {"query": query, "filter": "labels:draft,final", "explain": True}
    answer = await rules.post(SEARCH, json=asked)
    assert answer.json()["understood"] == {
        "text": "leave exact words",
        "phrases": ["exact words"],
        "excluded": ["sick"],
        "filter": {
            "and": [
                {"type": {"in": ["policy"]}},
                {"issued": {"gte": "2025-01-01"}},
                {"labels": {"any": ["draft", "final"]}},
            ]
        },
        "synonyms": [],
        "language": "en",
        "second_look": None,
    }
    literal = await rules.post(SEARCH, json={"query": query, "syntax": False, "explain": True})
    assert literal.json()["understood"]["text"] == query


async def test_a_corrected_query_says_what_was_searched_for(door: Any, rules: httpx.AsyncClient) -> None:
    door.retriever.result = SearchResult((), {}, corrections=(Correction("polcy", "policy"),))
    answer = (await rules.post(SEARCH, json={"query": "leave polcy", "explain": True})).json()
    assert answer["corrections"] == [{"written": "polcy", "meant": "policy"}]
    assert answer["understood"]["text"] == "leave policy"
    await rules.post(SEARCH, json={"query": "leave polcy", "spelling": False})
    assert [asked.spelling for _, asked in door.retriever.requests] == [True, False]


async def test_an_explained_query_says_what_was_searched_for_again(door: Any, rules: httpx.AsyncClient) -> None:
    door.retriever.result = SearchResult((), {}, second_look=SecondLook("rewrite", 0.5, ("annual leave",)))
    answer = await rules.post(SEARCH, json={"query": "holidays", "explain": True})
    look = {"technique": "rewrite", "weakness": 0.5, "texts": ["annual leave"]}
    assert answer.json()["understood"]["second_look"] == look


async def test_an_explained_query_says_its_language(door: Any, rules: httpx.AsyncClient) -> None:
    door.retriever.result = SearchResult((), {})
    for query, language in (("Wo ist die Rechnung?", "de"), ("where are they", "en"), ("E1042", "und")):
        answer = await rules.post(SEARCH, json={"query": query, "explain": True})
        assert answer.json()["understood"]["language"] == language


async def test_a_question_is_read_so_only_if_it_says_so(door: Any, rules: httpx.AsyncClient) -> None:
    door.generator._events = (Unavailable("Down.", code="generator_unavailable"),)
    refused = await rules.post(ASK, json={"question": "leave year:soon", "syntax": True})
    assert (refused.status_code, refused.json()["code"]) == (400, "bad_filter")
    plain = await rules.post(ASK, json={"question": "leave year:soon"})
    assert plain.status_code == 503, plain.text
    assert [asked.question for _, asked in door.generator.requests] == ["leave year:soon"]
