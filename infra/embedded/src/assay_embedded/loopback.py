"""Small questions to servers on this machine, without the weight of a client library in the supervisor."""

import http.client
import json
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from assay_embedded.errors import NotReady

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes

    def json(self) -> Any:
        """Raises: ValueError: it is none."""
        return json.loads(self.body)


def http_request(
    port: int | None,
    path: str,
    *,
    body: object = None,
    headers: Mapping[str, str] | None = None,
    host: str = LOOPBACK,
    timeout_s: float = 3.0,
) -> Answer:
    """GET, or POST if there is a body.

    Raises:
        NotReady: no answer.
    """
    method, payload = ("GET", None) if body is None else ("POST", json.dumps(body))
    sent = {"Content-Type": "application/json", "Connection": "close", **(headers or {})}
    with closing(http.client.HTTPConnection(host, port, timeout=timeout_s)) as connection:
        try:
            connection.request(method, path, body=payload, headers=sent)
            answer = connection.getresponse()
            return Answer(answer.status, answer.read())
        except (OSError, http.client.HTTPException) as e:
            raise NotReady("does not answer yet") from e


def redis_commands(port: int | None, commands: Sequence[Sequence[str]], *, timeout_s: float = 3.0) -> list[str]:
    """Send commands to a Redis-compatible server. Returns the first line of each reply; a text's own for a text.

    Raises:
        NotReady: no answer, or an error as the answer.
    """
    try:
        with socket.create_connection((LOOPBACK, port or 0), timeout=timeout_s) as connection:
            stream = connection.makefile("rb")
            return [_redis_command(connection, stream.readline, command) for command in commands]
    except OSError as e:
        raise NotReady("does not answer yet") from e


def _redis_command(connection: socket.socket, readline: Callable[[], bytes], command: Sequence[str]) -> str:
    words = [word.encode() for word in command]
    connection.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words))
    first = readline().decode(errors="replace").rstrip("\r\n")
    if not first or first.startswith("-"):
        raise NotReady(first.lstrip("-") or "closed the connection")
    if first.startswith("$") and first != "$-1":
        return readline().decode(errors="replace").rstrip("\r\n")
    return first
