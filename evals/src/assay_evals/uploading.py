"""Fill a collection with the documents of a data set; what is there already is left alone."""

import hashlib
import io
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed

from assay_wire.clients import AssayClient

UPLOADS = 8

Progress = Callable[[str, int, int], None]
"""Told what is being done ("upload", "index", or a mode), how much of it is done, and how much there is."""


def upload_missing(client: AssayClient, collection: str, files: Mapping[str, bytes], on_progress: Progress) -> None:
    """Upload the files that the collection does not hold with these bytes, several at a time."""
    there = {
        summary.name: summary.metadata.get("sha256", "")
        for summary in client.documents(collection)
        if summary.state != "failed"
    }
    missing = {name: body for name, body in files.items() if there.get(name) != _sha256(body)}
    done = len(files) - len(missing)
    on_progress("upload", done, len(files))
    with ThreadPoolExecutor(UPLOADS, thread_name_prefix="upload") as pool:
        sent = [pool.submit(_upload, client, collection, name, body) for name, body in missing.items()]
        try:
            for number, finished in enumerate(as_completed(sent), done + 1):
                finished.result()
                on_progress("upload", number, len(files))
        finally:
            pool.shutdown(cancel_futures=True)


def _upload(client: AssayClient, collection: str, name: str, body: bytes) -> None:
    client.upload(collection, io.BytesIO(body), name=name, metadata={"sha256": _sha256(body)})


def _sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
