"""What shows only over real connections: the client's view, cancellation, and slow or broken senders."""

import asyncio
import io
import json
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from assay_core.answers import Failed, Retrieved, Token
from assay_core.errors import Denied, Exhausted, Invalid, NotFound, Unavailable
from assay_core.search import SearchResult
from assay_runtime.http_protocol import DeadlineProtocol
from assay_runtime.tokens import TokenVerifier
from assay_testing.fake_services import generation_service
from assay_wire import public
from assay_wire.clients import AssayClient
from assay_wire.peers import Peer

from .conftest import Live, serving

pytestmark = pytest.mark.integration


def eventually(holds: Callable[[], bool], *, within_s: float) -> float:
    """Wait until it holds. Returns the seconds that it took."""
    start = time.monotonic()
    while not holds():
        assert time.monotonic() - start < within_s, "it never held"
        time.sleep(0.01)
    return time.monotonic() - start


def test_the_client_does_what_the_api_can(live: Live, tmp_path: Path) -> None:
    file = tmp_path / "leave.md"
    file.write_bytes(b"# Leave\n" * 20_000)
    seen = list[tuple[int, int]]()
    with live.client() as client:
        assert client.me().roles == ["administrator"]
        made = client.ensure_collection("handbook")
        assert client.ensure_collection("handbook").id == made.id
        upload = client.upload(
            "handbook",
            file,
            name="rules/leave.md",
            metadata={"author": "Ada"},
            on_progress=lambda sent, total: seen.append((sent, total)),
        )
        assert (upload.name, upload.unchanged, upload.version) == ("rules/leave.md", False, 1)
        assert seen[-1] == (160_000, 160_000)
        assert len(seen) > 1
        assert client.upload("handbook", io.BytesIO(file.read_bytes()), name="rules/leave.md").unchanged
        assert [d.metadata for d in client.documents("handbook")] == [{"author": "Ada"}]
        assert client.document(upload.document_id).versions[0].sha256 == upload.sha256
        live.door.retriever.result = SearchResult((), {"total": 1.0})
        assert client.search("handbook", "days?", top_k=3).hits == []
        assert client.system().parts.retrieval.ready
        assert client.delete_document(upload.document_id).document_id == upload.document_id
        assert list(client.documents("handbook")) == []
        assert client.delete_collection("handbook").documents == 0


def test_the_client_raises_what_the_gateway_says(live: Live) -> None:
    with live.client() as client:
        with pytest.raises(NotFound, match="There is no collection 'none'"):
            client.search("none", "x")
        with pytest.raises(Invalid) as empty:
            client.ensure_collection("Bad Name")
        assert empty.value.code == "bad_collection_name"
        with pytest.raises(TypeError, match="topk"):
            client.search("none", "x", topk=3)
    with live.client("assay_wrong") as stranger, pytest.raises(Denied):
        stranger.me()
    with AssayClient(base_url="http://127.0.0.1:1", api_key="k") as nowhere, pytest.raises(Unavailable) as down:
        nowhere.me()
    assert "assay up" in down.value.message


def test_the_client_hears_a_stream_that_fails(live: Live) -> None:
    live.door.generator._events = (
        Retrieved(()),
        Token("x"),
        Failed("generator_unavailable", "It is loading.", 503, 7),
    )
    with live.client() as client:
        client.ensure_collection("handbook")
        events = client.ask_events("handbook", "days?")
        assert isinstance(next(events), public.Retrieval)
        assert isinstance(next(events), public.Token)
        with pytest.raises(Unavailable) as error:
            next(events)
        assert (error.value.code, error.value.retry_after_s) == ("generator_unavailable", 7)


def test_a_large_upload_is_refused_with_an_answer(live: Live) -> None:
    with live.client() as client:
        client.ensure_collection("handbook")
        for size in (3 * 2**20 + 1, 12 << 20):
            with pytest.raises(Invalid) as error:
                client.upload("handbook", io.BytesIO(bytes([120]) * size), name="big.txt")
            assert error.value.code == "too_large"


def test_an_upload_is_on_disk_before_its_last_byte_has_come(live: Live, tmp_path: Path) -> None:
    file, end = b"word " * 600_000, b"\r\n--b--\r\n"
    body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n' + file
    with live.client() as client:
        client.ensure_collection("handbook")

    def written() -> int:
        return sum((tmp_path / "blobs" / key).stat().st_size for key in live.door.blobs.keys("uploads"))

    with socket.create_connection(("127.0.0.1", live.port)) as connection:
        connection.sendall(head("/v1/collections/handbook/documents", len(body) + len(end), live) + body)
        # What has come is sealed and written by the MiB.
        eventually(lambda: written() > len(file) - (1 << 20), within_s=30)
        connection.sendall(end)
        assert connection.recv(100).startswith(b"HTTP/1.1 202")


def head(path: str, length: int, live: Live, *, kind: str = "multipart/form-data; boundary=b") -> bytes:
    return (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {live.door.admin_key}\r\n"
        f"Content-Type: {kind}\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


def test_an_upload_that_is_cut_off_leaves_nothing(live: Live) -> None:
    with live.client() as client:
        client.ensure_collection("handbook")
    with socket.create_connection(("127.0.0.1", live.port)) as connection:
        part = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n' + b"x" * 100_000
        connection.sendall(head("/v1/collections/handbook/documents", 10**6, live) + part)
        time.sleep(0.3)
    eventually(lambda: not list(live.door.blobs.keys("")), within_s=2)
    with live.client() as client:
        assert list(client.documents("handbook")) == []


def test_sends_that_are_cut_off_and_repeated_make_each_document_once(live: Live) -> None:
    """R12 in small: 20 uploads, each sent five times at once, one of the five cut off in the middle."""
    with live.client() as client:
        client.ensure_collection("handbook")
        uploads = [(n, attempt) for n in range(20) for attempt in range(5)]
        with ThreadPoolExecutor(10) as pool:
            answers = list(pool.map(lambda at: send_once(live, at[0], cut=at[1] == 2), uploads))
        replies = {n: {a for (m, _), a in zip(uploads, answers, strict=True) if m == n and a} for n in range(20)}
        assert all(len(bodies) == 1 for bodies in replies.values())
        assert [d.version for d in client.documents("handbook")] == [1] * 20
        again = send_once(live, 7, cut=False)
        assert {again} == replies[7]
    assert not list(live.door.blobs.keys("uploads"))


def send_once(live: Live, number: int, *, cut: bool) -> bytes:
    part = f'--b\r\nContent-Disposition: form-data; name="file"; filename="{number}.txt"\r\n\r\n'
    body = part.encode() + f"text {number} ".encode() * 5_000 + b"\r\n--b--\r\n"
    start = head("/v1/collections/handbook/documents", len(body), live)
    start = start[:-2] + f"Idempotency-Key: key-{number}\r\nConnection: close\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", live.port), timeout=30) as connection:
        connection.sendall(start + (body[: len(body) // 2] if cut else body))
        if cut:
            return b""
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 202"), answer[:500]
    return answer.partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_leaves_stops_the_generation(
    live: Live, stream: bool, key_pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = live.door.generator
    generator._events = (Retrieved(()), *[Token("word ")] * 1000)
    generator._delay_s = 0.05
    with live.client() as client:
        client.ensure_collection("handbook")
    service = generation_service(generator, TokenVerifier(key_pair[1]))
    with serving(service, timeout_graceful_shutdown=1) as port:
        peer: Peer = live.door.generation_peer
        monkeypatch.setattr(peer, "_client", httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}"))
        body = json.dumps({"question": "days?", "stream": stream}).encode()
        with socket.create_connection(("127.0.0.1", live.port)) as connection:
            kind = "application/json"
            connection.sendall(head("/v1/collections/handbook/ask", len(body), live, kind=kind) + body)
            eventually(lambda: len(generator.requests) == 1, within_s=5)
            time.sleep(0.2)
        took_s = eventually(lambda: generator.cancelled == 1, within_s=3)
    assert took_s < 1


def test_a_head_that_does_not_end_is_cut_off(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DeadlineProtocol, "head_timeout_s", 0.5)
    with socket.create_connection(("127.0.0.1", live.port)) as connection:
        connection.settimeout(3)
        start = time.monotonic()
        connection.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n")
        for _ in range(20):
            time.sleep(0.1)
            try:
                connection.sendall(b"x")
            except OSError:
                break
        assert time.monotonic() - start < 2
    assert httpx.get(f"{live.url}/livez").status_code == 200


def test_a_silent_connection_is_cut_off(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DeadlineProtocol, "head_timeout_s", 0.3)
    with socket.create_connection(("127.0.0.1", live.port)) as connection:
        connection.settimeout(3)
        assert connection.recv(1000) == b""


def test_a_slow_answer_outlives_the_deadline_of_heads(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DeadlineProtocol, "head_timeout_s", 0.3)
    live.door.generator._events = (Retrieved(()), Token("x"), Failed("late", "late", 503))
    live.door.generator._delay_s = 0.4
    with live.client() as client:
        client.ensure_collection("handbook")
        with pytest.raises(Unavailable, match="late"):
            client.ask("handbook", "days?")
        assert client.me().name == "Administrator"


def test_a_deadline_ends_an_answer(live: Live) -> None:
    with live.client() as client:
        client.ensure_collection("handbook")
    with AssayClient(base_url=live.url, api_key=live.door.admin_key, answer_timeout_s=0.3) as client:
        live.door.generator._delay_s = 2
        live.door.generator._events = (Retrieved(()),)
        with pytest.raises(Exhausted):
            client.ask("handbook", "days?")


def test_many_requests_at_once_are_all_answered(live: Live) -> None:
    async def flood() -> list[int]:
        headers = {"Authorization": f"Bearer {live.door.admin_key}"}
        limits = httpx.Limits(max_connections=100)
        async with httpx.AsyncClient(base_url=live.url, headers=headers, limits=limits, timeout=30) as client:
            answers = await asyncio.gather(*(client.get("/v1/collections") for _ in range(200)))
        return [a.status_code for a in answers]

    assert set(asyncio.run(flood())) == {200}
