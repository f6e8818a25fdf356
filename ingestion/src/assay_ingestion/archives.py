"""An archive becomes a document for each file in it, named `archive.zip/path/in/it`.

Each file is recorded as an upload of its own, in a transaction of its own, so a repeat is a no-op: files that did not
change stay as they are. When all were seen, those that are not in the archive any more are deleted. A crash between
two files leaves the rest to the next try of the archive's job.
"""

from collections.abc import Iterable

import structlog
from assay_core.documents import DocumentId, Element, ElementKind, ParsedDocument
from assay_core.errors import Conflict, Invalid
from assay_core.jobs import Lease
from assay_core.names import clean_name
from assay_core.ports import BlobStore, Parser, UnpackedFile
from assay_store import archives, documents, intake, jobs
from assay_store.archives import ArchivePlace
from assay_store.database import Database
from assay_store.encryption import Vault
from assay_store.pipeline import Source
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

log = structlog.get_logger()

PARSER = "zip/1"
MEDIA_TYPE = "application/zip"
# The archive's own text is its table of contents: enough to find it by, too little to crowd out its files.
_MAX_LISTED = 100


class ArchiveReceiver:
    """Takes archives apart."""

    def __init__(self, *, database: Database, vault: Vault, blobs: BlobStore, parser: Parser, max_bytes: int) -> None:
        self._database = database
        self._vault = vault
        self._blobs = blobs
        self._parser = parser
        self._max_bytes = max_bytes

    def receive(self, held: Lease, source: Source, path: str) -> ParsedDocument:
        """Record each file of the archive at `path` as a document. Returns the table of contents as its text.

        Raises:
            Invalid: the archive is damaged, hostile, over a limit, or holds nothing that can be read.
            Conflict: the archive was replaced or deleted meanwhile, or its job is someone else's now.
        """
        unpacked = self._parser.unpack(path, name=source.name)
        kept = dict[str, DocumentId]()
        left_out = list[str]()
        for file in unpacked:
            try:
                name = clean_name(f"{source.name}/{file.path}")
                if name in kept:
                    raise Invalid(f"{name!r} was left out: the archive holds it twice.", code="name_taken")
                kept[name] = self._record(held, source, name, file)
            except Invalid as error:
                left_out.append(error.message)
        if not kept:
            raise _nothing(source.name, [*left_out, *unpacked.left_out])
        self._delete_vanished(held, source, set(kept.values()))
        log.info("archive.unpacked", document_id=source.document.id, files=len(kept), left_out=len(left_out))
        return contents(source.name, list(kept), (*left_out, *unpacked.left_out))

    def _record(self, held: Lease, source: Source, name: str, file: UnpackedFile) -> DocumentId:
        try:
            return self._record_once(held, source, name, file)
        except IntegrityError:
            # Someone else made a document of this name meanwhile.
            return self._record_once(held, source, name, file)

    def _record_once(self, held: Lease, source: Source, name: str, file: UnpackedFile) -> DocumentId:
        with self._database.transaction() as connection:
            place = _place(connection, held, source)
            target = documents.upload_target(connection, self._vault, source.collection, name, acl=place.acl)
            if not archives.is_free_for(connection, source.document, target.document):
                raise Invalid(f"{name!r} was left out: a document has that name already.", code="name_taken")
        sealed = intake.seal(self._blobs, target, [file.content], max_bytes=self._max_bytes, too_large=self._too_large)
        try:
            with self._database.transaction() as connection:
                place = _place(connection, held, source)
                intake.record(connection, self._blobs, sealed, priority=place.priority, batch=place.batch)
                archives.adopt(connection, source.document, target.document)
        finally:
            self._blobs.delete(sealed.blob_key)
        return target.document

    def _delete_vanished(self, held: Lease, source: Source, kept: set[DocumentId]) -> None:
        with self._database.transaction() as connection:
            _place(connection, held, source)
            gone = [file for file in archives.files_of(connection, source.document) if file not in kept]
            if gone:
                documents.delete_these(connection, source.collection, gone)

    def _too_large(self, name: str) -> Invalid:
        return Invalid(f"{name!r} is larger than {self._max_bytes:,} bytes; split it.", code="too_large")


def contents(name: str, files: list[str], left_out: Iterable[str]) -> ParsedDocument:
    """The table of contents of an archive as a document."""
    heading = name
    shown = [f"- {file.removeprefix(f'{name}/')}" for file in files[:_MAX_LISTED]]
    if len(files) > _MAX_LISTED:
        shown.append(f"- and {len(files) - _MAX_LISTED:,} more files")
    items = "\n".join(shown)
    start = len(f"# {heading}\n\n")
    elements = (
        Element(ElementKind.HEADING, 2, 2 + len(heading), level=1),
        Element(ElementKind.LIST, start, start + len(items), heading_path=(heading,)),
    )
    return ParsedDocument(f"# {heading}\n\n{items}", elements, heading, MEDIA_TYPE, PARSER, None, tuple(left_out))


def _place(connection: Connection, held: Lease, source: Source) -> ArchivePlace:
    jobs.hold(connection, held)
    place = archives.place_of(connection, source.document, source.version)
    if place is None:
        raise Conflict(f"{source.name!r} was replaced or deleted meanwhile.", code="replaced")
    return place


def _nothing(name: str, left_out: list[str]) -> Invalid:
    why = f" The first: {left_out[0]}" if left_out else ""
    return Invalid(
        f"{name!r} holds no file that can be read.{why} Pack documents into it, or upload them by themselves.",
        code="empty_archive",
    )
