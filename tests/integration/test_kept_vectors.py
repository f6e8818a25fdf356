"""Vectors that were kept are read where they lie, in files or sealed in SQL; none of a deleted document is."""

from pathlib import Path

import numpy as np
import pytest
from assay_adapters.blobs import FolderBlobStore
from assay_core.documents import AclId, Chunk, ChunkId, DocumentId, ParsedDocument, chunk_id
from assay_core.errors import Invalid
from assay_core.evaluation import GoldenQuestion
from assay_core.search import IndexScope
from assay_retrieval import index_sample
from assay_retrieval.kept_vectors import KeptVectors, Row
from assay_retrieval.rescoring import NarrowReaders
from assay_store import documents, golden_sets, pipeline
from assay_store.database import Database
from assay_store.documents import StoredBlob
from assay_store.golden_sets import Origin
from assay_store.pipeline import PendingVersion, Source, VectorPlace
from assay_testing.fake_embedder import FakeEmbedder
from assay_testing.library import Library
from sqlalchemy import text

pytestmark = pytest.mark.integration

DIMENSION = 8


class Shelf(Library):
    """A library into which documents are put with their vectors."""

    def put(self, name: str, rows: Row, *, sealed: bool = False) -> tuple[DocumentId, list[ChunkId]]:
        parts = [f"{name} {number}" for number in range(len(rows))]
        raw = [row.astype("<f2").tobytes() for row in rows]
        with self.database.transaction() as connection:
            target = documents.upload_target(connection, self.vault, self.collection, name, acl=self.acl)
            made = documents.record_upload(connection, target, StoredBlob("0" * 64, 9, "text/plain"))
            chunks = [
                Chunk(
                    id=chunk_id(document=made.document, recipe="t", heading_path=(), text=part, occurrence=0),
                    document=made.document,
                    ordinal=ordinal,
                    text=part,
                    start=0,
                    end=len(part),
                    heading_path=(),
                    page_first=None,
                    page_last=None,
                    tokens=5,
                )
                for ordinal, part in enumerate(parts)
            ]
            key = f"vectors/{made.document.tenant}/{made.document.id}/1-1.f16"
            if not sealed:
                self.blobs.put(key, raw)
            places = {chunk.id: VectorPlace(key, number) for number, chunk in enumerate(chunks)}
            source = Source(
                made.document, self.collection, name, made.version, "blob", 9, target.key_wrapped, deleted=False
            )
            parsed = ParsedDocument(" ".join(parts), (), name, "text/plain", "t/1")
            pipeline.store_chunks(connection, source, target.key, parsed, chunks, places)
            for number, chunk in enumerate(chunks if sealed else []):
                closed = target.key.seal(raw[number], place=f"vector:{chunk.id.id}")
                connection.execute(
                    text("UPDATE chunks SET vector_key = '', vector = :v WHERE id = :id"),
                    {"v": closed, "id": chunk.id.id},
                )
            pipeline.go_live(connection, [PendingVersion(made.document, self.collection, made.version, len(parts))])
        return made.document, [chunk.id for chunk in chunks]


@pytest.fixture
def shelf(database: Database, tmp_path: Path) -> Shelf:
    return Shelf(database, FolderBlobStore(tmp_path / "blobs"))


@pytest.fixture
def kept(shelf: Shelf) -> KeptVectors:
    return KeptVectors(database=shelf.database, vault=shelf.vault, blobs=shelf.blobs, dimension=DIMENSION)


def unit(rows: int, seed: int) -> Row:
    found = np.random.default_rng(seed).standard_normal((rows, DIMENSION)).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


@pytest.mark.parametrize("sealed", [False, True])
def test_vectors_are_those_that_were_kept(shelf: Shelf, kept: KeptVectors, *, sealed: bool) -> None:
    rows = unit(3, 1)
    _, chunks = shelf.put("one.txt", rows, sealed=sealed)
    _, others = shelf.put("other.txt", unit(1, 2), sealed=not sealed)
    found = kept.of(shelf.collection, [chunks[2], others[0], chunks[0]])
    assert found.keys() == {chunks[0], chunks[2], others[0]}
    for number in (0, 2):
        row = found[chunks[number]]
        assert row is not None
        assert row == pytest.approx(rows[number], abs=1e-3)
        assert np.linalg.norm(row) == pytest.approx(1)


def test_nothing_is_found_of_a_deleted_document(shelf: Shelf, kept: KeptVectors) -> None:
    document, chunks = shelf.put("one.txt", unit(2, 1))
    shelf.delete(document)
    assert kept.of(shelf.collection, chunks) == {}


@pytest.mark.parametrize("damage", [None, b"", b"x" * 17, b"\0" * 32])
def test_a_file_that_is_gone_or_damaged_gives_no_vector(
    shelf: Shelf, kept: KeptVectors, tmp_path: Path, damage: bytes | None
) -> None:
    _, chunks = shelf.put("one.txt", unit(2, 1))
    (file,) = (tmp_path / "blobs").rglob("*.f16")
    file.unlink()
    if damage is not None:
        file.write_bytes(damage)
    assert kept.of(shelf.collection, chunks) == dict.fromkeys(chunks)


def test_who_reads_few_chunks_is_narrow(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    narrow = NarrowReaders(shelf.database, clock=lambda: now[0])
    scope = IndexScope(shelf.collection, frozenset({shelf.acl}))
    shelf.put("one.txt", unit(4, 1))
    monkeypatch.setattr("assay_retrieval.rescoring.MOST_NARROW", 4)
    assert narrow.includes(scope)
    shelf.put("two.txt", unit(1, 2))
    assert narrow.includes(scope)
    now[0] = 61
    assert not narrow.includes(scope)
    assert narrow.includes(IndexScope(shelf.collection, frozenset({AclId(999_999)})))


def test_an_index_is_tried_on_live_vectors_and_with_golden_questions(
    shelf: Shelf, kept: KeptVectors, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedder = FakeEmbedder(dimension=DIMENSION)
    shelf.put("one.txt", unit(30, 1))
    gone, erased = shelf.put("gone.txt", unit(5, 2))
    shelf.delete(gone)
    with pytest.raises(Invalid, match="30 vectors"):
        index_sample.draw(shelf.database, shelf.vault, kept, embedder, shelf.collection, most=100)
    monkeypatch.setattr(index_sample, "FEWEST_VECTORS", 20)
    with shelf.database.transaction() as connection:
        question = GoldenQuestion("q1", "how long is the warranty", "", answerable=False)
        golden_sets.put(connection, shelf.vault, shelf.collection, "golden", [question], Origin("ann"))
    drawn = index_sample.draw(shelf.database, shelf.vault, kept, embedder, shelf.collection, most=20)
    again = index_sample.draw(shelf.database, shelf.vault, kept, embedder, shelf.collection, most=20)
    assert (len(drawn.sample.chunks), drawn.of_chunks, drawn.passages) == (20, 27, 3)
    assert drawn.sample.vectors.shape == (20, DIMENSION)
    assert drawn.sample.queries[0] == pytest.approx(embedder.embed_query("how long is the warranty"))
    assert len(drawn.sample.queries) == 4
    assert not set(drawn.sample.chunks) & set(erased)
    assert drawn.sample.chunks == again.sample.chunks
