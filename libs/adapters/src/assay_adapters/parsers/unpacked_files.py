"""What a parsing process writes of an archive: for each file a JSON line (path, size) and its bytes; then a last line.

The reader trusts nothing: the writer has handled hostile bytes.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from assay_core.errors import Invalid
from assay_core.ports import UnpackedFile

from assay_adapters.parsers.results import CODES, Malformed
from assay_adapters.parsers.unpacking import MAX_MEMBERS

_MAX_LINE_BYTES = 64 * 1024
_MAX_LEFT_OUT = 20
_MAX_MESSAGE_CHARS = 1000


def frame(path: str, content: bytes) -> bytes:
    return _line({"path": path, "size": len(content)}) + content


def last_frame(left_out: list[str]) -> bytes:
    told = [why[:_MAX_MESSAGE_CHARS] for why in left_out[:_MAX_LEFT_OUT]]
    return _line({"left_out": told, "left_out_count": len(left_out)})


def error_frame(error: Invalid) -> bytes:
    return _line({"code": error.code, "error": error.message[:_MAX_MESSAGE_CHARS]})


@dataclass(slots=True)
class Frames:
    """Reads frames from `read`, which gives up to so many bytes and nothing at the end."""

    read: Callable[[int], bytes]
    max_bytes: int
    left_out: tuple[str, ...] = ()
    complete: bool = False
    _buffer: bytes = b""

    def files(self) -> Iterator[UnpackedFile]:
        """The files in order; `complete` afterwards if the last line came.

        Raises:
            Invalid: the error that was written.
            Malformed: the frames cannot be believed.
        """
        for _ in range(MAX_MEMBERS + 1):
            head = self._head()
            if head is None:
                return
            match head:
                case {"path": str(path), "size": int(size)} if 0 <= size <= self.max_bytes:
                    yield UnpackedFile(path, self._take(size))
                case {"left_out": list(told), "left_out_count": int(count)}:
                    self._end([str(why)[:_MAX_MESSAGE_CHARS] for why in told[:_MAX_LEFT_OUT]], count)
                    return
                case {"code": str(code), "error": str(message)} if code in CODES:
                    raise Invalid(message[:_MAX_MESSAGE_CHARS], code=code)
                case _:
                    raise Malformed("a line that names no file")
        raise Malformed("more files than an archive may hold")

    def _end(self, told: list[str], count: int) -> None:
        more = [f"{count - len(told):,} more files were left out"] if count > len(told) else []
        self.left_out, self.complete = (*told, *more), True

    def _head(self) -> object:
        while b"\n" not in self._buffer:
            piece = self.read(_MAX_LINE_BYTES)
            if not piece:
                return None
            self._buffer += piece
            if b"\n" not in self._buffer and len(self._buffer) > _MAX_LINE_BYTES:
                raise Malformed("a line without an end")
        line, self._buffer = self._buffer.split(b"\n", 1)
        try:
            return json.loads(line)
        except (ValueError, RecursionError) as e:
            raise Malformed("not a JSON line") from e

    def _take(self, size: int) -> bytes:
        pieces = [self._buffer[:size]]
        left = size - len(pieces[0])
        self._buffer = self._buffer[size:]
        while left > 0:
            piece = self.read(min(left, 1 << 18))
            if not piece:
                raise Malformed("a file without its end")
            pieces.append(piece)
            left -= len(piece)
        return b"".join(pieces)


def _line(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=True).encode() + b"\n"
