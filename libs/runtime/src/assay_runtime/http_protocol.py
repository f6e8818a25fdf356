"""uvicorn's HTTP protocol with deadlines. Plain uvicorn waits for ever for a head, and for a reader that stands still.

A client that sends a byte a second, or reads one, would hold a connection each; a thousand of them hold the server.
"""

import asyncio
import json
from typing import Any

from assay_wire import problems
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 64 << 10


class DeadlineProtocol(HttpToolsProtocol):
    """Closes connections whose request head takes too long or is too large, and those that stop reading.

    Time to receive bodies is bounded by the application, which knows how long each may take.
    """

    head_timeout_s = 10.0
    read_timeout_s = 30.0

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._head_deadline: asyncio.TimerHandle | None = None
        self._read_deadline: asyncio.TimerHandle | None = None
        self._head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride] - as in uvicorn
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        _cancel(self._head_deadline, self._read_deadline)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._head_deadline is not None:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._head_deadline is not None and self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            self._refuse(431, "head_too_large", f"The request's head is larger than {MAX_HEAD_BYTES:,} bytes.")

    def on_message_begin(self) -> None:
        if self._head_deadline is None:
            self._await_head()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        _cancel(self._head_deadline)
        self._head_deadline, self._head_bytes = None, 0
        super().on_headers_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._read_deadline = self.loop.call_later(self.read_timeout_s, self.transport.abort)

    def resume_writing(self) -> None:
        _cancel(self._read_deadline)
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        self._refuse(400, "bad_http", msg)

    def _await_head(self) -> None:
        self._head_deadline = self.loop.call_later(self.head_timeout_s, self.transport.abort)

    def _refuse(self, status: int, code: str, detail: str) -> None:
        body = json.dumps(problems.problem(status, code, detail).model_dump(exclude_none=True)).encode()
        head = (
            f"HTTP/1.1 {status} {'Bad Request' if status == 400 else 'Request Header Fields Too Large'}\r\n"
            f"content-type: {problems.MEDIA_TYPE}\r\n"
            f"content-length: {len(body)}\r\n"
            "content-security-policy: default-src 'none'; frame-ancestors 'none'\r\n"
            "x-content-type-options: nosniff\r\n"
            "connection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()


def _cancel(*timers: asyncio.TimerHandle | None) -> None:
    for timer in timers:
        if timer is not None:
            timer.cancel()
