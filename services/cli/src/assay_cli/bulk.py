"""Ready passages for a bulk load: read as a stream from JSONL, Parquet or a BEIR folder, and sent in large requests."""

import gzip
import json
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from assay_core.errors import Invalid, NotFound

from assay_cli.ingestion import with_patience

if TYPE_CHECKING:
    from assay_wire.clients import AssayClient
    from assay_wire.public import BatchProgress, PassagesTaken, RefusedPassage

_TOGETHER = 500
_TOGETHER_CHARS = 2_000_000
_IN_FLIGHT = 2
_SHOWN_REFUSALS = 1000
_LINES = (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz")
_CORPUS = ("corpus.jsonl", "corpus.jsonl.gz")
_IDS, _TEXTS = ("id", "_id", "docid"), ("text", "contents")

Passage = dict[str, Any]


def holds_passages(path: Path) -> bool:
    """Whether a path is of a kind that bulk loads read."""
    return path.name.endswith((*_LINES, ".parquet")) or _corpus_of(path) is not None


def _corpus_of(folder: Path) -> Path | None:
    """The passages of a BEIR folder."""
    return next((path for name in _CORPUS if (path := folder / name).is_file()), None)


def passages_of(path: Path) -> Iterator[Passage]:
    """The passages of a file or folder, one at a time.

    Raises:
        Invalid: it is of no such kind, or a line or column cannot be used; the message names it.
        NotFound: Parquet is not installed here.
    """
    if (corpus := _corpus_of(path)) is not None:
        return _of_lines(corpus)
    if path.name.endswith(_LINES):
        return _of_lines(path)
    if path.suffix == ".parquet":
        return _of_parquet(path)
    raise Invalid(
        f"{str(path)!r} is neither JSONL, nor Parquet, nor a folder with a corpus.jsonl; leave out --bulk for files.",
        code="no_passages",
    )


def _of_lines(path: Path) -> Iterator[Passage]:
    with _opened(path) as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise Invalid(f"Line {number} of {str(path)!r} is not JSON: {error}.", code="bad_line") from error
            yield _passage(row, f"Line {number} of {str(path)!r}")


def _opened(path: Path) -> TextIO:
    try:
        return gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8")
    except OSError as error:
        raise Invalid(f"{str(path)!r} cannot be read: {error.strerror}.", code="no_such_path") from error


def _of_parquet(path: Path) -> Iterator[Passage]:
    if find_spec("pyarrow") is None:
        raise NotFound(
            "Parquet needs pyarrow. Install it with `pip install 'assay-cli[parquet]'`.", code="not_installed"
        )
    from pyarrow import parquet  # pyright: ignore[reportMissingImports] (an optional extra)

    number = 0
    for rows in parquet.ParquetFile(path).iter_batches(batch_size=_TOGETHER):
        for row in rows.to_pylist():
            number += 1
            yield _passage(row, f"Row {number} of {str(path)!r}")


def _passage(row: object, where: str) -> Passage:
    if not isinstance(row, dict):
        raise Invalid(f"{where} is no object with `id` and `text`.", code="bad_line")
    identity = next((row[key] for key in _IDS if row.get(key) is not None), None)
    text = next((row[key] for key in _TEXTS if isinstance(row.get(key), str)), None)
    if identity is None or text is None:
        raise Invalid(f"{where} needs an `id` (or `_id`, `docid`) and a `text` (or `contents`).", code="bad_line")
    found: Passage = {"id": str(identity), "title": row.get("title") or "", "text": text}
    metadata = row.get("metadata")
    if isinstance(metadata, dict) and metadata:
        found["metadata"] = {str(key): _as_text(value) for key, value in metadata.items()}
    return found


def _as_text(value: object) -> str:
    """Numbers as they are written, lists of texts as fields of tags take them."""
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ",".join(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def with_metadata(passage: Passage, given: Mapping[str, str]) -> Passage:
    """The passage, with these values where it has none of its own."""
    return {**passage, "metadata": {**given, **passage.get("metadata", {})}} if given else passage


@dataclass
class Loaded:
    """What became of the passages sent; the first thousand refusals are kept."""

    batch: str
    sent: int = 0
    created: int = 0
    changed: int = 0
    unchanged: int = 0
    refusals: int = 0
    refused: "list[RefusedPassage]" = field(default_factory=list[Any])


def load(
    client: "AssayClient",
    collection: str,
    passages: Iterable[Passage],
    *,
    on_sent: Callable[[Loaded], None] = lambda _loaded: None,
    sleep: Callable[[float], None] = time.sleep,
) -> Loaded:
    """Send passages, two requests at a time; waits as long as the queue is full. Sending again skips what is there."""
    result = Loaded(uuid.uuid4().hex)
    waiting: list[tuple[int, Future[PassagesTaken]]] = []

    def settle(first: "tuple[int, Future[PassagesTaken]]") -> None:
        count, answer = first
        _note(result, count, answer.result())
        on_sent(result)

    def send(group: list[Passage]) -> "PassagesTaken":
        return with_patience(lambda: client.load_passages(collection, group, batch=result.batch), sleep=sleep)

    with ThreadPoolExecutor(_IN_FLIGHT, thread_name_prefix="load") as pool:
        for group in _groups(passages):
            if len(waiting) == _IN_FLIGHT:
                settle(waiting.pop(0))
            waiting.append((len(group), pool.submit(send, group)))
        for one in waiting:
            settle(one)
    return result


def wait(
    client: "AssayClient",
    loaded: Loaded,
    *,
    on_look: "Callable[[BatchProgress], None]" = lambda _found: None,
    sleep: Callable[[float], None] = time.sleep,
) -> "BatchProgress":
    """Return when every passage of the load is ready or failed."""
    while True:
        found = client.batch_progress(loaded.batch)
        on_look(found)
        if found.open == 0:
            return found
        sleep(min(5.0, max(1.0, found.open / 5000)))


def _groups(passages: Iterable[Passage]) -> Iterator[list[Passage]]:
    group: list[Passage] = []
    chars = 0
    for passage in passages:
        group.append(passage)
        chars += len(passage["text"])
        if len(group) == _TOGETHER or chars >= _TOGETHER_CHARS:
            yield group
            group, chars = [], 0
    if group:
        yield group


def _note(result: Loaded, count: int, taken: "PassagesTaken") -> None:
    result.sent += count
    result.created += taken.created
    result.changed += taken.changed
    result.unchanged += taken.unchanged
    result.refusals += len(taken.refused)
    result.refused += islice(taken.refused, _SHOWN_REFUSALS - len(result.refused))
