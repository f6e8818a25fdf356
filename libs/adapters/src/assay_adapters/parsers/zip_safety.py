"""ZIP archives from strangers: what they may hold is checked before anything is unpacked."""

import copy
import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from assay_core.errors import Invalid

from assay_adapters.parsers.limits import ParseLimits
from assay_adapters.parsers.ole import encrypted, refuse_encrypted

MAX_ENTRIES = 10_000
# XML in Office files packs to a tenth or a twentieth; the cap keeps a large upload from multiplying.
_MAX_RATIO = 20
_MAX_TIMES_LIMIT = 4
STEP_BYTES = 256 * 1024
_ENCRYPTED_FLAG = 0x1
DAMAGE = (BadZipFile, zlib.error, EOFError, OSError, ValueError, struct.error, NotImplementedError, OverflowError)


def directory_of(data: bytes, *, name: str) -> ZipFile:
    """The archive with its table of contents alone: no entry has been looked at.

    Raises:
        Invalid: too_large or broken.
    """
    _check_count(_directory_entries(data), name)
    try:
        archive = ZipFile(io.BytesIO(data))
    except DAMAGE as e:
        raise _broken(name, e) from e
    _check_count(len(archive.infolist()), name)
    return archive


def open_zip(data: bytes, *, name: str, limits: ParseLimits) -> ZipFile:
    """The archive, when none of its entries can cost more than it says and the sum stays within the limits.

    A damaged entry is no reason to refuse here: `read_entry` says so when it is needed.

    Raises:
        Invalid: too_large, encrypted or broken.
    """
    refuse_encrypted(data, name=name)
    archive = directory_of(data, name=name)
    entries = archive.infolist()
    check_ratio(sum(entry.file_size for entry in entries), len(data), name, limits)
    for entry in entries:
        _check_entry(archive, entry, name)
    return archive


def read_entry(archive: ZipFile, path: str, *, name: str) -> bytes:
    """The bytes of one entry of an archive that `open_zip` let through.

    Raises:
        Invalid: broken.
    """
    try:
        return archive.read(path)
    except (*DAMAGE, KeyError) as e:
        raise Invalid(f"{name!r} is damaged: its part {path!r} cannot be unpacked", code="broken") from e


def entry_steps(archive: ZipFile, path: str) -> Iterator[bytes]:
    """The bytes of one entry of an archive that `open_zip` let through, a step at a time; damage ends them."""
    with suppress(*DAMAGE, KeyError), archive.open(path) as stream:
        while step := stream.read(STEP_BYTES):
            yield step


def _directory_entries(data: bytes) -> int:
    """How many entries the directory at the end lists, counted before `zipfile` makes an object of each."""
    end = data.rfind(b"PK\x05\x06")
    if end < 0 or end + 16 > len(data):
        return 0
    (directory_bytes,) = struct.unpack_from("<L", data, end + 12)
    return data.count(b"PK\x01\x02", max(0, end - directory_bytes), end)


def _check_count(entries: int, name: str) -> None:
    if entries > MAX_ENTRIES:
        raise Invalid(f"{name!r} holds {entries:,} entries; the limit is {MAX_ENTRIES:,}: split it", code="too_large")


def check_ratio(inflated_bytes: int, packed_bytes: int, name: str, limits: ParseLimits) -> None:
    """Raises `Invalid` (too_large) where so much came, or is said to come, out of so little."""
    largest = max(limits.max_bytes, min(_MAX_RATIO * packed_bytes, _MAX_TIMES_LIMIT * limits.max_bytes))
    if inflated_bytes > largest:
        raise Invalid(
            f"{name!r} unpacks to {inflated_bytes:,} bytes; the limit is {largest:,}: split it", code="too_large"
        )


def _check_entry(archive: ZipFile, entry: ZipInfo, name: str) -> None:
    if entry.flag_bits & _ENCRYPTED_FLAG:
        raise encrypted(name)
    if entry.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        raise Invalid(
            f"{name!r} is packed by a method other than Deflate ({entry.filename!r}): pack it again", code="broken"
        )
    if _inflates_to_more(archive, entry):
        raise Invalid(
            f"{name!r} lies about its size: {entry.filename!r} unpacks to more than the {entry.file_size:,} bytes "
            "that it declares. Pack it again",
            code="too_large",
        )


def _inflates_to_more(archive: ZipFile, entry: ZipInfo) -> bool:
    """`zipfile` cuts an entry at its declared size, but only after all of it is in memory: so look in steps."""
    longer = copy.copy(entry)
    longer.file_size += 1
    longer.CRC = None  # pyright: ignore[reportAttributeAccessIssue]  # no sum is expected: it is of the shorter one
    total = 0
    try:
        with archive.open(longer) as stream:
            while step := stream.read(STEP_BYTES):
                total += len(step)
    except DAMAGE:
        return False
    return total > entry.file_size


def _broken(name: str, error: Exception) -> Invalid:
    return Invalid(f"{name!r} is damaged: it is no whole ZIP archive ({error})", code="broken")
