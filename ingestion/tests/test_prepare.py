import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from assay_core.collection_settings import Chunking
from assay_core.documents import Chunk, CollectionId, DocumentId, ParsedDocument, TenantId
from assay_core.errors import Broken, Invalid, NotFound
from assay_core.jobs import JobKind, Lease
from assay_ingestion.prepare import Prepared, Preparer, plain_file
from assay_store.encryption import Vault
from assay_store.pipeline import Source
from assay_testing.fake_blobs import FakeBlobStore
from assay_testing.fake_embedder import FakeEmbedder
from assay_testing.fake_parser import FakeParser

DOCUMENT = DocumentId(TenantId("t"), "d" * 32)
HELD = Lease(TenantId("t"), "job", JobKind.INGEST, DOCUMENT, 1, epoch=1, attempt=1)
VAULT = Vault(bytes(32))


def prepared(content: bytes, *, stored: bytes | None = None, known: bool = False) -> Prepared:
    blobs = FakeBlobStore()
    key, wrapped = VAULT.new_document_key(DOCUMENT)
    blobs.put("blob", key.seal_stream([content]))
    if stored is not None:
        blobs.held["blob"] = stored
    source = Source(DOCUMENT, CollectionId(TenantId("t"), "c"), "a.md", 1, "blob", len(content), wrapped, False)
    prepare = Preparer(vault=VAULT, blobs=blobs, parser=FakeParser(), embedder=FakeEmbedder())
    first = prepare(HELD, source, set())
    return prepare(HELD, source, {c.id for c in first.chunks}) if known else first


def test_a_document_is_decrypted_parsed_and_divided() -> None:
    done = prepared(b"# Leave\n\nYou get 20 days.")
    assert done.parsed.title == "Leave"
    assert [c.text for c in done.new] == ["Leave\n\nYou get 20 days."]


def test_chunks_that_are_known_are_not_new() -> None:
    done = prepared(b"# Leave\n\nYou get 20 days.", known=True)
    assert (len(done.chunks), done.new) == (1, [])


def test_what_cannot_be_read_says_why() -> None:
    with pytest.raises(Invalid, match=r"'a\.md'"):
        prepared(b"   ")
    with pytest.raises(Broken):
        prepared(b"text", stored=b"damaged" * 10)


def test_an_erased_document_is_not_found() -> None:
    with pytest.raises(NotFound):
        VAULT.document_key(DOCUMENT, None)


def test_a_plain_file_can_be_read_here_and_is_gone_after() -> None:
    with plain_file([b"one ", b"two"]) as path:
        with open(path, "rb") as file:
            assert file.read() == b"one two"
        with open(path, "rb") as file:
            assert file.read(3) == b"one"
        # Another process has no way to it by this path.
        other = subprocess.run([sys.executable, "-c", f"open({path!r})"], capture_output=True, check=False)
        assert other.returncode != 0
    with pytest.raises(OSError, match="No such file"):
        Path(path).read_bytes()


def test_lines_are_written_for_new_chunks_where_the_collection_wants_them() -> None:
    def lines(parsed: ParsedDocument, chunks: Sequence[Chunk], *, last_try: bool) -> list[Chunk]:
        assert not last_try
        return [replace(chunk, context=f"Of {parsed.title}") for chunk in chunks]

    blobs = FakeBlobStore()
    key, wrapped = VAULT.new_document_key(DOCUMENT)
    blobs.put("blob", key.seal_stream([b"# Leave\n\nYou get 20 days."]))
    prepare = Preparer(vault=VAULT, blobs=blobs, parser=FakeParser(), embedder=FakeEmbedder(), write_lines=lines)
    source = Source(DOCUMENT, CollectionId(TenantId("t"), "c"), "a.md", 1, "blob", 25, wrapped, False)
    assert [c.context for c in prepare(HELD, source, set()).chunks] == [""]
    wanted = replace(source, chunking=Chunking(context_lines=True))
    done = prepare(HELD, wanted, set())
    assert [c.context for c in done.chunks] == [c.context for c in done.new] == ["Of Leave"]
    assert [c.context for c in prepare(HELD, wanted, {c.id for c in done.chunks}).new] == []
