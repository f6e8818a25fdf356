"""The `LexicalIndex` port on Milvus' BM25 function, tried on Milvus Lite, which has the same API."""

from collections.abc import Callable, Generator
from contextlib import closing
from pathlib import Path
from typing import cast

import pytest
from assay_adapters.lexical_analysis import analysis_name, analyzer, evened, indexable
from assay_adapters.milvus_lexical import MilvusLexicalIndex
from assay_core.documents import AclId, ChunkId, CollectionId, TenantId
from assay_core.ports import LexicalIndex
from assay_core.search import IndexRow, IndexScope
from assay_testing.conformance.bm25_oracle import Analysis, Bm25OracleContract
from assay_testing.conformance.lexical_index import LexicalIndexContract
from pymilvus import MilvusClient

pytestmark = pytest.mark.integration

KEY = bytes(32)


@pytest.fixture
def make_index(tmp_path: Path) -> Generator[Callable[[], LexicalIndex]]:
    made: list[MilvusLexicalIndex] = []

    def make() -> LexicalIndex:
        made.append(MilvusLexicalIndex(uri=str(tmp_path / "lite.db"), token="", key=KEY))
        return made[-1]

    yield make
    for index in made:
        index.close()


class TestMilvusLexicalIndex(LexicalIndexContract):
    @pytest.fixture
    def make_index(self, make_index: Callable[[], LexicalIndex]) -> Callable[[], LexicalIndex]:
        return make_index


def test_no_word_is_written(make_index: Callable[[], LexicalIndex], tmp_path: Path) -> None:
    index, collection = make_index(), CollectionId(TenantId("t"), "c")
    index.upsert([IndexRow(ChunkId(collection.tenant, "chunk-0001"), collection, AclId(1))], ["Zanzibar valves"])
    scope = IndexScope(collection, frozenset({AclId(1)}))
    assert [hit.chunk.id for hit in index.search(scope, "a valve", top_k=3, epoch=1)] == ["chunk-0001"]
    written = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()).lower()
    assert b"chunk-0001" in written
    assert b"zanzibar" not in written
    assert b"valv" not in written


def test_another_key_finds_nothing(make_index: Callable[[], LexicalIndex], tmp_path: Path) -> None:
    index, collection = make_index(), CollectionId(TenantId("t"), "c")
    index.upsert([IndexRow(ChunkId(collection.tenant, "c1"), collection, AclId(1))], ["valves"])
    scope = IndexScope(collection, frozenset({AclId(1)}))
    with closing(MilvusLexicalIndex(uri=str(tmp_path / "lite.db"), token="", key=bytes(31) + b"1")) as other:
        assert other.search(scope, "valves", top_k=3, epoch=1) == []
    assert index.search(scope, "valves", top_k=3, epoch=1)


def test_collections_of_another_analysis_are_dropped(
    make_index: Callable[[], LexicalIndex], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    collection, scope = (
        CollectionId(TenantId("t"), "c"),
        IndexScope(CollectionId(TenantId("t"), "c"), frozenset({AclId(1)})),
    )
    row = IndexRow(ChunkId(collection.tenant, "c1"), collection, AclId(1))
    with monkeypatch.context() as patched:
        patched.setattr("assay_adapters.milvus_lexical.analysis_name", lambda _: "en1")
        make_index().upsert([row], ["valves"])
    with closing(MilvusLexicalIndex(uri=str(tmp_path / "lite.db"), token="", key=KEY)) as index:
        index.upsert([row], ["pumps"])
        index.forget_other_analyses()
        assert index.search(scope, "pumps", top_k=3, epoch=1)
    with closing(MilvusClient(uri=str(tmp_path / "lite.db"))) as client:
        names = cast("list[str]", client.list_collections())
    assert [name.split("_")[2] for name in names] == [analysis_name("en")]


class TestMilvusScores(Bm25OracleContract):
    @pytest.fixture
    def index(self, make_index: Callable[[], LexicalIndex]) -> LexicalIndex:
        return make_index()

    @pytest.fixture
    def analysis(self) -> Analysis:
        terms = analyzer().analyze
        return Analysis(lambda passage: terms(evened(indexable(passage))), lambda question: terms(indexable(question)))
