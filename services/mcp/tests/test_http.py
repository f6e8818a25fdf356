import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from assay_core.errors import Denied
from assay_mcp.server import clients_by_bearer, loopback_only, make_server

PORT = 8790
BASE = f"http://127.0.0.1:{PORT}"
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
}
CALL = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "list_collections", "arguments": {}}}


@asynccontextmanager
async def serving() -> AsyncGenerator[httpx.AsyncClient]:
    server = make_server(clients_by_bearer("http://127.0.0.1:9"))
    app = server.streamable_http_app(
        json_response=True, stateless_http=True, host="127.0.0.1", transport_security=loopback_only(PORT)
    )
    async with server.session_manager.run():
        headers = {"Accept": "application/json, text/event-stream"}
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE, headers=headers) as client:
            yield client


async def post(http: httpx.AsyncClient, body: dict[str, Any], **headers: str) -> httpx.Response:
    return await http.post("/mcp", json=body, headers=headers)


async def test_answers_on_loopback() -> None:
    async with serving() as http:
        response = await post(http, INITIALIZE)
        assert response.status_code == 200
        assert response.json()["result"]["serverInfo"]["name"] == "assay"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8790", "127.0.0.1:1"])
async def test_foreign_host_is_refused(host: str) -> None:
    async with serving() as http:
        assert (await post(http, INITIALIZE, Host=host)).status_code == 421


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1"])
async def test_foreign_origin_is_refused(origin: str) -> None:
    async with serving() as http:
        assert (await post(http, INITIALIZE, Origin=origin)).status_code == 403


async def test_without_a_key_nothing_is_done() -> None:
    async with serving() as http:
        response = await post(http, CALL)
        result = response.json()["result"]
        assert result["isError"]
        assert "Send your Assay API key" in json.dumps(result)


async def test_key_of_the_client_is_used() -> None:
    async with serving() as http:
        response = await post(http, CALL, Authorization="Bearer assay_mine")
        assert "Nothing answers at http://127.0.0.1:9" in json.dumps(response.json()["result"])


def test_client_carries_the_bearer() -> None:
    with clients_by_bearer("http://x")({"Authorization": "bearer assay_mine"}) as client:
        assert client.base_url == "http://x"
    with pytest.raises(Denied), clients_by_bearer("http://x")({"Authorization": "Basic eDp5"}):
        pass
