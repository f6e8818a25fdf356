"""API keys and sessions: what opens the door, and how fast a revoked key stops doing so."""

import asyncio
from typing import Any

import httpx
import pytest
from assay_gateway import first_run
from sqlalchemy import text

pytestmark = pytest.mark.integration
WRITE = {"X-Assay-Request": "1"}


async def test_first_run_can_be_repeated(door: Any) -> None:
    first_run.run(door.database, door.admin_key)
    with door.database.transaction() as connection:
        assert connection.execute(text("SELECT count(*) FROM api_keys")).scalar_one() == 1
    async with door.client(door.admin_key) as admin:
        assert (await admin.get("/v1/me")).json() == {
            "id": "admin",
            "name": "Administrator",
            "tenant": "default",
            "roles": ["administrator"],
        }


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic YTpi",
        "Bearer wrong",
        "Bearer assay_wrong",
        "Bearer assay_" + "é" * 43,
        "Bearer assay_" + "a" * 5000,
    ],
)
async def test_other_keys_are_refused(door: Any, header: str) -> None:
    async with door.client(None) as client:
        answer = await client.get("/v1/me", headers={"Authorization": header.encode()})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert "a" * 50 not in answer.text


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE api_keys SET revoked_at = now()",
        "UPDATE api_keys SET expires_at = now()",
        "UPDATE principals SET disabled_at = now()",
    ],
)
async def test_a_key_stops_opening_within_a_second(door: Any, admin: httpx.AsyncClient, change: str) -> None:
    async with door.client(None) as browser:
        await browser.post("/ui/session", json={"api_key": door.admin_key}, headers=WRITE)
        assert (await browser.get("/v1/me")).status_code == 200
        assert (await admin.get("/v1/me")).status_code == 200
        with door.database.transaction() as connection:
            connection.execute(text(change))
        await asyncio.sleep(1.1)
        assert (await admin.get("/v1/me")).status_code == 401
        assert (await browser.get("/v1/me")).status_code == 401


async def test_a_session_reads_and_with_the_header_writes(door: Any) -> None:
    async with door.client(None) as browser:
        signed_in = await browser.post("/ui/session", json={"api_key": door.admin_key}, headers=WRITE)
        assert signed_in.status_code == 204
        cookie = signed_in.headers["set-cookie"]
        assert {"HttpOnly", "SameSite=strict", "Path=/", "Max-Age=43200"} <= set(cookie.split("; "))
        assert "Secure" not in cookie
        assert door.admin_key not in cookie
        assert (await browser.get("/v1/me")).status_code == 200
        forged = await browser.post("/v1/collections", json={"name": "made-elsewhere"})
        assert (forged.status_code, forged.json()["code"]) == (403, "forbidden")
        assert (await browser.post("/v1/collections", json={"name": "mine"}, headers=WRITE)).status_code == 201
        assert (await browser.delete("/ui/session", headers=WRITE)).status_code == 204
        assert (await browser.get("/v1/me")).status_code == 401


async def test_signing_in_needs_a_valid_key_and_our_own_page(door: Any) -> None:
    async with door.client(None) as browser:
        wrong = await browser.post("/ui/session", json={"api_key": "assay_wrong"}, headers=WRITE)
        assert (wrong.status_code, wrong.json()["code"]) == (401, "bad_api_key")
        elsewhere = await browser.post("/ui/session", json={"api_key": door.admin_key})
        assert elsewhere.status_code == 403
        assert "set-cookie" not in elsewhere.headers


async def test_the_cookie_is_secure_over_https(door: Any) -> None:
    async with door.client(None) as browser:
        browser.base_url = "https://assay.test"
        signed_in = await browser.post("/ui/session", json={"api_key": door.admin_key}, headers=WRITE)
        assert "Secure" in signed_in.headers["set-cookie"]


async def test_a_changed_cookie_is_no_session(door: Any) -> None:
    async with door.client(None) as browser:
        await browser.post("/ui/session", json={"api_key": door.admin_key}, headers=WRITE)
        value = browser.cookies["assay_session"]
        for changed in (value[:-3] + "abc", "x." + value.split(".")[1], "", "é" * 20, "a" * 100_000):
            browser.cookies.clear()
            answer = await browser.get("/v1/me", headers={"Cookie": f"assay_session={changed}".encode()})
            assert answer.status_code == 401


async def test_without_a_database_nothing_is_allowed(door: Any, admin: httpx.AsyncClient) -> None:
    await asyncio.sleep(1.1)
    door.database.dispose()
    real = door.database._engine
    try:
        from sqlalchemy import create_engine

        door.database._engine = create_engine(
            "postgresql+psycopg://assay@127.0.0.1:1/none", connect_args={"connect_timeout": 1}
        )
        for method, path in (("GET", "/v1/collections"), ("POST", "/v1/collections/handbook/search")):
            answer = await admin.request(method, path, json={"query": "x"} if method == "POST" else None)
            assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
            assert answer.headers["retry-after"] == "5"
        assert (await admin.get("/livez")).status_code == 200
        assert (await admin.get("/readyz")).status_code == 503
    finally:
        door.database._engine = real
