"""ZIP archives as folders of files. Runs where hostile bytes do no harm: in a parsing process.

Nothing is believed that the archive says of itself: bytes are counted while they are inflated, entries may not
overlap, and names are only labels, since no file is made.
"""

import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo
from zlib import crc32

from assay_core.errors import Invalid

from assay_adapters.parsers.containers import is_plain_zip
from assay_adapters.parsers.limits import ParseLimits
from assay_adapters.parsers.ole import encrypted
from assay_adapters.parsers.zip_safety import DAMAGE, STEP_BYTES, check_ratio, directory_of

MAX_MEMBERS = 2000
MAX_DEPTH = 3
_ENCRYPTED_FLAG = 0x1
_LOCAL_HEADER_BYTES = 30
_MAX_NAME_CHARS = 1000
# What programs leave in archives that nobody packed.
_CLUTTER = ("__MACOSX/", ".DS_Store", "Thumbs.db", "desktop.ini")


@dataclass(slots=True)
class Unpacking:
    """Unpacks one archive and those in it, out of one budget. Afterwards `left_out` says which files and why."""

    name: str
    limits: ParseLimits
    left_out: list[str] = field(default_factory=list[str])
    _members: int = 0
    _inflated_bytes: int = 0
    _packed_bytes: int = 0

    def files(self, data: bytes, *, folder: str = "", depth: int = 1) -> Iterator[tuple[str, bytes]]:
        """Each file as its path and bytes, in the order of the archive.

        Raises:
            Invalid: too_large (entries, bytes or ratio), broken (damaged, or entries overlap) or encrypted.
        """
        self._packed_bytes = self._packed_bytes or len(data)
        archive = directory_of(data, name=self.name)
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        self._refuse_overlaps(archive)
        if entries and all(entry.flag_bits & _ENCRYPTED_FLAG for entry in entries):
            raise encrypted(self.name)
        for entry in entries:
            path = folder + entry.filename.replace("\\", "/")
            if any(mark in f"/{path}" for mark in _CLUTTER):
                continue
            if why := _unreadable(entry):
                self.left_out.append(f"{path[:_MAX_NAME_CHARS]!r} was left out: {why}")
                continue
            yield from self._file(archive, entry, path, depth)

    def _file(self, archive: ZipFile, entry: ZipInfo, path: str, depth: int) -> Iterator[tuple[str, bytes]]:
        content = self._inflated(archive, entry, path)
        if content is None:
            self.left_out.append(f"{path!r} was left out: it is damaged")
        elif not is_plain_zip(content):
            self._count(path)
            yield path, content
        elif depth >= MAX_DEPTH:
            self.left_out.append(f"{path!r} was left out: it is an archive {depth} archives deep")
        else:
            yield from self.files(content, folder=f"{path}/", depth=depth + 1)

    def _count(self, path: str) -> None:
        self._members += 1
        if self._members > MAX_MEMBERS:
            raise Invalid(
                f"{self.name!r} holds more than {MAX_MEMBERS:,} files ({path!r} is the first beyond): split it",
                code="too_large",
            )

    def _inflated(self, archive: ZipFile, entry: ZipInfo, path: str) -> bytes | None:
        """The bytes of an entry, counted as they come; None if it is damaged."""
        pieces: list[bytes] = []
        size_bytes = 0
        # Its declared size would stop the reading there; what is more must be seen to be refused.
        entry.file_size = max(entry.file_size, self.limits.max_bytes + 1)
        expected_crc, entry.CRC = entry.CRC, None  # pyright: ignore[reportAttributeAccessIssue]  # checked below
        try:
            with archive.open(entry) as stream:
                while step := stream.read(STEP_BYTES):
                    size_bytes += len(step)
                    self._inflated_bytes += len(step)
                    check_ratio(self._inflated_bytes, self._packed_bytes, self.name, self.limits)
                    self.limits.check_bytes(f"{self.name}/{path}", size_bytes)
                    pieces.append(step)
        except DAMAGE:
            return None
        content = b"".join(pieces)
        return content if crc32(content) == expected_crc else None

    def _refuse_overlaps(self, archive: ZipFile) -> None:
        """Entries that share bytes unpack to far more than the archive has (Fifield's bomb)."""
        spans = sorted((e.header_offset, e.compress_size + _LOCAL_HEADER_BYTES) for e in archive.infolist())
        end = 0
        for start, size in spans:
            if start < end:
                raise Invalid(f"{self.name!r} is damaged or hostile: its entries overlap. Pack it again", code="broken")
            end = start + size


def _unreadable(entry: ZipInfo) -> str:
    """Why an entry is no file that can be taken out; nothing if it is one."""
    mode = entry.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        return "it is a link or device, and no file"
    if entry.flag_bits & _ENCRYPTED_FLAG:
        return "it is behind a password"
    if entry.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        return "it is packed by a method other than Deflate"
    if len(entry.filename) > _MAX_NAME_CHARS:
        return f"its name has {len(entry.filename):,} characters; the limit is {_MAX_NAME_CHARS:,}"
    return ""
