import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pyarrow
import pytest
import zstandard
from assay_adapters.byte_scanner import ByteScanner, Fingerprints, Seen
from pyarrow import parquet

KEY = bytes(range(32))
NEEDLE = b"0123456789abcdef"
# Has all pairs of the needle's bytes, so that nothing that packs leaves the needle as it is.
COMMON = b"0123 4567 89ab cdef 3456 789a bcde lorem ipsum " * 200


def scanner(*needles: bytes, key: bytes = KEY) -> ByteScanner:
    fingerprints = Fingerprints(key)
    return ByteScanner(fingerprints, [fingerprints.of(needle) for needle in needles])


def write(folder: Path, content: bytes) -> Path:
    file = folder / "file"
    file.write_bytes(content)
    return file


def seen(file: Path, needle: bytes = NEEDLE) -> set[str]:
    """What the needle was found wrapped in."""
    hits = list(scanner(needle).file(file))
    assert len(hits) == len(set(hits))
    assert {hit.mark for hit in hits} <= {Fingerprints(KEY).of(needle)}
    return {hit.inside for hit in hits}


def zstd(content: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(content)


def zstd_without_size(content: bytes) -> bytes:
    packer = zstandard.ZstdCompressor(write_content_size=False).compressobj()
    return packer.compress(content) + packer.flush()


@pytest.mark.parametrize("offset", range(17))
def test_a_window_is_found_at_every_offset(tmp_path: Path, offset: int) -> None:
    assert seen(write(tmp_path, b"x" * offset + NEEDLE)) == {""}
    assert seen(write(tmp_path, b"x" * offset + NEEDLE + b"y" * 9)) == {""}


@pytest.mark.parametrize("before", range(-17, 2))
def test_a_window_across_the_edge_of_what_is_looked_at_at_once_is_found(tmp_path: Path, before: int) -> None:
    assert seen(write(tmp_path, b"x" * ((4 << 20) + before) + NEEDLE + b"y" * 40)) == {""}


def test_a_window_after_what_a_server_set_aside_is_found(tmp_path: Path) -> None:
    assert seen(write(tmp_path, bytes(12 << 20) + NEEDLE)) == {""}
    assert seen(write(tmp_path, bytes(12 << 20)), bytes(16)) == {""}


@pytest.mark.parametrize(
    ("pack", "inside"),
    [(zstd, "zstd"), (zstd_without_size, "zstd"), (gzip.compress, "gzip")],
    ids=["zstd", "zstd-stream", "gzip"],
)
@pytest.mark.parametrize("offset", [0, 1, 7])
def test_a_window_is_found_in_every_wrapping(
    tmp_path: Path, pack: Callable[[bytes], bytes], inside: str, offset: int
) -> None:
    packed = pack(COMMON + NEEDLE + COMMON)
    assert NEEDLE not in packed
    assert seen(write(tmp_path, b"p" * offset + packed)) == {inside}
    assert seen(write(tmp_path, pack(b"first " * 99) + packed + b"what follows")) == {inside}


def parquet_file(column: pyarrow.Array, compression: str) -> bytes:
    out = io.BytesIO()
    parquet.write_table(pyarrow.table({"val": column}), out, compression=compression, row_group_size=300)
    return out.getvalue()


@pytest.mark.parametrize("compression", ["zstd", "snappy", "lz4", "none"])
@pytest.mark.parametrize("before", [b"", b"an event of Milvus "])
def test_a_window_is_found_in_columns_whose_pages_do_not_hold_it(
    tmp_path: Path, compression: str, before: bytes
) -> None:
    index = pyarrow.array(list(bytes(reversed(range(128))) + NEEDLE), pyarrow.int8())
    packed = parquet_file(index, compression)
    assert NEEDLE not in packed
    assert seen(write(tmp_path, before + packed)) == {"parquet"}
    assert seen(write(tmp_path, before + packed + b"PAR1 and PAR1" + packed[:99])) == {"parquet"}


def test_a_window_is_found_in_every_row_group_and_kind_of_column(tmp_path: Path) -> None:
    words = pyarrow.array(["none"] * 999 + [NEEDLE.decode()])
    assert "parquet" in seen(write(tmp_path, parquet_file(words, "snappy")))
    vectors = pyarrow.array([b"x" * 20, NEEDLE + b"more"] * 400, pyarrow.binary(20))
    assert "parquet" in seen(write(tmp_path, parquet_file(vectors, "snappy")))


def test_a_parquet_file_that_is_damaged_hides_nothing_after_it(tmp_path: Path) -> None:
    packed = parquet_file(pyarrow.array(list(bytes(reversed(range(128))) + NEEDLE), pyarrow.int8()), "zstd")
    damaged = packed[:-9] + b"\xff" + packed[-8:]
    assert "parquet" in seen(write(tmp_path, damaged + packed))
    assert "parquet" in seen(write(tmp_path, packed[:-4] + packed))
    assert "zstd" in seen(write(tmp_path, damaged + zstd(COMMON + NEEDLE)))


def test_damage_hides_nothing_that_comes_before_or_after_it(tmp_path: Path) -> None:
    noise = Random(1).randbytes(3 << 20)
    assert seen(write(tmp_path, zstd(COMMON + NEEDLE + noise)[: 2 << 20])) == {"zstd"}
    other = zstd(COMMON + NEEDLE)
    assert "zstd" in seen(write(tmp_path, b"\x28\xb5\x2f\xfd" + b"no frame" + other))
    assert "gzip" in seen(write(tmp_path, b"\x1f\x8b\x08" + b"no member" + gzip.compress(COMMON + NEEDLE)))


def test_nothing_is_seen_where_nothing_is(tmp_path: Path) -> None:
    noise = Random(9_999).randbytes(6 << 20)
    many = [Random(number).randbytes(16) for number in range(2000)]
    file = write(tmp_path, noise + zstd(noise[:99_999]))
    assert list(scanner(*many).file(file)) == []
    planted = write(tmp_path, noise + many[1234] + zstd(COMMON + NEEDLE))
    prints = Fingerprints(KEY)
    assert set(scanner(*many, NEEDLE).file(planted)) == {
        Seen(planted, prints.of(many[1234]), ""),
        Seen(planted, prints.of(NEEDLE), "zstd"),
    }
    assert list(ByteScanner(prints, []).file(planted)) == []


def test_a_chance_hit_in_the_buckets_is_no_hit(tmp_path: Path) -> None:
    mark = Fingerprints(KEY).of(NEEDLE)
    neighbours = ByteScanner(Fingerprints(KEY), [mark ^ 1, mark ^ 2, mark ^ (1 << 43)])
    assert list(neighbours.file(write(tmp_path, NEEDLE * 4))) == []


def test_a_fingerprint_says_nothing_under_another_key(tmp_path: Path) -> None:
    file = write(tmp_path, NEEDLE)
    other = Fingerprints(bytes(reversed(KEY)))
    assert list(ByteScanner(other, [Fingerprints(KEY).of(NEEDLE)]).file(file)) == []
    assert list(ByteScanner(other, [other.of(NEEDLE)]).file(file)) != []


def test_only_the_first_sixteen_bytes_count_and_fewer_are_refused(tmp_path: Path) -> None:
    assert seen(write(tmp_path, b"x" + NEEDLE), NEEDLE + b"never looked at") == {""}
    with pytest.raises(ValueError, match="15 bytes are too few"):
        Fingerprints(KEY).of(NEEDLE[:15])
    assert list(scanner(NEEDLE).file(write(tmp_path, NEEDLE[:15]))) == []
    assert list(scanner(NEEDLE).file(write(tmp_path, b""))) == []


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list(scanner(NEEDLE).file(tmp_path / "none"))


class Mover(ByteScanner):
    """Looks through files while something moves the needle on, the first times."""

    moves = 3

    def file(self, path: Path) -> Iterator[Seen]:
        (needle,) = path.parent.glob("needle*")
        if self.moves and path != needle:
            self.moves -= 1
            (path.parent / f"needle-{self.moves}").write_bytes(needle.read_bytes())
            needle.unlink()
        return super().file(path)


def test_what_is_moved_from_file_to_file_meanwhile_is_found(tmp_path: Path) -> None:
    (tmp_path / "needle").write_bytes(b"x" + NEEDLE)
    for number in range(20):
        (tmp_path / f"other{number}").write_bytes(bytes(99))
    prints = Fingerprints(KEY)
    (found,) = Mover(prints, [prints.of(NEEDLE)]).folder(tmp_path)
    assert found.file == tmp_path / "needle-0"


class Restless(ByteScanner):
    """Makes another file whenever it looks through one."""

    def file(self, path: Path) -> Iterator[Seen]:
        path.with_name(f"{path.name}+").write_bytes(NEEDLE)
        return super().file(path)


def test_a_folder_that_does_not_come_to_rest_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, NEEDLE)
    with pytest.raises(TimeoutError, match="come and go"):
        Restless(Fingerprints(KEY), [1]).folder(tmp_path, tries=3)


def test_folders_can_be_left_out_and_links_are_not_followed(tmp_path: Path) -> None:
    for name in ("in", "out"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_bytes(NEEDLE)
    (tmp_path / "in/link").symlink_to(tmp_path / "out/file")
    found = scanner(NEEDLE).folder(tmp_path, without=[tmp_path / "out"])
    assert {seen.file for seen in found} == {tmp_path / "in/file"}
    assert len(scanner(NEEDLE).folder(tmp_path)) == 2


def test_bare_deflate_is_not_looked_into(tmp_path: Path) -> None:
    # Nothing that Assay runs writes it; if something does one day, this is what has to change.
    assert seen(write(tmp_path, zlib.compress(COMMON + NEEDLE))) == set()
