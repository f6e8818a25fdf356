import pytest
from assay_core.errors import Invalid, NotFound
from assay_core.ports import BlobStore


class BlobStoreContract:
    """Override `blobs`: an empty store."""

    @pytest.fixture
    def blobs(self) -> BlobStore:
        raise NotImplementedError

    def test_bytes_come_back(self, blobs: BlobStore) -> None:
        assert blobs.put("tenant/ab/file", [b"one", b"", b"two"]) == 6
        with blobs.open("tenant/ab/file") as stream:
            assert stream.read(3) == b"one"
            assert stream.read() == b"two"

    def test_putting_again_replaces(self, blobs: BlobStore) -> None:
        blobs.put("a/b", [b"old and long"])
        blobs.put("a/b", [b"new"])
        with blobs.open("a/b") as stream:
            assert stream.read() == b"new"

    def test_an_empty_blob_is_a_blob(self, blobs: BlobStore) -> None:
        assert blobs.put("empty", []) == 0
        with blobs.open("empty") as stream:
            assert stream.read() == b""

    def test_an_unknown_key_is_not_found(self, blobs: BlobStore) -> None:
        blobs.put("a/b/c", [b"x"])
        for key in ("nothing", "a/b", "a/b/c/d"):
            with pytest.raises(NotFound):
                blobs.open(key)

    def test_a_broken_off_put_leaves_nothing(self, blobs: BlobStore) -> None:
        def chunks() -> list[bytes]:
            raise OSError("the client went away")

        with pytest.raises(OSError, match="went away"):
            blobs.put("a/b", (piece for _ in range(1) for piece in chunks()))
        assert list(blobs.keys("a")) == []

    def test_rename_moves_and_replaces(self, blobs: BlobStore) -> None:
        blobs.put("uploads/1", [b"new"])
        blobs.put("documents/a/b", [b"old"])
        blobs.rename("uploads/1", "documents/a/b")
        with blobs.open("documents/a/b") as stream:
            assert stream.read() == b"new"
        assert list(blobs.keys("uploads")) == []

    def test_renaming_an_unknown_key_is_not_found(self, blobs: BlobStore) -> None:
        with pytest.raises(NotFound):
            blobs.rename("uploads/none", "documents/a")
        assert list(blobs.keys("")) == []

    def test_delete_removes_a_key_or_what_is_below(self, blobs: BlobStore) -> None:
        for key in ("t/a/1", "t/a/2", "t/ab", "u/a/1"):
            blobs.put(key, [b"x"])
        assert blobs.delete("t/a") == 2
        assert blobs.delete("t/a") == 0
        assert blobs.delete("t/ab") == 1
        assert list(blobs.keys("t")) == []
        assert list(blobs.keys("u")) == ["u/a/1"]

    def test_keys_lists_what_is_below(self, blobs: BlobStore) -> None:
        for key in ("t/a/1", "t/b", "u/c"):
            blobs.put(key, [b"x"])
        assert sorted(blobs.keys("t")) == ["t/a/1", "t/b"]
        assert sorted(blobs.keys("")) == ["t/a/1", "t/b", "u/c"]
        assert list(blobs.keys("nothing")) == []

    def test_room_is_told(self, blobs: BlobStore) -> None:
        assert blobs.free_bytes() > 0

    @pytest.mark.parametrize("key", ["", "/etc/passwd", "../up", "a/../../b", "a//b", "a/", ".", "a\\b", "a\0b"])
    def test_keys_cannot_leave_the_store(self, blobs: BlobStore, key: str) -> None:
        with pytest.raises(Invalid):
            blobs.put(key, [b"x"])
        with pytest.raises(Invalid):
            blobs.open(key)
        with pytest.raises(Invalid):
            blobs.delete(key)
