"""Looking through every store's files for what was erased: `python -m assay_ingestion.erasure_scan`.

Before a scan that finds nothing is believed, it must have found the control document that was put into each store.
Beside the files as they are, it looks into zstd and gzip, into the terms of the lexical index, and into what the
Redis servers hold in memory.
"""

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

from assay_core.errors import AssayError, Invalid
from assay_core.index_profiles import USUAL_LANGUAGE
from assay_runtime.log import configure
from assay_runtime.settings import read_master_key
from assay_store import erasures, index_generations
from assay_store.database import Database
from assay_store.encryption import Vault
from assay_store.erasures import Sought

from assay_ingestion.bootstrap import (
    choose_blobs,
    choose_byte_scanner,
    choose_dense,
    choose_fingerprints,
    choose_lexical,
    connect_redis,
    describe_embedder,
    open_database,
)
from assay_ingestion.erasure_controls import Planter
from assay_ingestion.settings import ErasureScan

MOST_ERASURES = 100_000
_CONTROL = "control"
# Ids of chunks are random and stay in the database's dead rows for a while; its vectors and keys may not.
_WITHOUT_CHUNK_IDS = "postgres"

Say = Callable[[str], None]
Where = tuple[Path, str]


class Seen(Protocol):
    """A mark in a file; `inside` names what it was wrapped in, empty if nothing."""

    @property
    def file(self) -> Path: ...
    @property
    def mark(self) -> int: ...
    @property
    def inside(self) -> str: ...


class Scanner(Protocol):
    """Looks for marks, which are fingerprints."""

    def folder(self, root: Path, /) -> Iterable[Seen]:
        """What the files below a folder hold, while servers may be writing there. Raises `OSError`."""
        ...

    def buffer(self, content: bytes, /) -> Iterable[int]:
        """The marks in a buffer."""
        ...


@dataclass(frozen=True, slots=True)
class Find:
    """Something that should be gone. `what` is an erasure's id, or the word that was looked for."""

    what: str
    kind: str
    store: str
    file: str
    inside: str


@dataclass(slots=True)
class StoreReport:
    """What was looked through of a store, and whether its control was found."""

    files: int = 0
    bytes: int = 0
    control_found: bool = False
    unreadable: list[str] = field(default_factory=list[str])


@dataclass(frozen=True, slots=True)
class ScanReport:
    """`proven` are the erasures of which nothing was found, empty unless every store's control was."""

    erasures: int
    proven: list[str]
    found: list[Find]
    stores: dict[str, StoreReport]
    unfinished: dict[str, int]

    @property
    def sees(self) -> bool:
        """Whether the scan can be believed."""
        return all(store.control_found and not store.unreadable for store in self.stores.values())

    @property
    def passed(self) -> bool:
        return self.sees and not self.found


class Scan:
    """A scan of the stores' folders.

    Args:
        others: for a store's name, what it holds beside its files, as places and bytes.
    """

    def __init__(
        self,
        *,
        fingerprint: Callable[[bytes], int],
        scanner: Callable[[Iterable[int]], Scanner],
        folders: Mapping[str, Path],
        others: Mapping[str, Callable[[], Iterator[tuple[Path, bytes]]]],
    ) -> None:
        self._fingerprint = fingerprint
        self._scanner = scanner
        self._folders = folders
        self._others = others

    def run(
        self, controls: Mapping[str, list[bytes]], wanted: Iterable[Sought], words: Iterable[str], say: Say
    ) -> tuple[list[Find], dict[str, StoreReport]]:
        """Look through all stores. Returns what was found of `wanted` and `words`, and how each store was seen."""
        wanted, words = list(wanted), list(words)
        found: list[Find] = []
        reports: dict[str, StoreReport] = {}
        for store, folder in self._folders.items():
            names = self._names(store, wanted, words)
            missing = {self._fingerprint(control) for control in controls[store]}
            scanner = self._scanner([*names, *missing])
            report = reports[store] = StoreReport()
            for (file, inside), mark in self._seen(scanner, store, folder, report):
                if mark in missing:
                    missing.discard(mark)
                for what, kind in names.get(mark, ()):
                    found.append(Find(what, kind, store, str(file.relative_to(folder)), inside))
            report.control_found = not missing
            say(f"{store}: {report.files:,} files, {report.bytes / 1e6:,.1f} MB")
        return found, reports

    def _names(self, store: str, wanted: list[Sought], words: list[str]) -> dict[int, list[tuple[str, str]]]:
        names = defaultdict[int, list[tuple[str, str]]](list)
        for one in wanted:
            for mark in one.vectors:
                names[mark].append((one.id, "vector"))
            for mark in one.chunks if store != _WITHOUT_CHUNK_IDS else ():
                names[mark].append((one.id, "chunk id"))
            if one.key_head:
                names[self._fingerprint(one.key_head)].append((one.id, "key"))
        for word in words:
            names[self._fingerprint(word.encode())].append((word, "word"))
        return names

    def _seen(self, scanner: Scanner, store: str, folder: Path, report: StoreReport) -> Iterator[tuple[Where, int]]:
        files = [file for file in folder.rglob("*") if file.is_file() and not file.is_symlink()]
        report.files, report.bytes = len(files), sum(_size_bytes(file) for file in files)
        try:
            for seen in scanner.folder(folder):
                yield (seen.file, seen.inside), seen.mark
        except OSError as error:
            report.unreadable.append(str(error))
        for place, content in self._others.get(store, lambda: iter(()))():
            for mark in scanner.buffer(content):
                yield (folder / place, "memory" if place == Path() else "terms"), mark


def main() -> None:
    options = _options().parse_args()
    settings = ErasureScan()  # pyright: ignore[reportCallIssue] (the environment gives the rest)
    configure(settings.log, process="erasure-scan")
    try:
        report = run(
            settings,
            folders=_folders(options.store),
            among=options.erasure or None,
            words=_words(options.seek),
            say=lambda line: print(line, file=sys.stderr, flush=True),
        )
    except AssayError as error:
        sys.exit(error.message)
    if options.json:
        print(json.dumps(asdict(report) | {"sees": report.sees, "passed": report.passed}, indent=2))
    else:
        _show(report)
    sys.exit(0 if report.passed else 1)


def run(
    settings: ErasureScan, *, folders: Mapping[str, Path], among: list[str] | None, words: list[str], say: Say
) -> ScanReport:
    """Plant controls, scan, and mark as proven what was not found.

    Raises:
        Unavailable: a store does not answer, so that no control can be put into it.
    """
    database = open_database(settings.database)
    space = describe_embedder(settings.embedder)
    dense = choose_dense(settings.milvus, space, database)
    vault = Vault(read_master_key(settings.secrets))
    terms = choose_lexical(settings.lexical, settings.milvus, vault)
    fingerprints = choose_fingerprints(vault)
    redis = {"broker": connect_redis(settings.broker.url.get_secret_value())}
    if settings.cache is not None:
        redis["cache"] = connect_redis(settings.cache.url.get_secret_value())
    planter = Planter(
        database=database,
        dense=dense,
        dimension=space.dimension,
        kinds=_kinds(database),
        lexical=terms.of(USUAL_LANGUAGE),
        lexical_in="milvus" if settings.lexical.engine == "milvus" else "bm25",
        blobs=choose_blobs(settings.blobs),
        redis=redis,
        folders=folders,
    )
    scan = Scan(
        fingerprint=fingerprints.of,
        scanner=lambda marks: choose_byte_scanner(fingerprints, marks),
        folders=folders,
        others={
            "bm25": terms.terms,
            **{name: lambda held=held: in_memory(held) for name, held in redis.items()},
        },
    )
    with database.transaction() as connection:
        wanted = erasures.sought(connection, among=among, limit=MOST_ERASURES)
        unfinished = erasures.unfinished(connection)
    with planter.planted() as controls:
        found, stores = scan.run(controls, wanted, words, say)
    terms.close()
    report = ScanReport(len(wanted), [], found, stores, unfinished)
    if report.sees:
        seen = {find.what for find in found}
        report.proven.extend(one.id for one in wanted if one.id not in seen)
        with database.transaction() as connection:
            erasures.prove(connection, report.proven)
    dense.close()
    database.dispose()
    return report


def _kinds(database: Database) -> list[str]:
    with database.transaction() as connection:
        return index_generations.kinds_ever(connection)


def _size_bytes(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0  # Stores remove files while they run.


def in_memory(redis: Any) -> Iterator[tuple[Path, bytes]]:
    """Every key of a Redis server, with its value as it was written."""
    for key in redis.scan_iter(count=1000):
        match redis.type(key):
            case b"string":
                parts = [redis.get(key)]
            case b"hash":
                parts = [part for pair in redis.hgetall(key).items() for part in pair]
            case b"list":
                parts = redis.lrange(key, 0, -1)
            case b"set":
                parts = redis.smembers(key)
            case b"zset":
                parts = redis.zrange(key, 0, -1)
            case _:
                parts = [redis.dump(key)]
        # A key may have gone since it was listed.
        yield Path(), b"\0".join([key, *(part for part in parts if part is not None)])


def _folders(given: list[str]) -> dict[str, Path]:
    folders: dict[str, Path] = {}
    for one in given:
        name, _, path = one.partition("=")
        if not path or not Path(path).is_dir():
            raise Invalid(f"--store {one!r}: give NAME=FOLDER with a folder that is there.", code="bad_store")
        folders[name] = Path(path)
    return folders


def _words(file: Path | None) -> list[str]:
    words = [] if file is None else [line.strip() for line in file.read_text().splitlines() if line.strip()]
    short = [word for word in words if len(word.encode()) < 16]
    if short:
        raise Invalid(f"{short[0]!r} is too short to be looked for: 16 bytes are needed.", code="bad_seek")
    return words


def _show(report: ScanReport) -> None:
    for name, store in report.stores.items():
        print(f"{name:<12} {store.files:>6,} files {store.bytes / 1e6:>10,.1f} MB  control {_verdict(store)}")
        for line in store.unreadable[:5]:
            print(f"{'':<12} cannot be read: {line}")
    for find in report.found[:50]:
        inside = f" (inside {find.inside})" if find.inside else ""
        print(f"FOUND {find.kind} of {find.what} in {find.store}: {find.file}{inside}")
    if not report.sees:
        print("Not proven: the scan did not find its own controls, or could not read everything.")
    print(f"{len(report.proven):,} of {report.erasures:,} complete erasures proven; {len(report.found)} finds.")
    if report.unfinished:
        counts = ", ".join(f"{count} {state}" for state, count in report.unfinished.items())
        print(f"Not looked for, since they are not complete: {counts}.")


def _verdict(store: StoreReport) -> str:
    return "found" if store.control_found else "NOT FOUND"


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="assay erasure verify", description=__doc__)
    parser.add_argument("--store", action="append", default=[], metavar="NAME=FOLDER", help="where a store's files are")
    parser.add_argument("--erasure", action="append", metavar="ID", help="only this one; may be repeated")
    parser.add_argument("--seek", type=Path, metavar="FILE", help="words that may be nowhere, one a line")
    parser.add_argument("--json", action="store_true")
    return parser


if __name__ == "__main__":
    main()
