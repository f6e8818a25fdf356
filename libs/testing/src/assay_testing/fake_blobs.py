import io
import time
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from assay_core.errors import Invalid, NotFound


class FakeBlobStore:
    """Blobs in a dictionary, visible as `held`; `written_s` (time.time) may be set back to make one old."""

    def __init__(self) -> None:
        self.held: dict[str, bytes] = {}
        self.room_bytes = 1 << 50
        self.written_s: dict[str, float] = {}

    def put(self, key: str, chunks: Iterable[bytes]) -> int:
        data = b"".join(chunks)
        self.held[_checked(key)] = data
        self.written_s[key] = time.time()
        return len(data)

    def open(self, key: str) -> BinaryIO:
        if _checked(key) not in self.held:
            raise NotFound(f"there is no blob {key!r}")
        return io.BytesIO(self.held[key])

    def rename(self, source: str, target: str) -> None:
        if _checked(source) not in self.held:
            raise NotFound(f"there is no blob {source!r}")
        self.held[_checked(target)] = self.held.pop(source)
        self.written_s[target] = self.written_s.pop(source)

    def delete(self, prefix: str) -> int:
        below = _checked(prefix) + "/"
        doomed = [key for key in list(self.held) if key == prefix or key.startswith(below)]
        for key in doomed:
            self.held.pop(key, None)
        return len(doomed)

    def keys(self, prefix: str, *, older_than_s: float = 0.0) -> Iterator[str]:
        below, latest_s = _checked(prefix) + "/" if prefix else "", time.time() - older_than_s
        there = [key for key in list(self.held) if key.startswith(below)]
        yield from [key for key in there if self.written_s[key] <= latest_s]

    def free_bytes(self) -> int:
        return self.room_bytes


def _checked(key: str) -> str:
    if not all(part.strip(".") for part in key.split("/")) or "\\" in key or "\0" in key:
        raise Invalid(f"{key!r} is no blob key; use names separated by single slashes")
    return key
