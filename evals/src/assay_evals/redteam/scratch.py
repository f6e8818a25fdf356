"""A collection of the red team's own, with its documents; nothing of it is left behind."""

import io
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from assay_core.errors import AssayError, Exhausted
from assay_core.principals import EVERYONE
from assay_wire import public
from assay_wire.clients import AssayClient

from assay_evals.redteam.cases import Document

Progress = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and how much there is."""
_FINAL = ("ready", "failed", "cancelled")
_POLL_S = 2.0
_LONGEST_S = 1_800.0
_UPLOADS = 4


@dataclass(frozen=True, slots=True)
class Scratch:
    """A collection with the documents; `missing` says of those that did not get in why not."""

    name: str
    id: str
    missing: Mapping[str, str] = field(default_factory=dict[str, str])


@contextmanager
def scratch(
    client: AssayClient,
    name: str,
    documents: Sequence[Document],
    *,
    closed_to: str | None,
    on_progress: Progress,
    on_left_behind: Callable[[str], None],
    sleep: Callable[[float], None] = time.sleep,
) -> Generator[Scratch]:
    """A new collection with these documents, searchable, and deleted at the end whatever happens.

    Args:
        closed_to: the id of whom the secret documents are closed to; None leaves them open.
        on_left_behind: told the name of the collection if it cannot be deleted.
    """
    made = client.create_collection(name)
    try:
        _upload(client, name, documents, on_progress)
        found = _await_all(client, name, len(documents), on_progress, sleep)
        if closed_to is not None:
            rules = public.Access(allow=[EVERYONE], deny=[closed_to])
            for document in documents:
                if document.secret and found[document.name].state == "ready":
                    client.change_document(found[document.name].id, public.DocumentChange(access=rules))
        missing = {name: one.error_code or one.state for name, one in found.items() if one.state != "ready"}
        yield Scratch(name, made.id, missing)
    finally:
        try:
            client.delete_collection(name)
        except AssayError:
            on_left_behind(name)


def _upload(client: AssayClient, collection: str, documents: Sequence[Document], on_progress: Progress) -> None:
    def send(document: Document) -> None:
        client.upload(collection, io.BytesIO(document.content.encode()), name=document.name)

    with ThreadPoolExecutor(_UPLOADS, thread_name_prefix="upload") as pool:
        try:
            for done, _ in enumerate(pool.map(send, documents), 1):
                on_progress("upload", done, len(documents))
        finally:
            pool.shutdown(cancel_futures=True)


def _await_all(
    client: AssayClient, collection: str, wanted: int, on_progress: Progress, sleep: Callable[[float], None]
) -> dict[str, public.DocumentSummary]:
    waited_s = 0.0
    while True:
        found = {document.name: document for document in client.documents(collection)}
        done = sum(document.state in _FINAL for document in found.values())
        on_progress("index", done, wanted)
        if done >= wanted:
            return found
        if waited_s > _LONGEST_S:
            raise Exhausted(
                f"Only {done} of {wanted} documents of {collection!r} are through after {_LONGEST_S:.0f} s;"
                " `assay status` shows what is behind.",
                code="stalled",
            )
        sleep(_POLL_S)
        waited_s += _POLL_S
