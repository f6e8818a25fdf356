"""Ways to break a file: blindly by bytes, or by what its format is made of. All chance comes from the given source."""

import io
import random
import re
import zipfile
import zlib
from collections.abc import Callable, Sequence

from assay_testing.office_files import zipped

Mutation = Callable[[random.Random, bytes], bytes]

_MAX_BYTES = 4 << 20
_NUMBER = re.compile(rb"\d+")
_TAG = re.compile(rb"<[^<>]{1,80}>")
_QUOTED = re.compile(rb'"[^"\n]{0,40}"')
_NUMBERS = (b"0", b"-1", b"1", b"255", b"65536", b"2147483648", b"99999999999999999999", b"1e308", b"NaN")
_TEXTS = (
    *(b"\0", b"\xff\xfe", b"\xed\xa0\x80", "‮​\U000e0041".encode(), b"]]>", b"<!--", b"&#x0;", b"&a;", b"%00"),
    *(b"../../etc/passwd", b"{{7*7}}", b"\\u0000", b"|", b"\r", b"\n\n", b'"', b"=cmd()", "漢字".encode() * 50),
)
_DOCTYPE = (
    b'<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;&b;"><!ENTITY x SYSTEM "file:///etc/passwd">]><a>&c;&x;'
)
_STREAM = re.compile(rb"stream\n(.*?)\nendstream", re.S)


def mutated(rng: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """A file broken in one to six ways; `others` lend their parts."""
    for _ in range(rng.choice((1, 1, 2, 3, 6))):
        data = rng.choice(_fitting(data))(rng, data)
        if rng.random() < 0.05:
            data = _spliced(rng, data, rng.choice(others))
    return data[:_MAX_BYTES]


def _fitting(data: bytes) -> list[Mutation]:
    ways = [*_BLIND, *_WORDS]
    if data.startswith(b"PK\x03\x04"):
        return [*_BLIND, *[_in_archive] * 3 * len(_BLIND), _without_entry, _entry_twice]
    if data.startswith(b"%PDF"):
        return [*ways, *[_in_stream] * 4, *[_other_number] * 4]
    return [*ways, *ways, *_TAGS] if b"<" in data else ways


def _flipped(rng: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 2, 8, 64))):
        if changed:
            changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _overwritten(rng: random.Random, data: bytes) -> bytes:
    at = rng.randrange(len(data) + 1)
    value = rng.choice((b"\0" * 4, b"\xff" * 4, b"\x7f\xff\xff\xff", b"\0\0\1\0", rng.randbytes(8)))
    return data[:at] + value + data[at + len(value) :]


def _cut(rng: random.Random, data: bytes) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def _without(rng: random.Random, data: bytes) -> bytes:
    start, end = _span(rng, data)
    return data[:start] + data[end:]


def _twice(rng: random.Random, data: bytes) -> bytes:
    start, end = _span(rng, data)
    return data[:end] + data[start:end] * rng.choice((1, 2, 50, 2000)) + data[end:]


def _noise(rng: random.Random, data: bytes) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + rng.randbytes(rng.choice((1, 16, 1000))) + data[at:]


def _strange_text(rng: random.Random, data: bytes) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + rng.choice(_TEXTS) * rng.choice((1, 1, 100)) + data[at:]


def _other_number(rng: random.Random, data: bytes) -> bytes:
    return _replaced(rng, data, _NUMBER, lambda _: rng.choice(_NUMBERS))


def _other_quoted(rng: random.Random, data: bytes) -> bytes:
    return _replaced(rng, data, _QUOTED, lambda _: b'"' + rng.choice((*_NUMBERS, *_TEXTS)) + b'"')


def _nested(rng: random.Random, data: bytes) -> bytes:
    return _replaced(rng, data, _TAG, lambda tag: tag * rng.choice((2, 30, 3000)))


def _without_tag(rng: random.Random, data: bytes) -> bytes:
    return _replaced(rng, data, _TAG, lambda _: b"")


def _with_entities(_: random.Random, data: bytes) -> bytes:
    head = data.find(b"?>") + 2 if data.lstrip().startswith(b"<?xml") else 0
    return data[:head] + _DOCTYPE + data[head:]


def _in_stream(rng: random.Random, data: bytes) -> bytes:
    """What is packed in a stream of a PDF is broken inside, and packed again."""
    found = _STREAM.search(data)
    if found is None:
        return data
    try:
        content = zlib.decompress(found[1])
    except zlib.error:
        return data
    packed = zlib.compress(rng.choice((*_BLIND, *_WORDS))(rng, content))
    return data[: found.start(1)] + packed + data[found.end(1) :]


def _in_archive(rng: random.Random, data: bytes) -> bytes:
    """One entry is broken inside, and the archive packed again."""
    entries = _entries(data)
    if not entries:
        return _flipped(rng, data)
    path = rng.choice(list(entries))
    entries[path] = rng.choice((*_BLIND, *_WORDS, *_TAGS, *_TAGS))(rng, entries[path])[:_MAX_BYTES]
    return zipped(entries)


def _without_entry(rng: random.Random, data: bytes) -> bytes:
    entries = _entries(data)
    if entries:
        del entries[rng.choice(list(entries))]
    return zipped(entries) if entries else data


def _entry_twice(rng: random.Random, data: bytes) -> bytes:
    """An entry under another's name, or one that points out of the archive."""
    entries = _entries(data)
    if entries:
        paths = list(entries)
        entries[rng.choice((*paths, "../../etc/passwd", "a" * 4000, "CON"))] = entries[rng.choice(paths)]
    return zipped(entries) if entries else data


def _entries(data: bytes) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = [info.filename for info in archive.infolist() if info.file_size < _MAX_BYTES][:50]
            return {name: archive.read(name) for name in names}
    except (zipfile.BadZipFile, zlib.error, ValueError, OSError, RuntimeError, EOFError, NotImplementedError, KeyError):
        return {}


def _spliced(rng: random.Random, data: bytes, other: bytes) -> bytes:
    return data[: rng.randrange(len(data) + 1)] + other[rng.randrange(len(other) + 1) :]


def _span(rng: random.Random, data: bytes) -> tuple[int, int]:
    start = rng.randrange(len(data) + 1)
    return start, min(len(data), start + rng.choice((1, 8, 64, 500)))


def _replaced(rng: random.Random, data: bytes, pattern: re.Pattern[bytes], make: Callable[[bytes], bytes]) -> bytes:
    places = list(pattern.finditer(data[: 1 << 16]))
    if not places:
        return _flipped(rng, data)
    found = rng.choice(places)
    return data[: found.start()] + make(found.group()) + data[found.end() :]


_BLIND: tuple[Mutation, ...] = (_flipped, _overwritten, _cut, _without, _twice, _noise)
_WORDS: tuple[Mutation, ...] = (_strange_text, _other_number, _other_quoted)
_TAGS: tuple[Mutation, ...] = (_nested, _without_tag, _with_entities)
