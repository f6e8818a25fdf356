"""A model server that speaks OpenAI's protocol on a real socket, and misbehaves on demand.

Needs uvicorn. `FakeVllm` is a context manager; its attributes may be changed while it runs.
"""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping, Sequence
from typing import Any, Literal

from assay_testing.words import words

Mode = Literal["ok", "loading", "full", "frozen", "silent", "garbage", "cut", "slow", "error"]
Scope = MutableMapping[str, Any]  # Any: ASGI messages
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_SLOW_S = 10.0


class FakeVllm:
    """Streams `reply` word by word.

    Modes: ok; loading and full refuse with 503 and 429; frozen takes the request and never answers; silent sends the
    headers only; garbage streams what is no JSON; cut ends the connection after `cut_after` words; slow sends a word
    every ten seconds; error sends vLLM's error chunk in the middle. A server that is dead is one that was stopped.

    Attributes:
        requests: bodies of chat requests, in order.
        closed_at: `time.monotonic()` of each moment at which a client closed a request before its end.
        running: chat requests under way.
    """

    def __init__(
        self,
        reply: str = "ok",
        *,
        mode: Mode = "ok",
        model: str = "fake-model",
        words_per_s: float = 0.0,
        chunk_bytes: int | None = None,
        cut_after: int = 3,
    ) -> None:
        self.reply = reply
        self.mode: Mode = mode
        self.model = model
        self.words_per_s = words_per_s
        self.chunk_bytes = chunk_bytes
        self.cut_after = cut_after
        self.requests: list[dict[str, Any]] = []  # Any: JSON
        self.closed_at: list[float] = []
        self.running = 0
        self._server: _Server | None = None

    @property
    def url(self) -> str:
        """The base URL, up to and including /v1."""
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.port}/v1"

    def start(self) -> "FakeVllm":
        self._server = _Server(self)
        return self

    def stop(self) -> None:
        """Stop listening; open connections are cut."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    __enter__ = start

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        match scope["path"]:
            case "/health":
                await _json(send, {})
            case "/v1/models":
                await _json(send, {"object": "list", "data": [{"id": self.model, "object": "model"}]})
            case "/tokenize":
                body = json.loads(await _body(receive))
                await _json(send, {"count": len(words(body["prompt"]))})
            case "/v1/chat/completions":
                await self._chat(json.loads(await _body(receive)), receive, send)
            case _:
                await _json(send, {"error": {"message": "not found"}}, status=404)

    async def _chat(self, body: dict[str, Any], receive: Receive, send: Send) -> None:
        self.requests.append(body)
        self.running += 1
        answering = asyncio.create_task(self._answer(body, send))
        leaving = asyncio.create_task(_until_gone(receive))
        try:
            await asyncio.wait((answering, leaving), return_when=asyncio.FIRST_COMPLETED)
            if not answering.done():
                self.closed_at.append(time.monotonic())
        finally:
            self.running -= 1
            answering.cancel()
            leaving.cancel()
            await asyncio.gather(answering, leaving, return_exceptions=True)
        if answering.cancelled():
            return
        if (error := answering.exception()) is not None:
            raise error

    async def _answer(self, body: dict[str, Any], send: Send) -> None:
        match self.mode:
            case "loading":
                await _json(send, {"error": {"message": "the model is loading"}}, status=503)
            case "full":
                await _json(send, {"error": {"message": "too many requests"}}, status=429)
            case "frozen":
                await asyncio.Event().wait()
            case _:
                await send(_start(200, "text/event-stream"))
                async for piece in self._pieces(body):
                    for part in _parts(piece, self.chunk_bytes):
                        await send({"type": "http.response.body", "body": part, "more_body": True})
                await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _pieces(self, body: dict[str, Any]) -> AsyncIterator[bytes]:
        if self.mode == "silent":
            await asyncio.Event().wait()
        if self.mode == "garbage":
            yield b"data: \xff\xfe{not json\n\n" * 3
            return
        text, stopped = _until_stop(self.reply, body.get("stop") or [])
        pieces = _word_by_word(text)[: body.get("max_tokens", 1 << 20)]
        for number, piece in enumerate(pieces):
            if self.mode == "cut" and number == self.cut_after:
                raise ConnectionAbortedError
            if self.mode == "error" and number == self.cut_after:
                yield _event({"error": {"message": "EngineDeadError", "code": 500}})
                return
            await asyncio.sleep(_SLOW_S if self.mode == "slow" else 1 / self.words_per_s if self.words_per_s else 0)
            yield _event(_chunk(self.model, {"content": piece}))
        reason = "stop" if stopped or len(pieces) == len(_word_by_word(text)) else "length"
        yield _event(_chunk(self.model, {}, reason))
        usage = {"prompt_tokens": _asked(body), "completion_tokens": len(pieces)}
        yield _event({"id": "chat", "choices": [], "model": self.model, "usage": usage})
        yield b"data: [DONE]\n\n"


class _Server:
    """uvicorn in a thread."""

    def __init__(self, app: FakeVllm) -> None:
        import uvicorn

        config = uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, lifespan="off", http="h11")
        config.timeout_graceful_shutdown = 1
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, name="fake-vllm", daemon=True)
        self._thread.start()
        until = time.monotonic() + 10
        while not self._server.started:
            if time.monotonic() > until:
                raise TimeoutError("the fake model server did not start")
            time.sleep(0.005)
        self.port: int = self._server.servers[0].sockets[0].getsockname()[1]

    def stop(self) -> None:
        self._server.should_exit = True
        self._server.force_exit = True
        self._thread.join(10)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _body(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body", False):
            return body


async def _json(send: Send, body: object, *, status: int = 200) -> None:
    await send(_start(status, "application/json"))
    await send({"type": "http.response.body", "body": json.dumps(body).encode(), "more_body": False})


def _start(status: int, media_type: str) -> Message:
    return {"type": "http.response.start", "status": status, "headers": [(b"content-type", media_type.encode())]}


def _event(chunk: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(chunk, ensure_ascii=False).encode() + b"\n\n"


def _chunk(model: str, delta: dict[str, str], finish_reason: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return {"id": "chat", "object": "chat.completion.chunk", "model": model, "choices": [choice]}


def _word_by_word(text: str) -> list[str]:
    first, *others = text.split(" ")
    return [first, *(" " + word for word in others)]


def _until_stop(text: str, stops: Sequence[str]) -> tuple[str, bool]:
    ends = [place for stop in stops if (place := text.find(stop)) >= 0]
    return (text[: min(ends)], True) if ends else (text, False)


def _asked(body: dict[str, Any]) -> int:
    return sum(len(words(message["content"])) for message in body["messages"])


def _parts(piece: bytes, size: int | None) -> list[bytes]:
    return [piece[at : at + size] for at in range(0, len(piece), size)] if size else [piece]
