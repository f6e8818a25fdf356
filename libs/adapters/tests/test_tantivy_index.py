import gc
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import tantivy
from assay_adapters.lexical_analysis import analyzer, evened, evener, indexable
from assay_adapters.tantivy_index import TantivyIndex
from assay_core.documents import CollectionId, TenantId
from assay_core.errors import Broken, Invalid, Unavailable
from assay_core.ports import LexicalIndex
from assay_testing.conformance.bm25_oracle import Analysis, Bm25OracleContract
from assay_testing.conformance.lexical_index import LexicalIndexContract, search
from assay_testing.conformance.vocabulary import VocabularyContract, WordedIndex
from assay_testing.ids import new_collection, new_row, scope_of


class TestTantivyIndex(LexicalIndexContract):
    @pytest.fixture
    def make_index(self, tmp_path: Path) -> Callable[[], LexicalIndex]:
        return lambda: TantivyIndex(tmp_path)


class TestTantivyVocabulary(VocabularyContract):
    @pytest.fixture
    def make_index(self, tmp_path: Path) -> Callable[[], WordedIndex]:
        return lambda: TantivyIndex(tmp_path)

    def test_an_ending_that_is_misspelled_is_met(self, tmp_path: Path) -> None:
        index, collection = TantivyIndex(tmp_path), new_collection()
        row = new_row(collection)
        index.upsert([row], ["The information on organizations"])
        for written in ("informatoin", "organizatoins"):
            assert index.rows_like(scope_of(collection, 1), written, "", top_k=5, epoch=1) == [row.chunk]


class TestTantivyScores(Bm25OracleContract):
    @pytest.fixture
    def index(self, tmp_path: Path) -> LexicalIndex:
        return TantivyIndex(tmp_path)

    @pytest.fixture
    def analysis(self) -> Analysis:
        terms = analyzer().analyze
        return Analysis(lambda passage: terms(evened(indexable(passage))), lambda question: terms(indexable(question)))


def test_the_same_epoch_is_not_refreshed(tmp_path: Path) -> None:
    collection = new_collection()
    rows = [new_row(collection) for _ in range(2)]
    writer, reader = TantivyIndex(tmp_path), TantivyIndex(tmp_path)
    writer.upsert([rows[0]], ["pump"])
    scope = scope_of(collection, 1)
    assert len(reader.search(scope, "pump", top_k=5, epoch=7)) == 1
    writer.upsert([rows[1]], ["pump"])
    assert len(reader.search(scope, "pump", top_k=5, epoch=7)) == 1
    assert len(reader.search(scope, "pump", top_k=5, epoch=8)) == 2


def test_a_reader_follows_a_collection_that_is_dropped_and_made_again(tmp_path: Path) -> None:
    collection = new_collection()
    row = new_row(collection)
    writer, reader = TantivyIndex(tmp_path), TantivyIndex(tmp_path)
    writer.upsert([row], ["pump"])
    assert search(reader, collection, "pump") == [row.chunk]
    writer.drop(collection)
    assert search(reader, collection, "pump") == []
    writer.upsert([row], ["valve"])
    assert search(reader, collection, "valve") == [row.chunk]


def test_what_was_acknowledged_survives_a_hard_kill(tmp_path: Path) -> None:
    collection = new_collection()
    row = new_row(collection)
    code = f"""
import os, signal
from assay_adapters.lexical_analysis import analyzer, evened, evener, indexable
from assay_adapters.tantivy_index import TantivyIndex
from assay_core.documents import *
from assay_core.search import IndexRow
collection = CollectionId({collection.tenant!r}, {collection.id!r})
row = IndexRow(ChunkId(collection.tenant, {row.chunk.id!r}), collection, AclId(1))
TantivyIndex({str(tmp_path)!r}).upsert([row], ["pump"])
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", code], check=False)
    index = TantivyIndex(tmp_path)
    assert search(index, collection, "pump") == [row.chunk]
    index.upsert([new_row(collection)], ["pump"])
    assert len(search(index, collection, "pump")) == 2


def test_two_processes_cannot_write_one_collection(tmp_path: Path) -> None:
    collection = new_collection()
    first, second = TantivyIndex(tmp_path), TantivyIndex(tmp_path)
    first.upsert([new_row(collection)], ["pump"])
    with pytest.raises(Unavailable) as raised:
        second.upsert([new_row(collection)], ["pump"])
    assert raised.value.code == "lexical_locked"
    first.close()
    second.upsert([new_row(collection)], ["pump"])
    assert len(search(second, collection, "pump")) == 2


def test_terms_of_deleted_rows_leave_the_disk(tmp_path: Path) -> None:
    collection = new_collection()
    index = TantivyIndex(tmp_path)
    kept, gone = [new_row(collection) for _ in range(60)], [new_row(collection) for _ in range(60)]
    index.upsert([*kept, *gone], [*["pump"] * 60, *["xylophone"] * 60])
    index.delete(collection, [row.chunk for row in gone])
    assert index.deleted_share(collection) < 0.2
    assert sorted(index.chunk_ids(collection)) == sorted(row.chunk for row in kept)
    (meta,) = tmp_path.rglob("meta.json")
    searcher = tantivy.Index.open(str(meta.parent)).searcher()
    assert [term for term, _ in searcher.terms_with_prefix("body", "")] == ["pump", evener()]


# tantivy merges no segment of more than 10,000 x 2^0.75 rows with small ones.
_LARGE = 17_000


def mapped_but_gone(root: Path) -> list[str]:
    """Files of an index that have no name any more and are open here."""
    maps = Path("/proc/self/maps").read_text().splitlines()
    return [line for line in maps if str(root) in line and line.endswith("(deleted)")]


@pytest.mark.parametrize("rows", [200, _LARGE])
def test_a_purge_leaves_nothing_of_deleted_rows_in_any_file(tmp_path: Path, rows: int) -> None:
    collection = new_collection()
    index, elsewhere = TantivyIndex(tmp_path), TantivyIndex(tmp_path)
    kept, gone = [new_row(collection) for _ in range(rows)], [new_row(collection) for _ in range(3)]
    index.upsert([*kept, *gone], [*["pump"] * rows, *["xylophone"] * 3])
    assert search(elsewhere, collection, "xylophone") != []
    index.delete(collection, [row.chunk for row in gone])
    assert index.residue(collection) == {row.chunk.id for row in gone}

    again = index.purge(collection)
    by_chunk = {row.chunk: row for row in kept}
    assert {by_chunk[chunk].chunk for chunk in again} == (set(by_chunk) if rows == _LARGE else set())
    if again:
        assert index.residue(collection) != set()
        for start in range(0, len(again), 2000):
            part = [by_chunk[chunk] for chunk in again[start : start + 2000]]
            index.upsert(part, ["pump"] * len(part))
            assert len(search(elsewhere, collection, "pump")) == 10
        assert index.purge(collection) == []
    assert index.residue(collection) == set()
    assert index.strays(collection) == []
    assert index.purge(collection) == []
    assert index.rows(collection) == rows
    index.close()
    (meta,) = tmp_path.rglob("meta.json")
    searcher = tantivy.Index.open(str(meta.parent)).searcher()
    assert [term for term, _ in searcher.terms_with_prefix("body", "")] == ["pump", evener()]
    assert len(searcher.terms_with_prefix("chunk", "")) <= rows + 1


def test_a_reader_that_is_not_asked_any_more_can_let_go_of_merged_files(tmp_path: Path) -> None:
    collection, other = new_collection(), new_collection()
    writer, reader = TantivyIndex(tmp_path), TantivyIndex(tmp_path)
    rows = [new_row(collection) for _ in range(60)]
    writer.upsert(rows, ["pump"] * 60)
    writer.upsert([new_row(other)], ["pump"])
    assert len(search(reader, collection, "pump")) == 10
    assert len(search(reader, other, "pump")) == 1
    writer.delete(collection, [rows[0].chunk])
    assert writer.purge(collection) == []
    writer.close()
    del writer
    gc.collect()
    assert mapped_but_gone(tmp_path) != []
    reader.let_go()
    gc.collect()
    assert mapped_but_gone(tmp_path) == []
    assert rows[0].chunk not in set(reader.chunk_ids(collection))
    assert len(search(reader, other, "pump")) == 1
    reader.let_go()
    assert len(set(reader.chunk_ids(collection))) == 59


def test_strays_are_files_that_no_segment_owns(tmp_path: Path) -> None:
    collection = new_collection()
    index = TantivyIndex(tmp_path)
    assert index.strays(collection) == []
    index.upsert([new_row(collection)], ["pump"])
    assert index.strays(collection) == []
    (meta,) = tmp_path.rglob("meta.json")
    stray = meta.with_name(f"{'0' * 32}.term")
    stray.write_bytes(b"left by a crash")
    assert index.strays(collection) == [stray]


def test_more_collections_than_open_writers_can_be_written(tmp_path: Path) -> None:
    index = TantivyIndex(tmp_path, writer_memory_bytes=15 * 2**20)
    collections = [new_collection() for _ in range(20)]
    for _ in range(2):
        for collection in collections:
            index.upsert([new_row(collection)], ["pump"])
    assert [len(search(index, collection, "pump")) for collection in collections] == [2] * 20


def test_a_damaged_index_says_so(tmp_path: Path) -> None:
    collection = new_collection()
    writer = TantivyIndex(tmp_path)
    writer.upsert([new_row(collection)], ["pump"])
    (meta,) = tmp_path.rglob("meta.json")
    meta.write_text("{")
    with pytest.raises(Broken):
        search(TantivyIndex(tmp_path), collection, "pump")


def test_soft_hyphens_do_not_divide_words(tmp_path: Path) -> None:
    collection = new_collection()
    row = new_row(collection)
    index = TantivyIndex(tmp_path)
    index.upsert([row], ["an exam\u00adple of Käse"])
    assert search(index, collection, "example") == [row.chunk]
    assert search(index, collection, "kase") == [row.chunk]


@pytest.mark.parametrize("evil", ["..", "a/b", "", ".", "a\0"])
def test_ids_that_could_be_paths_are_refused(tmp_path: Path, evil: str) -> None:
    with pytest.raises(Invalid):
        TantivyIndex(tmp_path).drop(CollectionId(TenantId(evil), "c"))
