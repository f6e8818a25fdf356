"""Server-sent events (WHATWG HTML, section 9.2): writing and reading."""

from collections.abc import AsyncIterator, Iterable, Iterator
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


class Decoder:
    """Puts bytes together to events; comments are passed over, an unfinished last event is dropped.

    Lines end with LF or CRLF only: JSON may hold U+2028 and its kin unescaped, which general line splitters cut.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._name, self._data = "", list[str]()
        self._id: str | None = None

    def feed(self, piece: bytes) -> Iterator[ServerEvent]:
        """The events that `piece` completes."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            if (event := self._line(line.removesuffix(b"\r").decode())) is not None:
                yield event

    def _line(self, line: str) -> ServerEvent | None:
        if not line:
            return self._complete()
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            self._name = value
        elif field == "data":
            self._data.append(value)
        elif field == "id":
            self._id = value
        return None

    def _complete(self) -> ServerEvent | None:
        event = ServerEvent(self._name, "\n".join(self._data), self._id) if self._data else None
        self._name, self._data = "", []
        return event


async def decode(pieces: AsyncIterator[bytes]) -> AsyncIterator[ServerEvent]:
    """Events of a stream of bytes."""
    decoder = Decoder()
    async for piece in pieces:
        for event in decoder.feed(piece):
            yield event


def decode_sync(pieces: Iterable[bytes]) -> Iterator[ServerEvent]:
    """As `decode`, for code that waits."""
    decoder = Decoder()
    for piece in pieces:
        yield from decoder.feed(piece)
