"""Blobs in a folder meet the contract, and are private and whole."""

from pathlib import Path

import pytest
from assay_adapters.blobs import FolderBlobStore
from assay_core.ports import BlobStore
from assay_testing.conformance.blob_store import BlobStoreContract


class TestFolderBlobStore(BlobStoreContract):
    @pytest.fixture
    def blobs(self, tmp_path: Path) -> BlobStore:
        return FolderBlobStore(tmp_path / "blobs")


def test_files_are_readable_by_their_owner_only(tmp_path: Path):
    FolderBlobStore(tmp_path).put("a/b", [b"x"])
    assert (tmp_path / "a/b").stat().st_mode & 0o077 == 0


def test_no_temporary_file_stays_behind(tmp_path: Path):
    store = FolderBlobStore(tmp_path)
    store.put("a/b", [b"x"])
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["b"]


def test_what_a_killed_process_left_can_be_listed_and_removed(tmp_path: Path):
    store = FolderBlobStore(tmp_path)
    (tmp_path / "uploads").mkdir()
    (tmp_path / "uploads" / ".tmp-0123").write_bytes(b"half")
    assert list(store.keys("uploads")) == ["uploads/.tmp-0123"]
    assert store.delete("uploads/.tmp-0123") == 1
