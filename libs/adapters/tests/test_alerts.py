"""A webhook and a mail server on this machine get what they are sent; what they refuse is told."""

import json
import socketserver
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from assay_adapters.alerts import Mail, Webhook
from assay_core.errors import Unavailable


@contextmanager
def listening(server: socketserver.TCPServer) -> Generator[int]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server.socket.getsockname()[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize(("status", "refused"), [(204, False), (500, True)])
def test_a_webhook_gets_json_and_its_refusal_is_told(status: int, *, refused: bool) -> None:
    got: list[tuple[str | None, dict[str, object]]] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((self.headers["Authorization"], json.loads(body)))
            self.send_response(status)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None: ...

    with listening(HTTPServer(("127.0.0.1", 0), Hook)) as port:
        hook = Webhook(f"http://127.0.0.1:{port}/hook", token="secret")
        if refused:
            with pytest.raises(Unavailable, match="500"):
                hook.tell("Two alarms", "The index…", {"night": "2026-03-05"})
        else:
            hook.tell("Two alarms", "The index…", {"night": "2026-03-05"})
    ((token, body),) = got
    assert token == "Bearer secret"
    assert body == {"text": "Two alarms\n\nThe index…", "subject": "Two alarms", "night": "2026-03-05"}


def test_a_webhook_that_is_not_there_is_told() -> None:
    with pytest.raises(Unavailable, match="cannot be reached"):
        Webhook("http://127.0.0.1:1/").tell("a", "b", {})


@pytest.mark.parametrize("refused", [False, True])
def test_mail_goes_to_everybody_named(*, refused: bool) -> None:
    said: list[str] = []

    class Server(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self._say("220 here")
            while line := self.rfile.readline().decode().strip():
                said.append(line)
                verb = line.split()[0].upper()
                if verb == "DATA":
                    self._say("354 go on")
                    while (text := self.rfile.readline().decode().rstrip("\r\n")) != ".":
                        said.append(text)
                if verb == "QUIT":
                    return self._say("221 bye")
                self._say("550 unknown" if refused and verb == "RCPT" else "250 ok")

        def _say(self, words: str) -> None:
            self.wfile.write(f"{words}\r\n".encode())

    with listening(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Server)) as port:
        mail = Mail(host="127.0.0.1", port=port, sender="assay@example.org", to=["a@example.org", "b@example.org"])
        if refused:
            with pytest.raises(Unavailable, match="refused"):
                mail.tell("Two alarms", "The index finds too little.", {})
            return
        mail.tell("Two alarms", "The index finds too little.", {})
    assert [line for line in said if line.lower().startswith("rcpt to")] == [
        "rcpt TO:<a@example.org>",
        "rcpt TO:<b@example.org>",
    ]
    assert {"Subject: Two alarms", "The index finds too little."} <= set(said)
