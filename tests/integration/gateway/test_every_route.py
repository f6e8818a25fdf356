"""What holds for every route, taken from the application itself: sign-in, security headers, no 500 for bad input."""

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from assay_gateway.headers import HEADERS
from assay_store import reading
from fastapi.routing import iter_route_contexts

pytestmark = pytest.mark.integration

OPEN = {
    ("GET", "/"),
    ("GET", "/ui"),
    ("GET", "/ui/*"),
    ("GET", "/livez"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
    ("GET", "/openapi.json"),
    ("POST", "/ui/session"),
    ("DELETE", "/ui/session"),
}
WRITES = ("POST", "PUT", "PATCH")
IDS = {"id": "0" * 32, "name": "handbook", "collection": "handbook", "dataset": "golden", "version": "1"}
IDS["night"] = "2026-03-05"
WITHOUT_BODY = {
    *(("POST", f"/v1/collections/{{name}}/{verb}") for verb in ("pause", "resume", "rechunk")),
    ("POST", "/v1/evaluations/nights/{collection}"),
    ("POST", "/v1/evaluations/datasets/{collection}/{dataset}/approve"),
}
HUGE = "x" * 900_000
BODIES: list[bytes] = [
    b"",
    b"{",
    b"null",
    b"[]",
    b'"text"',
    b"\xff\xfe",
    b'{"a": "\xff"}',
    b"[" * 100_000,
    b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    b'{"top_k": ' + b"9" * 100_000 + b"}",
    b'{"top_k": NaN, "temperature": Infinity}',
    b'{"query": "\\ud800", "question": "\\ud800", "name": "\\ud800"}',
    b'{"\\ud800": 1}',
    b'{"query": "a\\u0000b", "question": "a\\u0000b", "name": "a\\u0000b", "api_key": "\\u0000"}',
    b'{"query": {}, "question": [], "name": 1, "model": null, "input": {}, "messages": 7}',
    json.dumps({"query": HUGE, "question": HUGE, "name": HUGE, "api_key": HUGE}).encode(),
    json.dumps({f"field{n}": n for n in range(50_000)}).encode(),
    b'{"query": "x", "query": "y", "unknown": true}',
    b'{"a": "' + b"x" * (2 << 20) + b'"}',
]
NAMES = ["\0", "a\0b", "\ud800", "..", "%2e%2e", "a" * 5000, "é", "' OR 1=1 --", "-1", "9" * 400, "nan", "\u202e"]


def routes(door: Any) -> Iterator[tuple[str, str]]:
    for context in iter_route_contexts(door.app.routes):
        if context.methods is None:
            assert context.path is not None
            yield "GET", context.path + "/*"
        for method in sorted((context.methods or set()) - {"HEAD", "OPTIONS"}):
            assert context.path is not None
            yield method, context.path


def filled(path: str, **changes: str) -> str:
    values = IDS | changes

    def value(match: re.Match[str]) -> str:
        return values.get(match[1], "x")

    return re.sub(r"\{(\w+)(?::\w+)?\}", value, path).replace("*", "documents")


async def test_every_route_but_a_few_needs_someone_signed_in(door: Any) -> None:
    async with door.client(None) as nobody:
        for method, path in routes(door):
            answer = await nobody.request(method, filled(path), json={} if method in WRITES else None)
            if (method, path) in OPEN:
                assert answer.status_code != 401 or path == "/ui/session", (method, path)
            else:
                assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in"), (method, path)
    assert set(routes(door)) >= OPEN


async def test_every_answer_carries_the_security_headers(door: Any, admin: httpx.AsyncClient) -> None:
    async with door.client(None) as nobody:
        for client in (nobody, admin):
            for method, path in [*routes(door), ("GET", "/nothing"), ("PATCH", "/v1/me"), ("OPTIONS", "/v1/me")]:
                answer = await client.request(method, filled(path))
                for name, value in HEADERS.items():
                    assert answer.headers.get_list(name) == [value], (method, path, name)
                assert "cache-control" in answer.headers
                assert "unsafe" not in answer.headers["content-security-policy"]
                assert not any(h.startswith("access-control") for h in answer.headers)


async def test_a_fault_of_ours_carries_them_too_and_no_details(
    admin: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(reading, "version_text", broken)
    answer = await admin.get(f"/v1/documents/{'0' * 32}/versions/1/text")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "secret" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_bad_bodies_are_refused_as_problems(door: Any, admin: httpx.AsyncClient) -> None:
    for method, path in routes(door):
        if method not in WRITES or (method, path) in WITHOUT_BODY:
            continue
        for body in BODIES:
            for media_type in ("application/json", "text/plain", "multipart/form-data; boundary=x", ""):
                headers = {"Content-Type": media_type, "X-Assay-Request": "1"}
                answer = await admin.request(method, filled(path), content=body, headers=headers)
                assert 400 <= answer.status_code < 500, (method, path, body[:60], media_type, answer.text[:300])
                assert answer.headers["content-type"] == "application/problem+json"
                assert len(answer.content) < 20_000
                problem = answer.json()
                assert {"type", "title", "status", "detail", "code", "request_id"} <= set(problem)


async def test_bad_names_in_paths_are_refused_as_problems(door: Any, admin: httpx.AsyncClient) -> None:
    for method, path in routes(door):
        for parameter in re.findall(r"\{(\w+)", path):
            for name in NAMES:
                url = filled(path, **{parameter: quoted(name)})
                body: dict[str, Any] = {"json": {}} if method in WRITES else {}
                answer = await admin.request(method, url, **body)
                assert 400 <= answer.status_code < 500 or path.startswith("/ui"), (method, url[:80], answer.text[:300])
                assert answer.status_code in (400, 404, 405, 415, 422, 307), (method, url[:80], answer.status_code)


def quoted(name: str) -> str:
    return "".join(f"%{byte:02x}" for byte in name.encode("utf-8", "surrogatepass"))


async def test_bad_queries_are_refused_as_problems(admin: httpx.AsyncClient) -> None:
    for path in ("/v1/collections/handbook/documents", "/v1/evaluations/runs", "/v1/jobs"):
        for parameter in ("limit", "cursor", "state", "collection"):
            for name in NAMES:
                answer = await admin.get(f"{path}?{parameter}={quoted(name)}")
                assert answer.status_code in (200, 400, 404, 422), (path, parameter, name, answer.text[:300])


@pytest.mark.parametrize("host", ["", "[", "a b", "x" * 5000, "evil.example", "a:99999999", "é"])
async def test_strange_hosts_are_no_fault(admin: httpx.AsyncClient, host: str) -> None:
    for path in ("/v1/me", "/nothing", "/ui", "/v1/models"):
        answer = await admin.get(path, headers=[(b"Host", host.encode())])
        assert answer.status_code < 500


async def test_problems_have_the_agreed_bytes(admin: httpx.AsyncClient) -> None:
    answer = await admin.get("/v1/collections/none")
    request_id = answer.headers["x-request-id"]
    assert answer.content.decode() == (
        '{"type":"about:blank","title":"Not found","status":404,'
        '"detail":"There is no collection \'none\'; create it with POST /v1/collections.",'
        f'"code":"collection_not_found","request_id":"{request_id}"}}'
    )


async def test_openapi_names_every_operation_once_and_its_problems(door: Any) -> None:
    async with door.client(None) as nobody:
        schema = (await nobody.get("/openapi.json")).json()
    operations = [o for path in schema["paths"].values() for o in path.values()]
    ids = [o["operationId"] for o in operations]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z_]+", i) for i in ids)
    for operation in operations:
        assert operation["tags"]
        assert operation["summary"]
        assert "application/problem+json" in operation["responses"]["404"]["content"]
    assert "HTTPValidationError" not in json.dumps(schema)
    declared = {(m.upper(), p) for p, path in schema["paths"].items() for m in path}
    served = {(m, re.sub(r":\w+\}", "}", p)) for m, p in routes(door)}
    assert served - declared == OPEN - {("POST", "/ui/session"), ("DELETE", "/ui/session")}
