"""The `ChatModel` port on any OpenAI-compatible server, vLLM above all.

Closing the stream closes the connection, by which vLLM cancels the request. Nothing is retried here: the caller owns
retries.
"""

import asyncio
import json
import math
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
from assay_core.answers import ChatDelta, TokenUsage, Turn
from assay_core.errors import AssayError, Broken, Exhausted, Invalid, Unavailable

_CODE = "generator_unavailable"
_RETRY_AFTER_S = 10.0
_CHARACTERS_PER_TOKEN = 3  # an upper estimate for the languages of Europe
_MAX_LINE = 1 << 20


class OpenAIChat:
    """A chat model by name on one server.

    Args:
        base_url: up to and including `/v1`.
        connect_timeout_s: how long to wait for a server that does not accept; more means it is down.
    """

    def __init__(
        self,
        *,
        base_url: str,
        model: str,
        api_key: str | None = None,
        connect_timeout_s: float = 2.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._model = model
        self._base_url = base_url.rstrip("/")
        self._connect_timeout_s = connect_timeout_s
        self._counts_tokens = True
        self._client = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {api_key}"} if api_key else {},
            timeout=httpx.Timeout(10, connect=connect_timeout_s),
            limits=httpx.Limits(max_connections=64, max_keepalive_connections=8),
            trust_env=False,
            transport=transport,
        )

    @property
    def model_id(self) -> str:
        return self._model

    async def stream(
        self,
        messages: Sequence[Turn],
        *,
        system: str,
        max_tokens: int,
        temperature: float,
        stop: Sequence[str],
        timeout_s: float,
    ) -> AsyncGenerator[ChatDelta]:
        body: dict[str, Any] = {  # Any: JSON
            "model": self._model,
            "messages": [
                *([{"role": "system", "content": system}] if system else []),
                *({"role": turn.role, "content": turn.content} for turn in messages),
            ],
            "max_tokens": max_tokens,
            "temperature": temperature,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if stop:
            body["stop"] = list(stop)
        async with self._open(body, timeout_s=timeout_s) as response:
            async for delta in _joined(self._chunks(response, timeout_s=timeout_s)):
                yield delta

    async def count_tokens(self, text: str) -> int:
        if not text:
            return 0
        if self._counts_tokens:
            counted = await self._tokenize(text)
            if counted is not None:
                return counted
            self._counts_tokens = False
        return math.ceil(len(text) / _CHARACTERS_PER_TOKEN)

    async def ready(self) -> bool:
        """Whether the server answers and has the model."""
        try:
            response = await self._client.get(f"{self._base_url}/models", timeout=2)
        except httpx.HTTPError:
            return False
        if response.status_code != 200:
            return False
        models = response.json().get("data", [])
        return any(model.get("id") == self._model for model in models)

    async def aclose(self) -> None:
        await self._client.aclose()

    async def _tokenize(self, text: str) -> int | None:
        """Tokens by vLLM's own route; None where the server has none."""
        root = self._base_url.removesuffix("/v1")
        body = {"model": self._model, "prompt": text, "add_special_tokens": False}
        try:
            response = await self._client.post(f"{root}/tokenize", json=body, timeout=5)
        except httpx.HTTPError as error:
            raise Unavailable(
                "The language model does not answer.", code=_CODE, retry_after_s=_RETRY_AFTER_S
            ) from error
        return int(response.json()["count"]) if response.status_code == 200 else None

    @asynccontextmanager
    async def _open(self, body: dict[str, Any], *, timeout_s: float) -> AsyncGenerator[httpx.Response]:
        request = self._client.build_request(
            "POST",
            f"{self._base_url}/chat/completions",
            json=body,
            timeout=httpx.Timeout(timeout_s, connect=self._connect_timeout_s),
        )
        try:
            response = await self._client.send(request, stream=True)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise Unavailable(
                "The language model cannot be reached; it may still be loading.",
                code=_CODE,
                retry_after_s=_RETRY_AFTER_S,
            ) from error
        except httpx.TimeoutException as error:
            raise _silent(timeout_s) from error
        except httpx.TransportError as error:
            raise Unavailable(
                "The language model's server closed the connection.", code=_CODE, retry_after_s=_RETRY_AFTER_S
            ) from error
        try:
            if response.status_code != 200:
                raise _refusal(response.status_code, await _beginning(response))
            yield response
        finally:
            await response.aclose()

    async def _chunks(self, response: httpx.Response, *, timeout_s: float) -> AsyncGenerator[dict[str, Any]]:
        """The JSON chunks of a stream, up to its `[DONE]`."""
        lines = response.aiter_lines()
        while True:
            try:
                # Not wait_for, which on Python 3.11 loses a cancellation that comes together with a line.
                async with asyncio.timeout(timeout_s):
                    line = await anext(lines)
            except StopAsyncIteration as error:
                raise _cut_off() from error
            except (httpx.TransportError, httpx.StreamError) as error:
                if isinstance(error, httpx.TimeoutException):
                    raise _silent(timeout_s) from error
                raise _cut_off() from error
            except TimeoutError as error:
                raise _silent(timeout_s) from error
            if not line.startswith("data:"):
                continue
            data = line.removeprefix("data:").strip()
            if data == "[DONE]":
                return
            yield _parsed(data)


async def _joined(chunks: AsyncIterator[dict[str, Any]]) -> AsyncGenerator[ChatDelta]:
    """Deltas of text; the last one carries the finish reason and the usage, which come in chunks of their own."""
    finish_reason: str | None = None
    usage: TokenUsage | None = None
    async for chunk in chunks:
        if "error" in chunk:
            raise Broken(f"The language model failed: {_message(chunk['error'])}", code="generator_failed")
        if counted := chunk.get("usage"):
            usage = TokenUsage(int(counted["prompt_tokens"]), int(counted.get("completion_tokens", 0)))
        for choice in chunk.get("choices", []):
            text = choice.get("delta", {}).get("content") or ""
            if text:
                yield ChatDelta(text)
            finish_reason = choice.get("finish_reason") or finish_reason
    if finish_reason is None:
        raise _cut_off()
    yield ChatDelta("", finish_reason=finish_reason, usage=usage)


def _parsed(data: str) -> dict[str, Any]:
    try:
        chunk = json.loads(data) if len(data) <= _MAX_LINE else None
    except (ValueError, RecursionError):
        chunk = None
    if not isinstance(chunk, dict):
        raise Broken("The language model sent something that is not its protocol.", code="generator_failed")
    return chunk


async def _beginning(response: httpx.Response) -> bytes:
    """Enough of a body to tell why; the rest is left unread."""
    async for piece in response.aiter_bytes(4096):
        return piece
    return b""


def _refusal(status: int, body: bytes) -> AssayError:
    reason = _reason(body)
    if status in (429, 503, 502, 500, 504):
        return Unavailable(
            f"The language model cannot take the request now ({status}): {reason}", code=_CODE, retry_after_s=5
        )
    if status == 404:
        return Unavailable(f"The language model is not served: {reason}", code=_CODE, retry_after_s=_RETRY_AFTER_S)
    if status in (401, 403):
        return Broken("The language model's server refuses our key.", code="generator_key")
    return Invalid(f"The language model refuses the request ({status}): {reason}", code="generator_refused")


def _reason(body: bytes) -> str:
    try:
        return _message(json.loads(body).get("error", "no reason given"))
    except (ValueError, AttributeError):
        return "no reason given"


def _message(error: object) -> str:
    text = error.get("message", "no reason given") if isinstance(error, dict) else error
    return str(text)[:300]


def _cut_off() -> Broken:
    return Broken("The language model broke off in the middle of its answer.", code="generator_broke_off")


def _silent(timeout_s: float) -> Exhausted:
    return Exhausted(f"The language model was silent for {timeout_s:.0f} s.", code="deadline")
