"""Finding known bytes in files, whatever they lie in: as they are, and inside zstd, gzip and parquet.

What is looked for is a window of 16 bytes, remembered as a keyed 64-bit fingerprint. So what was erased can be looked
for without being kept: a fingerprint says nothing of its window to those who lack the key, and its key is derived from
the master key. Of 10 GB looked through for 100,000 marks, a chance hit is expected once in 20,000 times.
"""

import contextlib
import mmap
import stat
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

WINDOW_BYTES = 16
_BLOCK_BYTES = 4 << 20
_READ_BYTES = 512 << 20
_DECODED_BYTES = 256 << 20
_PIECE_BYTES = 1 << 20
_ZSTD = b"\x28\xb5\x2f\xfd"
_GZIP = b"\x1f\x8b\x08"
_PARQUET = b"PAR1"
_BUCKET_BITS = 20

Words = NDArray[np.uint64]
Buffer = bytes | mmap.mmap


class Fingerprints:
    """Fingerprints under one key of 32 bytes."""

    def __init__(self, key: bytes) -> None:
        words = np.frombuffer(key, dtype="<u8", count=4)
        # Odd factors lose nothing.
        self._first, self._second, self._third = (np.uint64(int(word) | 1) for word in words[:3])

    def of(self, window: bytes) -> int:
        """The fingerprint of the first 16 bytes of `window`."""
        if len(window) < WINDOW_BYTES:
            raise ValueError(f"{len(window)} bytes are too few to be looked for; {WINDOW_BYTES} are needed")
        return int(self.all_of(window[:WINDOW_BYTES], 0)[0])

    def all_of(self, block: bytes | memoryview, shift: int) -> Words:
        """The fingerprints of the windows that begin at `shift`, and every eight bytes after it."""
        count = (len(block) - shift) // 8
        words = np.frombuffer(block, dtype="<u8", count=count, offset=shift)
        with np.errstate(over="ignore"):
            mixed = (words[:-1] * self._first) ^ (words[1:] * self._second)
            mixed ^= mixed >> np.uint64(29)
            mixed *= self._third
            mixed ^= mixed >> np.uint64(32)
        return mixed


@dataclass(frozen=True, slots=True)
class Seen:
    """A mark in a file; `inside` names what it was wrapped in, empty if nothing."""

    file: Path
    mark: int
    inside: str


@dataclass(frozen=True, slots=True)
class _Stamp:
    """A file as it was at one time."""

    file: Path
    inode: int
    size_bytes: int
    changed_ns: int

    @property
    def identity(self) -> tuple[Path, int]:
        return self.file, self.inode


def _stamps(root: Path, without: Collection[Path]) -> set[_Stamp]:
    found: set[_Stamp] = set()
    for file in root.rglob("*"):
        if any(folder in file.parents for folder in without) or file.is_symlink():
            continue
        with contextlib.suppress(FileNotFoundError):
            status = file.stat()
            if stat.S_ISREG(status.st_mode):
                found.add(_Stamp(file, status.st_ino, status.st_size, status.st_mtime_ns))
    return found


class ByteScanner:
    """Looks for marks, which are fingerprints under one key."""

    def __init__(self, fingerprints: Fingerprints, marks: Iterable[int]) -> None:
        self._fingerprints = fingerprints
        self._marks = np.unique(np.fromiter(marks, dtype=np.uint64))
        self._buckets = np.zeros(1 << _BUCKET_BITS, dtype=bool)
        self._buckets[self._bucket(self._marks)] = True

    def file(self, path: Path) -> Iterator[Seen]:
        """What a file holds, each mark once for each way in which it is wrapped.

        Raises:
            OSError: it cannot be read.
        """
        size_bytes = path.stat().st_size
        if size_bytes < WINDOW_BYTES:
            return
        with path.open("rb") as stream:
            if size_bytes <= _READ_BYTES:
                # A mapped file that shrinks meanwhile would end this process.
                yield from self._content(path, stream.read())
            else:
                with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
                    yield from self._content(path, content)

    def _content(self, path: Path, content: Buffer) -> Iterator[Seen]:
        for mark in self.buffer(content):
            yield Seen(path, mark, "")
        for inside, decoded in unwrapped(content):
            for mark in self.buffer(decoded):
                yield Seen(path, mark, inside)

    def folder(self, root: Path, *, without: Collection[Path] = (), tries: int = 20) -> set[Seen]:
        """What the files below a folder hold, while servers may be writing there.

        A server that merges files moves bytes from one that was not looked at yet to one that was not there yet. So
        this looks again at what is new, until no file has come or gone meanwhile.

        Args:
            without: folders to leave out.

        Raises:
            TimeoutError: files came and went at each try.
            OSError: a file cannot be read.
        """
        known: dict[_Stamp, set[Seen]] = {}
        for _ in range(tries):
            before = _stamps(root, without)
            for stamp in before - known.keys():
                with contextlib.suppress(FileNotFoundError):
                    known[stamp] = set(self.file(stamp.file))
            if {stamp.identity for stamp in _stamps(root, without)} == {stamp.identity for stamp in before}:
                return {seen for stamp in before for seen in known.get(stamp, ())}
        raise TimeoutError(f"files below {root} come and go faster than they can be looked through, {tries} times")

    def buffer(self, content: Buffer) -> set[int]:
        """The marks in a buffer, at whatever offset."""
        found: set[int] = set()
        if not self._marks.size:
            return found
        for start in range(0, max(1, len(content) - WINDOW_BYTES + 1), _BLOCK_BYTES):
            block = content[start : start + _BLOCK_BYTES + WINDOW_BYTES - 1]
            if not block.strip(b"\0"):
                # What a server has set aside, such as etcd's 128 MB.
                block = block[:WINDOW_BYTES]
            for shift in range(min(8, len(block) - WINDOW_BYTES + 1)):
                prints = self._fingerprints.all_of(block, shift)
                likely = prints[self._buckets[self._bucket(prints)]]
                places = np.minimum(np.searchsorted(self._marks, likely), len(self._marks) - 1)
                found.update(int(one) for one in likely[self._marks[places] == likely])
        return found

    @staticmethod
    def _bucket(prints: Words) -> Words:
        return prints >> np.uint64(64 - _BUCKET_BITS)


def unwrapped(content: Buffer) -> Iterator[tuple[str, bytes]]:
    """What zstd frames, gzip members and parquet files in a buffer unpack to; RocksDB's blocks are such frames."""
    yield from (("zstd", decoded) for decoded in _each(content, _ZSTD, _from_zstd))
    yield from (("gzip", decoded) for decoded in _each(content, _GZIP, _from_gzip))
    yield from (("parquet", decoded) for decoded in _each(content, _PARQUET, _from_parquet))


def _each(content: Buffer, magic: bytes, decode: Callable[[Buffer, int], tuple[bytes, int]]) -> Iterator[bytes]:
    place = content.find(magic)
    while place >= 0:
        decoded, used = decode(content, place)
        if decoded:
            yield decoded
        place = content.find(magic, place + max(used, len(magic)))


def _from_zstd(content: Buffer, start: int) -> tuple[bytes, int]:
    import zstandard

    return _decoded(zstandard.ZstdDecompressor().decompressobj(), content, start, zstandard.ZstdError)


def _from_gzip(content: Buffer, start: int) -> tuple[bytes, int]:
    return _decoded(zlib.decompressobj(wbits=31), content, start, zlib.error)


def _from_parquet(content: Buffer, start: int) -> tuple[bytes, int]:
    """The columns of a parquet file that begins at `start`.

    Its pages hold numbers in place of values: Milvus' index files are columns of bytes, of which each page has but
    its number in a dictionary. So it does not do to unpack the pages.
    """
    import pyarrow
    from pyarrow import parquet

    end = _parquet_end(content, start)
    if not end:
        return b"", 0
    decoded = bytearray()
    try:
        file = parquet.ParquetFile(pyarrow.BufferReader(content[start:end]))
        for number in range(file.num_row_groups):
            for column in file.read_row_group(number).columns:
                for chunk in column.chunks:
                    decoded += b"".join(buffer for buffer in chunk.buffers() if buffer is not None)
            if len(decoded) >= _DECODED_BYTES:
                break
    except (pyarrow.ArrowException, OSError):
        return bytes(decoded), 0
    return bytes(decoded), end - start


def _parquet_end(content: Buffer, start: int) -> int:
    """Where it ends: at the length of its footer and the same four bytes again. 0 if it does not."""
    place = content.find(_PARQUET, start + len(_PARQUET))
    while place >= 0:
        footer_bytes = int.from_bytes(content[place - 4 : place], "little")
        if 0 < footer_bytes <= place - 4 - start - len(_PARQUET):
            return place + len(_PARQUET)
        place = content.find(_PARQUET, place + 1)
    return 0


class _Decoder(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


def _decoded(decoder: _Decoder, content: Buffer, start: int, refusal: type[Exception]) -> tuple[bytes, int]:
    """What was decoded, also before damage, and how many bytes that took (0 if it is damaged)."""
    decoded, place = bytearray(), start
    try:
        while place < len(content) and not decoder.eof and len(decoded) < _DECODED_BYTES:
            piece = content[place : place + _PIECE_BYTES]
            decoded += decoder.decompress(piece)
            place += len(piece)
    except refusal:
        return bytes(decoded), 0
    return bytes(decoded), place - start - len(decoder.unused_data)
