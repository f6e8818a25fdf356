"""Send files and wait until they are searchable."""

import random
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from assay_core.errors import Broken, Exhausted, Invalid, NotFound, Unavailable

from assay_cli.files import Source
from assay_cli.output import clean

if TYPE_CHECKING:
    from assay_wire.clients import AssayClient
    from assay_wire.public import DocumentSummary, Upload

PARALLEL_UPLOADS = 4
# How long a busy or restarting gateway is tried again; the command line is the one owner of these retries.
PATIENCE_S = 120.0
_FINAL = ("ready", "failed")
_PAGE_DOCUMENTS = 200

OnUploaded = Callable[[Source], None]
"""Told each file that is done with."""
OnWaiting = Callable[["Progress"], None]
Result = TypeVar("Result")


@dataclass(frozen=True)
class Failure:
    """A file that will not be searchable, and why."""

    name: str
    code: str
    message: str
    document_id: str | None = None

    def as_json(self) -> dict[str, object]:
        return {"name": self.name, "code": self.code, "message": self.message, "document_id": self.document_id}


@dataclass
class Ingest:
    """What became of the files. `waiting` maps document ids to names; `chunks` counts new versions only.

    `kept`, `added` and `removed` are chunks of these compared with the versions that were live before.
    """

    uploads: "list[Upload]" = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list[Failure])
    waiting: dict[str, str] = field(default_factory=dict[str, str])
    fresh: set[str] = field(default_factory=set[str])
    ready: int = 0
    chunks: int = 0
    kept: int = 0
    added: int = 0
    removed: int = 0

    @property
    def unchanged(self) -> int:
        return sum(upload.unchanged for upload in self.uploads)

    @property
    def uploaded(self) -> int:
        return len(self.uploads) - self.unchanged


@dataclass(frozen=True)
class Progress:
    """How far the documents are that were sent; `part_done` is the sum of the fractions of those under way."""

    ready: int
    failed: int
    waiting: int
    part_done: float
    chunks: int


def upload_all(
    client: "AssayClient",
    collection: str,
    sources: Sequence[Source],
    *,
    on_uploaded: OnUploaded = lambda _source: None,
    priority: str | None = None,
    metadata: Mapping[str, str] | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Ingest:
    """Send all files, some at a time, each with this metadata if there is any.

    Raises:
        Denied, NotFound: nothing else could be sent either. What concerns one file only is a `Failure`.
    """
    result = Ingest()
    with ThreadPoolExecutor(PARALLEL_UPLOADS, thread_name_prefix="upload") as pool:
        futures = [pool.submit(_upload, client, collection, source, priority, metadata, sleep) for source in sources]
        try:
            for source, future in zip(sources, futures, strict=True):
                _note(result, source, future.result())
                on_uploaded(source)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return result


def wait_until_searchable(
    client: "AssayClient",
    collection: str,
    result: Ingest,
    *,
    on_waiting: OnWaiting = lambda _progress: None,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Return when every document is ready or failed; counts and failures are added to `result`."""
    while True:
        part_done = 0.0
        documents = with_patience(lambda: _look(client, collection, result.waiting), sleep=sleep)
        for identity in list(result.waiting):
            part_done += _settle(result, identity, documents.get(identity))
        on_waiting(Progress(result.ready, len(result.failures), len(result.waiting), part_done, result.chunks))
        if not result.waiting:
            return
        # A look at many documents costs the machine that does the work something, too.
        sleep(min(5.0, max(0.5, len(result.waiting) / 200)))


def _upload(
    client: "AssayClient",
    collection: str,
    source: Source,
    priority: str | None,
    metadata: Mapping[str, str] | None,
    sleep: Callable[[float], None],
) -> "Upload | Failure":
    key = uuid.uuid4().hex
    try:
        return with_patience(
            lambda: client.upload(
                collection,
                source.path,
                name=source.name,
                metadata=metadata,
                idempotency_key=key,
                priority=priority,
            ),
            sleep=sleep,
        )
    except OSError as error:
        return Failure(source.name, "unreadable", f"{str(source.path)!r} cannot be read: {error.strerror}.")
    except (Invalid, Broken, Exhausted) as error:
        return Failure(source.name, error.code, error.message)


def with_patience(call: Callable[[], Result], *, sleep: Callable[[float], None]) -> Result:
    """The call's result; tried again while the gateway says "later" or restarts, for as long as its queue is full."""
    give_up = time.monotonic() + PATIENCE_S
    while True:
        try:
            return call()
        except (Unavailable, Exhausted) as error:
            if error.retry_after_s is None and error.code != "gateway_broke_off":
                raise
            wait_s = min(error.retry_after_s or 1.0, 30.0) * random.uniform(1.0, 1.5)
            if error.code != "queue_full" and time.monotonic() + wait_s > give_up:
                raise
            sleep(wait_s)


def _note(result: Ingest, source: Source, outcome: "Upload | Failure") -> None:
    if isinstance(outcome, Failure):
        result.failures.append(outcome)
        return
    result.uploads.append(outcome)
    if outcome.unchanged and outcome.state == "ready":
        result.ready += 1
        return
    result.waiting[outcome.document_id] = source.name
    if not outcome.unchanged:
        result.fresh.add(outcome.document_id)


def _look(client: "AssayClient", collection: str, waiting: dict[str, str]) -> "dict[str, DocumentSummary]":
    """The documents that are waited for, one by one or page by page, whichever asks less often."""
    if not waiting:
        return {}
    pages = client.collection(collection).documents / _PAGE_DOCUMENTS
    if len(waiting) > pages + 1:
        return {found.id: found for found in client.documents(collection) if found.id in waiting}
    return {found.id: found for found in (_document(client, identity) for identity in waiting) if found}


def _document(client: "AssayClient", identity: str) -> "DocumentSummary | None":
    try:
        return client.document(identity)
    except NotFound:
        return None


def _settle(result: Ingest, identity: str, document: "DocumentSummary | None") -> float:
    """Take note of a document that is through. Returns how far one is that is not."""
    if document is not None and document.state not in _FINAL:
        return document.progress
    name = result.waiting.pop(identity)
    if document is None:
        result.failures.append(Failure(name, "deleted", "Deleted while it was being ingested.", identity))
    elif document.state == "failed":
        message = clean(document.error or "No reason was given; the worker's log may say more.")
        result.failures.append(Failure(name, document.error_code or "failed", message, identity))
    else:
        result.ready += 1
        if identity in result.fresh:
            _count_chunks(result, document)
    return 0.0


def _count_chunks(result: Ingest, document: "DocumentSummary") -> None:
    result.chunks += document.chunks or 0
    result.kept += document.chunks_kept or 0
    result.added += document.chunks_added or 0
    result.removed += document.chunks_removed or 0
