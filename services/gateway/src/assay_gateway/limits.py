"""What the door holds back before any route sees it: bodies too large, too deep or too slow, and too many at once."""

import asyncio
import re
from collections.abc import Generator
from contextlib import contextmanager

from assay_core.errors import Exhausted, Invalid
from assay_runtime.http_shell import problem_response
from assay_wire import problems, public
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_JSON_DEPTH = 64
MAX_DIGITS = 1_000
_UPLOAD = re.compile(r"POST /v1/collections/[^/]+/(?:documents|passages)|PUT /v1/documents/[^/]+")
_HEALTH = ("/livez", "/readyz", "/metrics")
_JSON = re.compile(r"application/(?:[\w.+-]+\+)?json", re.ASCII)
# Possessive, and content with an unfinished end: no start is tried twice, so that the time is linear in any input.
_TEXTS = re.compile(rb'"(?:[^"\\]++|\\.?)*+"?', re.DOTALL)
_LONG_NUMBER = re.compile(rb"\d{%d}" % (MAX_DIGITS + 1))
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


class Slots:
    """Room for so many of one kind at once; whoever finds no room is told so at once."""

    def __init__(self, size: int, *, what: str) -> None:
        self._free = size
        self._size = size
        self._what = what

    @contextmanager
    def taken(self) -> Generator[None]:
        """Hold a slot. Raises `Exhausted` if all are taken."""
        self.take()
        try:
            yield
        finally:
            self.give_back()

    def take(self) -> None:
        if self._free == 0:
            raise Exhausted(
                f"{self._size} {self._what} are being served, which is all this process takes; try again in a moment.",
                code="busy",
                retry_after_s=1,
            )
        self._free -= 1

    def give_back(self) -> None:
        self._free += 1


def check_question(text: str, *, what: str = "question") -> str:
    """The text of a question. Raises `Invalid` if it is empty, holds no letter or digit, or is too long."""
    if not text.strip():
        raise Invalid(f"The {what} is empty; write what you want to know.", code="empty_question")
    if len(text) > public.MAX_QUESTION_CHARS:
        raise Invalid(
            f"The {what} has {len(text):,} characters; the limit is {public.MAX_QUESTION_CHARS:,}. Ask more briefly,"
            " or upload the long text as a document.",
            code="question_too_long",
        )
    if not any(map(str.isalnum, text)):
        raise Invalid(
            f"The {what} holds signs alone; write at least one word or number.", code="question_without_words"
        )
    return text


class InFlight:
    """Bounds the requests that are served at once; health is always answered."""

    def __init__(self, app: ASGIApp, *, limit: int) -> None:
        self._app = app
        self._slots = Slots(limit, what="requests")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in _HEALTH:
            await self._app(scope, receive, send)
            return
        try:
            self._slots.take()
        except Exhausted as error:
            await _refuse(error, scope, receive, send)
            return
        try:
            await self._app(scope, receive, send)
        finally:
            self._slots.give_back()


class BodyGate:
    """Receives JSON bodies whole, within a size, a depth and a time, before the application sees them.

    Uploads pass: they have limits of their own, kept while they stream.
    """

    def __init__(self, app: ASGIApp, *, max_bytes: int, timeout_s: float = 10.0) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._timeout_s = timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or _UPLOAD.fullmatch(f"{scope['method']} {scope['path']}"):
            await self._app(scope, receive, send)
            return
        try:
            body = await self._body(scope, receive)
        except (Invalid, Exhausted) as error:
            await _refuse(error, scope, receive, send)
            return
        if body is not None:
            await self._app(scope, _replay(body, receive), send)

    async def _body(self, scope: Scope, receive: Receive) -> bytes | None:
        headers = Headers(scope=scope)
        declared = headers.get("content-length", "0")
        if declared.isdecimal() and (len(declared) > 18 or int(declared) > self._max_bytes):
            raise self._too_large()
        try:
            async with asyncio.timeout(self._timeout_s):
                body = await self._read(receive)
        except TimeoutError:
            raise Invalid(
                f"The body did not arrive within {self._timeout_s:.0f} s; send it faster.", code="too_slow"
            ) from None
        if body:
            _check_media_type(headers.get("content-type", ""))
            check_depth(body)
            check_numbers(body)
        return body

    async def _read(self, receive: Receive) -> bytes | None:
        pieces, size = list[bytes](), 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            piece = message.get("body", b"")
            size += len(piece)
            if size > self._max_bytes:
                raise self._too_large()
            pieces.append(piece)
            if not message.get("more_body", False):
                return b"".join(pieces)

    def _too_large(self) -> Invalid:
        return Invalid(
            f"The body is larger than {self._max_bytes:,} bytes (http.max_body_bytes); send less at once, and long"
            " texts as documents.",
            code="too_large",
        )


def check_depth(body: bytes) -> None:
    """Raise `Invalid` for JSON that nests deeper than anything that we read."""
    if body.count(b"[") + body.count(b"{") <= MAX_JSON_DEPTH:
        return
    depth = 0
    for bracket in _TEXTS.sub(b"", body).translate(None, _NO_BRACKETS):
        depth += 1 if bracket in b"[{" else -1
        if depth > MAX_JSON_DEPTH:
            raise Invalid(f"The JSON nests deeper than {MAX_JSON_DEPTH} levels; flatten it.", code="too_deep")


def check_numbers(body: bytes) -> None:
    """Raise `Invalid` for JSON with a number so long that reading it takes more than linear time."""
    if _LONG_NUMBER.search(body) and _LONG_NUMBER.search(_TEXTS.sub(b"", body)):
        raise Invalid(
            f"The JSON holds a number of more than {MAX_DIGITS:,} digits; send a shorter one.", code="long_number"
        )


def _check_media_type(given: str) -> None:
    media_type = given.partition(";")[0].strip().lower()
    if not _JSON.fullmatch(media_type):
        raise Invalid(
            f"The body's Content-Type is {given[:100]!r}; send application/json.", code="unsupported_media_type"
        )


def _replay(body: bytes, receive: Receive) -> Receive:
    given = False

    async def replayed() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed


async def _refuse(error: Invalid | Exhausted, scope: Scope, receive: Receive, send: Send) -> None:
    body = problems.from_error(error, request_id=scope.get("state", {}).get("request_id"))
    await problem_response(body)(scope, receive, send)
