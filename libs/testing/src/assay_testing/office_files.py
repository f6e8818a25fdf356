"""Builders of Office files for tests: what no library at hand writes is put together by hand."""

import io
import struct
import zipfile
from collections.abc import Mapping

_FREE, _END, _FAT_SECTOR = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD


def zipped(entries: Mapping[str, bytes | str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in entries.items():
            archive.writestr(path, content)
    return out.getvalue()


def changed(data: bytes, changes: Mapping[str, tuple[str, str] | None]) -> bytes:
    """An archive with a text of some entries replaced, or the entry left out."""
    entries: dict[str, bytes | str] = {}
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for path in archive.namelist():
            change = changes.get(path, ("", ""))
            if change is not None:
                text = archive.read(path)
                assert change[0].encode() in text
                entries[path] = text.replace(change[0].encode(), change[1].encode(), 1) if change[0] else text
    return zipped(entries)


def ole_file(stream_name: str, content: bytes = b"") -> bytes:
    """An OLE container (MS-CFB) with one stream: a sector of the FAT, one of the directory, eight of the stream.

    `content` may have up to 4,096 bytes, and is filled up to them.
    """
    fat = [_FAT_SECTOR, _END, *range(3, 10), _END]
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(6)
    header += struct.pack("<IIIIIIIII", 0, 1, 1, 0, 4096, _END, 0, _END, 0)
    header += struct.pack("<109I", 0, *[_FREE] * 108)
    directory = _entry("Root Entry", 5, child=1, start=_END, size=0) + _entry(stream_name, 2, _FREE, 2, 4096)
    table = struct.pack("<128I", *fat, *[_FREE] * (128 - len(fat)))
    return header + table + directory.ljust(512, b"\0") + content.ljust(4096, b"\0")


def _entry(name: str, kind: int, child: int, start: int, size: int) -> bytes:
    encoded = (name + "\0").encode("utf-16-le")
    head = encoded.ljust(64, b"\0") + struct.pack("<HBBIII", len(encoded), kind, 1, _FREE, _FREE, child)
    return head + bytes(36) + struct.pack("<IQ", start, size)


def xls_file(cells: Mapping[tuple[int, int], str | float]) -> bytes:
    """A worksheet of Excel 2 (BIFF2): records of code, length and content, without any container."""
    records = [(0x0009, struct.pack("<HH", 2, 0x10))]
    for (row, column), value in cells.items():
        place = struct.pack("<HH3x", row, column)
        if isinstance(value, str):
            records.append((0x0004, place + bytes([len(value)]) + value.encode("cp1252")))
        else:
            records.append((0x0003, place + struct.pack("<d", value)))
    records.append((0x000A, b""))
    return b"".join(struct.pack("<HH", code, len(content)) + content for code, content in records)


_ODF = "urn:oasis:names:tc:opendocument:xmlns:"
_NAMESPACES = " ".join(
    f'xmlns:{prefix}="{_ODF}{name}:1.0"'
    for prefix, name in (
        *(("office", "office"), ("text", "text"), ("table", "table"), ("draw", "drawing")),
        *(("style", "style"), ("presentation", "presentation"), ("meta", "meta")),
    )
)


def odf_file(body: str, *, styles: str = "", layout: str = "", title: str = "") -> bytes:
    """An OpenDocument file from the XML inside of its parts."""
    root = f'<office:document {_NAMESPACES} xmlns:dc="http://purl.org/dc/elements/1.1/">'
    return zipped(
        {
            "mimetype": "application/vnd.oasis.opendocument.text",
            "content.xml": f"{root}<office:automatic-styles>{styles}</office:automatic-styles>"
            f"<office:body>{body}</office:body></office:document>",
            "styles.xml": f"{root}{layout}</office:document>",
            "meta.xml": f"{root}<office:meta><dc:title>{title}</dc:title></office:meta></office:document>",
        }
    )
