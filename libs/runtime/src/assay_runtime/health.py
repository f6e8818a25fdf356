"""Health of a process: alive, and ready with reasons.

`/livez` never depends on peers. `/readyz` asks every check; a check that raises is not ready, and says why.
"""

import json
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from assay_core.errors import AssayError, Unavailable
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from assay_runtime.settings import HttpSettings

Check = Callable[[], None]
"""Returns if all is well, raises an `AssayError` that says what is not."""


def run_checks(checks: Mapping[str, Check]) -> tuple[bool, dict[str, object]]:
    """Ask every check. Returns whether all passed, and the body of `/readyz`."""
    results: dict[str, object] = {}
    ready = True
    for name, check in checks.items():
        try:
            check()
            results[name] = {"ok": True, "detail": ""}
        except AssayError as error:
            ready = False
            results[name] = {"ok": False, "detail": error.message}
    return ready, {"ready": ready, "checks": results}


def one_at_a_time(check: Check, *, busy: str) -> Check:
    """`check` for many callers: while it runs for one, the others are told `busy` instead of queueing up behind it."""
    running = threading.Lock()

    def guarded() -> None:
        if not running.acquire(blocking=False):
            raise Unavailable(busy)
        try:
            check()
        finally:
            running.release()

    return guarded


def serve_in_background(settings: HttpSettings, checks: Mapping[str, Check]) -> ThreadingHTTPServer:
    """`/livez`, `/readyz` and `/metrics` for a process that serves no other HTTP, in a daemon thread."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/livez":
                self._reply(200, b'{"live": true}', "application/json")
            elif self.path == "/readyz":
                ready, body = run_checks(checks)
                self._reply(200 if ready else 503, json.dumps(body).encode(), "application/json")
            elif self.path == "/metrics":
                self._reply(200, generate_latest(), CONTENT_TYPE_LATEST)
            else:
                self._reply(404, b"{}", "application/json")

        def _reply(self, status: int, body: bytes, media_type: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(body)))
            # Who asked may have gone by now.
            with suppress(ConnectionError):
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Health requests are not worth a line."""

    server = ThreadingHTTPServer((settings.host, settings.port), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 5}, name="health", daemon=True).start()
    return server
