"""Archives from strangers: what they hold is taken out within a budget, or refused with the reason."""

import io
import stat
import struct
import zipfile
import zlib

import pytest
from assay_adapters.parsers.limits import ParseLimits
from assay_adapters.parsers.results import Malformed
from assay_adapters.parsers.unpacked_files import Frames, error_frame, frame, last_frame
from assay_adapters.parsers.unpacking import MAX_MEMBERS, Unpacking
from assay_core.errors import Invalid
from assay_testing.office_files import zipped

LIMITS = ParseLimits(max_bytes=2**20, max_pages=5, max_chars=1_000_000, timeout_s=9, memory_bytes=2**30)


def unpacked(data: bytes, limits: ParseLimits = LIMITS) -> tuple[dict[str, bytes], list[str]]:
    unpacking = Unpacking("box.zip", limits)
    return dict(unpacking.files(data)), unpacking.left_out


def code_of(data: bytes) -> str:
    with pytest.raises(Invalid) as raised:
        unpacked(data)
    assert "box.zip" in raised.value.message
    return raised.value.code


def entry(name: str, packed: bytes, *, size: int, crc: int = 0, method: int = 8, flags: int = 0) -> tuple[bytes, bytes]:
    """Local header with data, and directory record without its offset."""
    raw = name.encode()
    common = struct.pack("<HHHHHLLLHH", 20, flags, method, 0, 0, crc, len(packed), size, len(raw), 0)
    local = b"PK\x03\x04" + common + raw + packed
    return local, b"PK\x01\x02" + struct.pack("<H", 20) + common + struct.pack("<HHHL", 0, 0, 0, 0)


def archive_of(*entries: tuple[str, tuple[bytes, bytes]], shared: bool = False) -> bytes:
    """An archive put together by hand; with `shared`, all entries say that they begin at the first one."""
    body, directory = b"", b""
    for name, (local, record) in entries:
        offset = 0 if shared else len(body)
        directory += record + struct.pack("<L", offset) + name.encode()
        body += b"" if shared and body else local
    end = struct.pack("<HHHHLLH", 0, 0, len(entries), len(entries), len(directory), len(body), 0)
    return body + directory + b"PK\x05\x06" + end


def deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def test_files_come_out_with_their_folders_and_those_of_inner_archives() -> None:
    inner = zipped({"c.txt": "three"})
    found, left_out = unpacked(zipped({"a.txt": "one", "sub/": "", "sub\\b.txt": "two", "in.zip": inner}))
    assert found == {"a.txt": b"one", "sub/b.txt": b"two", "in.zip/c.txt": b"three"}
    assert left_out == []


def test_clutter_of_operating_systems_is_passed_over() -> None:
    assert set(unpacked(zipped({"__MACOSX/._a.txt": "x", "sub/.DS_Store": "x", "a.txt": "y"}))[0]) == {"a.txt"}


def test_links_and_locked_files_are_left_out_and_told() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        link = zipfile.ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("a.txt", "one")
    found, left_out = unpacked(out.getvalue())
    assert found == {"a.txt": b"one"}
    assert "link or device" in left_out[0]


def test_an_archive_behind_a_password_is_told_as_such() -> None:
    assert code_of(archive_of(("a", entry("a", b"xxxx", size=4, method=0, flags=1)))) == "encrypted"


def test_a_flat_bomb_is_refused_while_it_inflates() -> None:
    assert code_of(zipped({"zeros": bytes(50 * 2**20)})) == "too_large"
    many = zipped({f"{n}.txt": b"a" * 1_000_000 for n in range(30)})
    assert code_of(many) == "too_large"


def test_a_header_that_lies_does_not_help() -> None:
    packed = deflated(bytes(50 * 2**20))
    assert code_of(archive_of(("a", entry("a", packed, size=10)))) == "too_large"


def test_entries_that_share_bytes_are_refused() -> None:
    content = deflated(b"a" * 1000)
    pair = entry("a", content, size=1000)
    assert code_of(archive_of(("a", pair), ("a", pair), shared=True)) == "broken"


def test_archives_in_archives_end_at_the_third() -> None:
    data = zipped({"end.txt": "x"})
    for _ in range(10):
        data = zipped({"in.zip": data, "beside.txt": "y"})
    found, left_out = unpacked(data)
    assert set(found) == {"beside.txt", "in.zip/beside.txt", "in.zip/in.zip/beside.txt"}
    assert "3 archives deep" in left_out[0]


def test_nested_bombs_are_counted_together() -> None:
    bomb = zipped({f"{n}": bytes(900_000) for n in range(9)})
    assert code_of(zipped({f"{n}.zip": bomb for n in range(9)})) == "too_large"


def test_too_many_files_are_refused() -> None:
    assert code_of(zipped({f"{n}": "x" for n in range(MAX_MEMBERS + 1)})) == "too_large"
    assert code_of(zipped({f"{n}": "x" for n in range(10_001)})) == "too_large"


def test_damaged_files_are_left_out_and_a_damaged_archive_is_refused() -> None:
    data = zipped({"a.txt": "one " * 100, "b.txt": "two"})
    found, left_out = unpacked(data.replace(b"a.txt" + deflated(b"one " * 100)[:4], b"a.txt\0\0\0\0", 1))
    assert set(found) == {"b.txt"}
    assert "damaged" in left_out[0]
    assert code_of(data[: len(data) // 2]) == "broken"


def read_back(data: bytes) -> tuple[list[tuple[str, bytes]], tuple[str, ...]]:
    frames = Frames(io.BytesIO(data).read, max_bytes=100)
    return [(file.path, file.content) for file in frames.files()], frames.left_out


def test_frames_carry_any_path_and_bytes() -> None:
    data = frame("a\n\ud800", b"{}\n\0") + frame("", b"") + last_frame(["why"] * 25)
    files, left_out = read_back(data)
    assert files == [("a\n\ud800", b"{}\n\0"), ("", b"")]
    assert (left_out[0], left_out[-1]) == ("why", "5 more files were left out")


def test_an_error_among_frames_is_raised() -> None:
    with pytest.raises(Invalid) as raised:
        read_back(frame("a", b"x") + error_frame(Invalid("no", code="broken")))
    assert raised.value.code == "broken"


@pytest.mark.parametrize(
    "data",
    [
        b"[]\n",
        b"x" * 100_000,
        b'{"path": "a", "size": 101}\n' + b"x" * 101,
        b'{"path": "a", "size": -1}\n',
        b'{"path": 1, "size": 1}\nx',
        b'{"path": "a", "size": 9}\nx',
        b'{"code": "made_up", "error": "x"}\n',
        frame("a", b"") * (MAX_MEMBERS + 1),
    ],
)
def test_frames_that_cannot_be_are_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        read_back(data)
