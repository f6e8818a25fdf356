"""The real vector index meets the contract that the fake meets."""

from collections.abc import Callable, Generator
from uuid import uuid4

import pytest
from assay_adapters.milvus import MilvusIndex
from assay_core.errors import Invalid, Unavailable
from assay_core.index_profiles import IndexProfile
from assay_core.ports import VectorIndex
from assay_embedded.testing import Platform
from assay_testing.conformance.vector_index import DIMENSION, VectorIndexContract, unit
from assay_testing.ids import new_collection, new_row, scope_of

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def opened(server: Platform, space: str, profile: str) -> MilvusIndex:
    with open(server.env["ASSAY_MILVUS__TOKEN_FILE"]) as token:
        return MilvusIndex(
            uri=server.env["ASSAY_MILVUS__URI"],
            token=token.read().strip(),
            model_id=space,
            dimension=DIMENSION,
            profile=IndexProfile.parse(profile),
        )


@pytest.fixture(scope="module")
def space() -> str:
    return uuid4().hex


class TestHnsw(VectorIndexContract):
    @pytest.fixture
    def make_index(self, milvus_server: Platform, space: str) -> Generator[Callable[[], VectorIndex]]:
        made: list[MilvusIndex] = []

        def make() -> VectorIndex:
            made.append(opened(milvus_server, space, "hnsw"))
            return made[-1]

        yield make
        for index in made:
            index.close()


@pytest.mark.parametrize("profile", ["flat", "ivf_pq:per_byte=2", "ivf_sq8:nlist=64", "hnsw:m=32"])
def test_other_profiles_serve_the_same(milvus_server: Platform, space: str, profile: str):
    index = opened(milvus_server, space, profile)
    collection = new_collection()
    rows = [new_row(collection) for _ in range(3)]
    index.upsert(rows, [unit(1), unit(0, 1), unit(1, 1)])
    assert index.count(collection, [row.chunk for row in rows]).found == 3
    index.seal()
    hits = index.search(scope_of(collection, 1), unit(1), top_k=2, timeout_s=10)
    assert [hit.chunk for hit in hits] == [rows[0].chunk, rows[2].chunk]
    assert sorted(index.chunk_ids(collection)) == sorted(row.chunk for row in rows)


@pytest.mark.parametrize("evil", ['" or 1 == 1 or "', "a' || true", "x\\", "like '%'", "", "x" * 65])
def test_ids_that_could_change_an_expression_are_refused(milvus_server: Platform, space: str, evil: str):
    index = opened(milvus_server, space, "hnsw")
    collection = new_collection()
    with pytest.raises(Invalid):
        index.drop(type(collection)(collection.tenant, evil))


def test_a_server_that_is_not_there_is_unavailable():
    index = MilvusIndex(uri="http://127.0.0.1:1", token="", model_id="m", dimension=DIMENSION, timeout_s=1)
    with pytest.raises(Unavailable):
        index.ping(1)
