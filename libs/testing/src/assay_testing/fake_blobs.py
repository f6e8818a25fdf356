import io
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from assay_core.errors import Invalid, NotFound


class FakeBlobStore:
    """Blobs in a dictionary, visible as `held`."""

    def __init__(self) -> None:
        self.held: dict[str, bytes] = {}
        self.room_bytes = 1 << 50

    def put(self, key: str, chunks: Iterable[bytes]) -> int:
        data = b"".join(chunks)
        self.held[_checked(key)] = data
        return len(data)

    def open(self, key: str) -> BinaryIO:
        if _checked(key) not in self.held:
            raise NotFound(f"there is no blob {key!r}")
        return io.BytesIO(self.held[key])

    def rename(self, source: str, target: str) -> None:
        if _checked(source) not in self.held:
            raise NotFound(f"there is no blob {source!r}")
        self.held[_checked(target)] = self.held.pop(source)

    def delete(self, prefix: str) -> int:
        below = _checked(prefix) + "/"
        doomed = [key for key in self.held if key == prefix or key.startswith(below)]
        for key in doomed:
            del self.held[key]
        return len(doomed)

    def keys(self, prefix: str) -> Iterator[str]:
        below = _checked(prefix) + "/" if prefix else ""
        yield from [key for key in self.held if key.startswith(below)]

    def free_bytes(self) -> int:
        return self.room_bytes


def _checked(key: str) -> str:
    if not all(part.strip(".") for part in key.split("/")) or "\\" in key or "\0" in key:
        raise Invalid(f"{key!r} is no blob key; use names separated by single slashes")
    return key
