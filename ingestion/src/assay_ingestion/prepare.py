"""One document from its stored bytes to its passages."""

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Generator, Iterable, Set
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from assay_core.documents import Chunk, ChunkId, ParsedDocument
from assay_core.errors import Invalid
from assay_core.jobs import MAX_ATTEMPTS, Lease
from assay_core.ports import BlobStore, Embedder, LanguageDetector, Parser
from assay_runtime.metrics import step
from assay_store.encryption import Key, Vault
from assay_store.near_duplicates import Signature
from assay_store.pipeline import Source

from assay_ingestion import passages
from assay_ingestion.chunk import split, with_short_title
from assay_ingestion.context_lines import WriteLines
from assay_ingestion.minhash import signature

TakeApart = Callable[[Lease, Source, str], ParsedDocument]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A parsed document with its chunks; `new` are those that no version of it has had."""

    held: Lease
    source: Source
    key: Key
    parsed: ParsedDocument
    chunks: list[Chunk]
    new: list[Chunk]
    signature: Signature | None = None


class Preparer:
    """Reads, parses and divides documents, each in the parser's throw-away process.

    `take_apart` makes documents of the files of an archive, and gives its table of contents; without it, archives fail.
    `write_lines` writes a line for each new chunk, where a collection wants that. `languages` tells what language a
    document is in, which is kept with it.
    """

    def __init__(
        self,
        *,
        vault: Vault,
        blobs: BlobStore,
        parser: Parser,
        embedder: Embedder,
        take_apart: TakeApart | None = None,
        write_lines: WriteLines | None = None,
        languages: LanguageDetector | None = None,
    ) -> None:
        self._vault = vault
        self._blobs = blobs
        self._parser = parser
        self._embedder = embedder
        self._take_apart = take_apart
        self._write_lines = write_lines
        self._languages = languages

    def __call__(self, held: Lease, source: Source, known: Set[ChunkId]) -> Prepared:
        """Parse and divide one document.

        Raises:
            Invalid: the file cannot be parsed, or has no text.
            NotFound: its bytes are gone.
            Broken: its bytes were changed.
            Unavailable: a part that is needed does not answer.
        """
        key = self._vault.document_key(source.document, source.key_wrapped)
        if source.passage is not None:
            parsed, chunks = passages.divided(passages.opened(key, source, source.passage), source, self._embedder)
            new = [c for c in chunks if c.id not in known]
            own = self._signature(source, parsed)
            return Prepared(held, source, key, self._with_language(parsed), chunks, new, own)
        with step("parse"), self._blobs.open(source.blob_key) as sealed, plain_file(key.open_stream(sealed)) as path:
            parsed = self._parsed(held, source, path)
        with step("chunk"):
            parsed = with_short_title(parsed, self._embedder)
            chunks = split(parsed, document=source.document, embedder=self._embedder, chunking=source.chunking)
        if not chunks:
            raise Invalid(f"{source.name!r} has no text that can be searched. Upload a file with text.", code="no_text")
        own = self._signature(source, parsed)
        new = [c for c in chunks if c.id not in known]
        if source.chunking.context_lines and self._write_lines is not None and new:
            with step("context_lines"):
                new = self._write_lines(parsed, new, last_try=held.attempt >= MAX_ATTEMPTS)
            written = {c.id: c for c in new}
            chunks = [written.get(c.id, c) for c in chunks]
        return Prepared(held, source, key, self._with_language(parsed), chunks, new, own)

    def _with_language(self, parsed: ParsedDocument) -> ParsedDocument:
        if self._languages is None:
            return parsed
        with step("language"):
            return replace(parsed, language=self._languages.language_of(parsed.text))

    def _signature(self, source: Source, parsed: ParsedDocument) -> Signature | None:
        with step("signature"):
            purpose = f"near-duplicates:{source.collection.tenant}:{source.collection.id}"
            return signature(parsed.text, self._vault.mac_key(purpose))

    def _parsed(self, held: Lease, source: Source, path: str) -> ParsedDocument:
        try:
            return self._parser.parse(path, name=source.name)
        except Invalid as error:
            if error.code != "archive" or self._take_apart is None:
                raise
        return self._take_apart(held, source, path)


@contextmanager
def plain_file(content: Iterable[bytes]) -> Generator[str]:
    """The path of a file with `content` that nobody else can open.

    In memory where the system has that (Linux), so that what is encrypted at rest never lies on a disk in the clear,
    not even after a crash.
    """
    if sys.platform == "linux":
        descriptor = os.memfd_create("assay-upload", os.MFD_CLOEXEC)
        with open(descriptor, "wb") as file:
            file.writelines(content)
            file.flush()
            yield f"/proc/self/fd/{descriptor}"
        return
    folder = Path(tempfile.mkdtemp(prefix="assay-upload-"))  # only its owner may enter it
    try:
        with (folder / "upload").open("wb") as file:
            file.writelines(content)
        yield str(folder / "upload")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
