"""The `BlobStore` port on a folder: written to a temporary file, synced, renamed; never half there."""

import os
import re
import secrets
import shutil
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from errno import EDQUOT, ENOSPC
from pathlib import Path
from typing import BinaryIO

from assay_core.crash_points import reach
from assay_core.errors import Exhausted, Invalid, NotFound

_KEY = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*")
_TEMPORARY = ".tmp-"


class FolderBlobStore:
    """Blobs below `root`, which is made if it is not there."""

    def __init__(self, root: Path | str) -> None:
        self._root = Path(root)

    def put(self, key: str, chunks: Iterable[bytes]) -> int:
        target = self._path(key)
        with _full_disk_is_exhausted(key):
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            temporary = target.parent / f"{_TEMPORARY}{secrets.token_hex(8)}"
            size = 0
            try:
                with open(temporary, "xb", opener=_private) as stream:
                    for chunk in chunks:
                        size += stream.write(chunk)
                    stream.flush()
                    reach("blob.before_sync")
                    os.fsync(stream.fileno())
                reach("blob.before_rename")
                temporary.rename(target)
                reach("blob.after_rename")
            finally:
                temporary.unlink(missing_ok=True)
            _sync_folder(target.parent)
        return size

    def rename(self, source: str, target: str) -> None:
        old, new = self._path(source), self._path(target)
        if not old.is_file():
            raise NotFound(f"There is no blob {source!r}.", code="blob_not_found")
        new.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        old.rename(new)
        _sync_folder(new.parent)

    def open(self, key: str) -> BinaryIO:
        try:
            return self._path(key).open("rb")
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
            raise NotFound(f"There is no blob {key!r}.", code="blob_not_found") from error

    def delete(self, prefix: str) -> int:
        path = self._path(prefix)
        if path.is_file():
            path.unlink()
            removed = 1
        elif path.is_dir():
            removed = sum(1 for _ in self.keys(prefix))
            shutil.rmtree(path)
        else:
            return 0
        _sync_folder(path.parent)
        return removed

    def keys(self, prefix: str, *, older_than_s: float = 0.0) -> Iterator[str]:
        latest_s = time.time() - older_than_s
        start = self._path(prefix) if prefix else self._root
        for folder, _, names in os.walk(start):
            # What a killed process left half written is listed too, so that a sweeper can remove it.
            for path in (Path(folder) / name for name in names):
                if not older_than_s or _written_s(path) <= latest_s:
                    yield str(path.relative_to(self._root))

    def free_bytes(self) -> int:
        folder = self._root
        while not folder.exists():
            folder = folder.parent
        return shutil.disk_usage(folder).free

    def _path(self, key: str) -> Path:
        if not _KEY.fullmatch(key) or any(part in (".", "..") for part in key.split("/")):
            raise Invalid(f"{key!r} cannot be a blob key.", code="bad_blob_key")
        return self._root / key


@contextmanager
def _full_disk_is_exhausted(key: str) -> Generator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (ENOSPC, EDQUOT):
            raise
        raise Exhausted(
            f"The disk is full: {key!r} could not be stored. Free some space, then send it again.", code="storage_full"
        ) from error


def _written_s(path: Path) -> float:
    """When a file was written last; never, if it has gone meanwhile."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return float("inf")


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _sync_folder(folder: Path) -> None:
    """A rename is durable only once its folder is."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
