import json
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import httpx
import pytest
from assay_mcp.server import make_server
from assay_testing.fake_gateway import API_KEY, FakeGateway
from assay_wire.clients import AssayClient
from mcp import Client
from mcp_types import CallToolResult, TextContent

HIT = {
    "rank": 1,
    "chunk_id": "c1",
    "document_id": "d1",
    "document_name": "leave.md",
    "version": 2,
    "page": None,
    "heading": "Leave",
    "text": "There are 30 days of leave.",
    "start": 10,
    "end": 37,
    "score": 0.5,
    "scored_by": "rrf",
}
ANSWER = {
    "id": "a1",
    "question": "How many?",
    "answer": "Thirty days [1]. And a pony.",
    "outcome": "partly_supported",
    "verdict": "partly_supported",
    "citations": [],
    "claims": [
        {"start": 0, "end": 16, "text": "Thirty days [1].", "verdict": "supported", "probability": 1, "citations": [1]},
        {"start": 17, "end": 28, "text": "And a pony.", "verdict": "unsupported", "probability": 0, "citations": []},
    ],
    "sources": [HIT],
    "model": "m",
    "prompt_version": "p",
    "usage": None,
    "timings_ms": {},
    "degraded": [{"component": "cache", "mode": "off", "reason": "down"}],
    "cache": "off",
    "finish_reason": "stop",
}


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway(collections={"docs": {}})


def connected(handle: Callable[[httpx.Request], httpx.Response]) -> Client:
    """A client in memory of a server that uses this gateway."""
    api = AssayClient(base_url="http://gateway.test", api_key=API_KEY, transport=httpx.MockTransport(handle))
    return Client(make_server(lambda _headers: nullcontext(api)))


def structured(result: CallToolResult) -> dict[str, Any]:
    assert not result.is_error, result.content
    assert result.structured_content is not None
    return result.structured_content


async def test_tools_are_read_only_and_described(gateway: FakeGateway) -> None:
    async with connected(gateway.handle) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert set(tools) == {"search", "ask", "fetch_document", "list_collections"}
        assert all(tool.annotations and tool.annotations.read_only_hint and tool.description for tool in tools.values())
        assert "context" not in tools["search"].input_schema["properties"]


async def test_collections_are_listed(gateway: FakeGateway) -> None:
    async with connected(gateway.handle) as client:
        found = structured(await client.call_tool("list_collections", {}))
        assert found == {"collections": [{"name": "docs", "documents": 0, "chunks": 0}]}


async def test_search_gives_passages(gateway: FakeGateway) -> None:
    async with connected(gateway.handle) as client:
        gateway.answers["search"] = {"hits": [HIT], "timings_ms": {}, "cache": "miss", "degraded": []}
        found = structured(await client.call_tool("search", {"collection": "docs", "query": "leave", "top_k": 3}))
        assert found["passages"][0]["text"] == "There are 30 days of leave."
        assert found["missing"] == []
        assert json.loads(gateway.requests[-1].content)["top_k"] == 3


async def test_ask_names_what_is_not_supported(gateway: FakeGateway) -> None:
    async with connected(gateway.handle) as client:
        events = f"event: token\ndata: {json.dumps({'text': 'Thirty'})}\n\nevent: done\ndata: {json.dumps(ANSWER)}\n\n"
        gateway.answers["stream"] = httpx.Response(200, text=events)
        found = structured(await client.call_tool("ask", {"collection": "docs", "question": "How many?"}))
        assert found["verdict"] == "partly_supported"
        assert found["unsupported"] == ["And a pony."]
        assert found["missing"] == ["cache (off): down"]
        assert "sources" not in found


async def test_document_is_read_from_where_asked() -> None:
    text = "0123456789" * 3

    def handle(request: httpx.Request) -> httpx.Response:
        start, context = int(request.url.params["start"]), int(request.url.params["context"])
        first, last = max(0, start - context), min(len(text), start + context)
        part = {"text": text[first:last], "start": first, "end": last, "passage_start": start, "passage_end": start}
        return httpx.Response(200, json={**part, "document_id": "d1", "name": "n", "version": 2, "length": len(text)})

    async with connected(handle) as client:
        arguments = {"document_id": "d1", "version": 2, "start": 12, "length": 4}
        found = structured(await client.call_tool("fetch_document", arguments))
        assert (found["text"], found["start"], found["end"], found["length"]) == ("2345", 12, 16, 30)
        tail = structured(await client.call_tool("fetch_document", {**arguments, "start": 27, "length": 100}))
        assert (tail["text"], tail["end"]) == ("789", 30)


@pytest.mark.parametrize(
    ("tool", "arguments", "message"),
    [
        ("search", {"collection": "nope", "query": "x"}, "There is no collection 'nope'. (not_found)"),
        ("fetch_document", {"document_id": "zz"}, "There is no document 'zz'. (not_found)"),
    ],
)
async def test_errors_say_what_is_wrong(
    gateway: FakeGateway, tool: str, arguments: dict[str, object], message: str
) -> None:
    async with connected(gateway.handle) as client:
        result = await client.call_tool(tool, arguments)
        assert result.is_error
        assert [c.text for c in result.content if isinstance(c, TextContent)] == [
            f"Error executing tool {tool}: {message}"
        ]


async def test_nothing_found_and_could_not_look_differ(gateway: FakeGateway) -> None:
    async with connected(gateway.handle) as client:
        gateway.answers["search"] = {"hits": [], "timings_ms": {}, "cache": "miss", "degraded": []}
        assert structured(await client.call_tool("search", {"collection": "docs", "query": "x"}))["passages"] == []
        gateway.answers["search"] = httpx.Response(503, json={"detail": "Retrieval is down.", "code": "unavailable"})
        result = await client.call_tool("search", {"collection": "docs", "query": "x"})
        assert result.is_error
