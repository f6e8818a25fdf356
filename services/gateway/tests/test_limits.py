import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import httpx
import pytest
from assay_core.errors import Exhausted, Invalid
from assay_gateway.limits import BodyGate, InFlight, Slots, check_depth
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route


async def size(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


async def slow(_: Request) -> Response:
    await asyncio.sleep(0.2)
    return PlainTextResponse("ok")


APP = Starlette(
    routes=[
        Route("/size", size, methods=["GET", "POST"]),
        Route("/v1/collections/x/documents", size, methods=["POST"]),
        Route("/slow", slow),
        Route("/livez", slow),
    ]
)


def client(app: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x")


@pytest.mark.parametrize(
    ("body", "media_type", "status"),
    [
        (b"[]" * 50, "application/json", 200),
        (b"x" * 101, "application/json", 413),
        (b"{}", "application/problem+json; charset=utf-8", 200),
        (b"{}", "APPLICATION/JSON", 200),
        (b"{}", "text/plain", 415),
        (b"{}", "application/jsonp", 415),
        (b"{}", "", 415),
        (b"", "", 200),
    ],
)
async def test_bodies_are_bounded_json(body: bytes, media_type: str, status: int) -> None:
    async with client(BodyGate(APP, max_bytes=100)) as http:
        answer = await http.post("/size", content=body, headers={"Content-Type": media_type})
    assert answer.status_code == status
    if status == 200:
        assert answer.text == str(len(body))
    else:
        assert answer.headers["content-type"] == "application/problem+json"


async def test_a_body_without_a_declared_length_is_cut_while_it_comes() -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 50
            yield b"x" * 50

    async with client(BodyGate(APP, max_bytes=100)) as http:
        answer = await http.post("/size", content=endless(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 413
    assert sent < 1000


async def test_a_slow_body_is_given_up() -> None:
    async def dripping() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(5)

    async with client(BodyGate(APP, max_bytes=100, timeout_s=0.1)) as http:
        answer = await http.post("/size", content=dripping(), headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (408, "too_slow")


async def test_uploads_pass_the_gate() -> None:
    async with client(BodyGate(APP, max_bytes=100)) as http:
        assert (await http.post("/v1/collections/x/documents", content=b"x" * 500)).text == "500"


def test_depth_counts_brackets_outside_of_texts() -> None:
    check_depth(json.dumps(["[{" * 1000, {"a": '"[' * 100}]).encode())
    check_depth(b"[" * 64 + b"]" * 64)
    check_depth(b"[1],[2]," * 10_000)
    for deep in (b"[" * 65, b'{"a":' * 65, b'["]",' * 65):
        with pytest.raises(Invalid) as error:
            check_depth(deep)
        assert error.value.code == "too_deep"


@pytest.mark.parametrize("piece", [b'"', b'"\\', b'\\"', b"\\", b'[""]', b'"[', b"[]", b'"a\\'])
def test_a_megabyte_of_anything_is_judged(piece: bytes) -> None:
    body = b"[]" * 70 + b'"' + piece * (2**20 // len(piece))
    with suppress(Invalid):
        check_depth(body)
    with pytest.raises(Invalid):
        check_depth(b"[" * 65 + body)


async def test_too_many_at_once_are_told_to_wait_but_health_is_answered() -> None:
    async with client(InFlight(APP, limit=2)) as http:
        answers = await asyncio.gather(*(http.get("/slow") for _ in range(5)), http.get("/livez"))
        assert [a.status_code for a in answers] == [200, 200, 429, 429, 429, 200]
        assert answers[2].headers["retry-after"] == "1"
        assert (await http.get("/slow")).status_code == 200


def test_a_slot_is_free_again_after_an_error() -> None:
    slots = Slots(1, what="things")
    with pytest.raises(KeyError), slots.taken():
        raise KeyError
    with slots.taken(), pytest.raises(Exhausted, match="1 things"), slots.taken():
        pass
