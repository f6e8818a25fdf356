import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import tantivy
from assay_adapters.tantivy_index import TantivyIndex
from assay_core.documents import CollectionId, TenantId
from assay_core.errors import Broken, Invalid, Unavailable
from assay_core.ports import LexicalIndex
from assay_testing.conformance.lexical_index import LexicalIndexContract, search
from assay_testing.ids import new_collection, new_row, scope_of


class TestTantivyIndex(LexicalIndexContract):
    @pytest.fixture
    def make_index(self, tmp_path: Path) -> Callable[[], LexicalIndex]:
        return lambda: TantivyIndex(tmp_path)


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
    assert [term for term, _ in searcher.terms_with_prefix("body", "")] == ["pump"]


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
