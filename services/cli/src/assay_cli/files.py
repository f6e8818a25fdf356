"""Which files a person means by a list of paths, and what they are called in the collection."""

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from assay_core.errors import Invalid


@dataclass(frozen=True)
class Source:
    """A file to ingest; `name` is its name in the collection, with forward slashes."""

    path: Path
    name: str


def find_files(paths: Sequence[Path]) -> list[Source]:
    """Files as they are, and all files below folders, named by their way from that folder; sorted by name.

    Hidden files and folders below a folder are passed over, and so are symbolic links: a link could lead anywhere.

    Raises:
        Invalid: a path does not exist, is neither file nor folder, there is no file, or two would have one name.
    """
    found: dict[str, Source] = {}
    for path in paths:
        for source in _sources(path):
            other = found.setdefault(source.name, source)
            if other.path.resolve() != source.path.resolve():
                raise Invalid(
                    f"{str(other.path)!r} and {str(source.path)!r} would both be called {source.name!r}. "
                    "Ingest the folder above them instead, so that their names differ.",
                    code="same_name",
                )
    if not found:
        listed = ", ".join(repr(str(path)) for path in paths)
        raise Invalid(
            f"There is no file in {listed}; hidden files and symbolic links are passed over.", code="no_files"
        )
    return [found[name] for name in sorted(found)]


def _sources(path: Path) -> Iterator[Source]:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        reason = "does not exist" if isinstance(error, FileNotFoundError) else f"cannot be read: {error.strerror}"
        raise Invalid(f"{str(path)!r} {reason}.", code="no_such_path") from error
    if stat.S_ISDIR(mode):
        yield from _walk(path)
    elif stat.S_ISREG(mode):
        yield Source(path, path.name)
    else:
        raise Invalid(f"{str(path)!r} is neither a file nor a folder.", code="no_such_path")


def _walk(root: Path) -> Iterator[Source]:
    for folder, folders, names in os.walk(root, onerror=_refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = Path(folder, name)
            if not name.startswith(".") and not path.is_symlink() and path.is_file():
                yield Source(path, path.relative_to(root).as_posix())


def _refuse(error: OSError) -> None:
    raise Invalid(f"{str(error.filename)!r} cannot be read: {error.strerror}.", code="no_such_path") from error
