"""Server-sent events (WHATWG HTML, section 9.2): writing and reading."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

MEDIA_TYPE = "text/event-stream"
HEARTBEAT = b": keep-alive\n\n"


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """An event of a stream; `data` is JSON."""

    event: str
    data: str
    id: str | None = None


def encode(event: ServerEvent) -> bytes:
    """The bytes of an event. JSON has no raw newlines, so one data line is enough; others are split."""
    lines = [f"id: {event.id}"] if event.id is not None else []
    if event.event:
        lines.append(f"event: {event.event}")
    lines += [f"data: {line}" for line in event.data.split("\n")]
    return ("\n".join(lines) + "\n\n").encode()


async def decode(lines: AsyncIterator[str]) -> AsyncIterator[ServerEvent]:
    """Events of a stream of lines; comments are passed over, an unfinished last event is dropped."""
    name, data, identity = "", list[str](), None
    async for line in lines:
        line = line.rstrip("\r\n")
        if not line:
            if data:
                yield ServerEvent(name, "\n".join(data), identity)
            name, data = "", []
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            name = value
        elif field == "data":
            data.append(value)
        elif field == "id":
            identity = value
