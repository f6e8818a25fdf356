"""A folder of the machine. Files are told apart by time and size, and only files within the folder are opened.

The root must lie below one that the administrator allows. Hidden files and folders are passed over. A file
`.assay-access.json` says who may read what lies in its folder and below: `{"allow": ["legal"], "deny": []}`, ids of
principals and groups; the nearest one counts.
"""

import json
import os
import stat
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from assay_core.errors import Invalid, NotFound, Unavailable
from assay_core.sources import Access, Change, Checkpoint, Complete, Content, Upsert

ACCESS_FILE = ".assay-access.json"
_PIECE_BYTES = 1 << 20
_CHECKPOINT_EVERY = 500
_ACCESS_BYTES = 64 << 10


class FolderConnector:
    """Connector of a folder. It looks again at each run; nothing is held between runs.

    Args:
        path: the folder.
        roots: folders below which `path` must lie.

    Raises:
        Invalid: `path` is not below one of them.
    """

    def __init__(self, *, path: str, roots: Sequence[Path]) -> None:
        self._root = allowed_folder(path, roots)

    def changes(self, checkpoint: str) -> Iterator[Change]:
        if not os.path.isdir(self._root):
            raise Unavailable(f"The folder {self._root!r} is not there.", code="source_unavailable")
        last = tuple(checkpoint.split("/")) if checkpoint else ()
        since = 0
        for parts, entry, access in self._walk(self._root, (), None):
            if parts <= last:
                continue
            yield self._upsert(parts, entry, access)
            since += 1
            if since % _CHECKPOINT_EVERY == 0:
                yield Checkpoint("/".join(parts))
        yield Complete("")

    def _walk(
        self, folder: str, above: tuple[str, ...], access: Access | None
    ) -> Iterator[tuple[tuple[str, ...], "os.DirEntry[str]", Access | None]]:
        """Files in an order that is the same each time: by name, folder by folder."""
        try:
            with os.scandir(folder) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            # A gap in the listing would look like removals.
            raise Unavailable(f"Cannot list {folder!r}: {error.strerror}.", code="source_unavailable") from error
        access = self._access(folder) or access
        for entry in entries:
            if entry.name.startswith("."):
                continue
            parts = (*above, entry.name)
            if entry.is_dir(follow_symlinks=False):
                yield from self._walk(entry.path, parts, access)
            elif not (entry.is_symlink() and entry.is_dir()):
                yield parts, entry, access

    def _access(self, folder: str) -> Access | None:
        path = os.path.join(folder, ACCESS_FILE)
        try:
            with open(path, "rb") as file:
                rules = json.loads(file.read(_ACCESS_BYTES))
            return Access(_names(rules.get("allow", [])), _names(rules.get("deny", [])))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, AttributeError, TypeError) as error:
            # Without it the files would be open to more people than was meant.
            raise Invalid(
                f'{path!r} does not say who may read: {error}. It must be like {{"allow": ["legal"], "deny": []}}.',
                code="bad_access_file",
            ) from error

    def _upsert(self, parts: tuple[str, ...], entry: "os.DirEntry[str]", access: Access | None) -> Upsert:
        key = "/".join(parts)
        try:
            found = entry.stat()
            etag, size, modified = _etag(found), found.st_size, datetime.fromtimestamp(found.st_mtime, UTC)
        except OSError:
            # A link to nowhere, or a file that has just gone: opening it tells.
            etag, size, modified = "", None, None
        return Upsert(
            key, etag, lambda known: self._open(entry.path, known), size_bytes=size, modified=modified, access=access
        )

    def _open(self, path: str, known: str) -> Content | None:
        try:
            # Not blocking: a pipe would wait for its writer.
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise NotFound(f"{path!r} has gone.", code="item_gone") from error
        except OSError as error:
            raise Invalid(f"{path!r} cannot be read: {error.strerror}.", code="item_denied") from error
        try:
            found = os.fstat(descriptor)
            # What was opened is looked at, not what the path named before.
            real = os.path.realpath(f"/proc/self/fd/{descriptor}")
            if not _below(real, self._root):
                raise Invalid(f"{path!r} leads out of the folder {self._root!r}.", code="outside_folder")
            if not stat.S_ISREG(found.st_mode):
                raise Invalid(f"{path!r} is no ordinary file.", code="item_denied")
        except BaseException:
            os.close(descriptor)
            raise
        etag = _etag(found)
        if etag == known:
            os.close(descriptor)
            return None
        return Content(_pieces(descriptor, path), etag)


def allowed_folder(path: str, roots: Sequence[Path]) -> str:
    """The real path of a folder. Raises `Invalid` unless it lies below one of `roots`, links resolved."""
    real = os.path.realpath(path)
    if not os.path.isabs(path) or not any(_below(real, os.path.realpath(root)) for root in roots):
        allowed = ", ".join(str(root) for root in roots) or "none"
        raise Invalid(
            f"The folder {path!r} is not below one that the administrator allows (now: {allowed}). Set"
            f" ASSAY_SOURCES__FOLDER_ROOTS to it or a folder above it (several are separated by {os.pathsep!r}), and"
            " start Assay again.",
            code="folder_not_allowed",
        )
    return real


def _below(path: str, root: str) -> bool:
    return path == root or path.startswith(root.rstrip("/") + "/")


def _etag(found: os.stat_result) -> str:
    return f"{found.st_mtime_ns:x}-{found.st_size:x}"


def _names(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):  # pyright: ignore[reportUnknownVariableType] (JSON)
        raise TypeError("'allow' and 'deny' must be lists of names")
    return tuple(str(name) for name in value)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] (JSON)


def _pieces(descriptor: int, path: str) -> Iterator[bytes]:
    with os.fdopen(descriptor, "rb") as file:
        try:
            while piece := file.read(_PIECE_BYTES):
                yield piece
        except OSError as error:
            raise Unavailable(f"{path!r} cannot be read: {error.strerror}.", code="source_unavailable") from error
