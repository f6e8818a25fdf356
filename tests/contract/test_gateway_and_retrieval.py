"""The client that the gateway uses against the routes that retrieval serves."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import Any, cast

import httpx
import pytest
from assay_core.collection_settings import FieldType
from assay_core.documents import ChunkId, CollectionId, DocumentId, TenantId
from assay_core.errors import AssayError, Denied, Exhausted, Invalid, NotFound, Unavailable
from assay_core.index_generations import GenerationComparison
from assay_core.metadata_filter import Condition, Group, Join, Operator
from assay_core.principals import Principal
from assay_core.search import CacheUse, Degradation, Hit, Mode, Scorer, SearchRequest, SearchResult, StageRank
from assay_retrieval.routes import build_routes
from assay_runtime.http_shell import build_app, caller_dependency
from assay_runtime.tokens import TokenMinter, TokenVerifier
from assay_testing.fake_embedder import FakeEmbedder
from assay_testing.fake_retriever import FakeRetriever
from assay_wire import internal
from assay_wire.peers import Peer, RetrievalClient
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

TENANT = TenantId("acme")
WHO = Principal(TENANT, "ada", "Ada Lovelace é", frozenset({"reader", "curator"}))
HIT = Hit(
    rank=1,
    chunk=ChunkId(TENANT, "c" * 32),
    document=DocumentId(TENANT, "d" * 32),
    document_name="leave\u2028.md",
    version=3,
    title="Leave",
    text="Zwölf \U0001f334 days\n\u2028\x85",
    start=10,
    end=25,
    page=None,
    heading_path=("A", "B"),
    score=0.1,
    scored_by=Scorer.RRF,
    score_cosine=None,
    stages=(StageRank("dense", 2, -0.5),),
)
YEAR = Condition("year", FieldType.NUMBER, Operator.GTE, (2020.0,))
KIND = Condition("kind", FieldType.STRING, Operator.IN, ("memo", "note"))
FILTER = (YEAR, Group(Join.NOT, (Group(Join.OR, (KIND, YEAR)),)))
ASKED = SearchRequest(
    CollectionId(TENANT, "e" * 32), "how many?", 7, Mode.LEXICAL, False, CacheUse.BYPASS, True, FILTER, deadline_s=3.0
)


REPORT = internal.IndexReport((0.5, None), "hnsw", 7, 1)
SAMPLE = internal.Vectors(((0.6, 0.8),))


class FakeInspector:
    """Says back what it was asked."""

    def check(self, principal: Principal, asked: internal.IndexCheck, *, deadline_s: float) -> internal.IndexReport:
        assert (principal, asked) == (WHO, internal.IndexCheck("e" * 32, ("how many?",), 10))
        assert 55 < deadline_s <= 60
        return REPORT

    def sample(self, principal: Principal, asked: internal.VectorSample) -> internal.Vectors:
        assert (principal, asked) == (WHO, internal.VectorSample("e" * 32, SINCE, None, 5))
        return SAMPLE


class FakeTrial:
    """Says what it is told to say, of what it is asked."""

    async def compare(
        self, principal: Principal, asked: internal.GenerationCheck, *, deadline_s: float
    ) -> GenerationComparison:
        assert (principal, asked) == (WHO, internal.GenerationCheck("e" * 32, None, 100))
        assert 295 < deadline_s <= 300
        return COMPARED


COMPARED = GenerationComparison("golden", 90, 0.8, 0.79, -0.015, 0.002, datetime(2026, 11, 24, tzinfo=UTC))
SINCE = datetime(2026, 5, 1, 2, 15, tzinfo=UTC)


@pytest.fixture(scope="module")
def keys() -> tuple[str, str]:
    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(), public.decode()


@pytest.fixture
def retriever() -> FakeRetriever:
    return FakeRetriever(SearchResult((HIT,), {"dense": 1.5}, "miss", (Degradation("a", "b", "c"),)))


@pytest.fixture
async def client(retriever: FakeRetriever, keys: tuple[str, str]) -> AsyncGenerator[RetrievalClient]:
    """The gateway's client of a retrieval service that holds fakes."""
    app = build_app(title="retrieval", checks={})
    caller = caller_dependency(TokenVerifier(keys[1]), default_deadline_s=10)
    embedder = FakeEmbedder()
    app.include_router(
        build_routes(
            retriever=cast(Any, retriever),
            embedder=lambda: embedder,
            inspector=cast(Any, FakeInspector()),
            trial=cast(Any, FakeTrial()),
            caller=caller,
        )
    )
    http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://retrieval")
    peer = Peer(name="retrieval", base_url="", token=TokenMinter(keys[0], issuer="gateway"), client=http)
    yield RetrievalClient(peer)
    await peer.aclose()


async def test_a_search_arrives_whole_and_comes_back_whole(client: RetrievalClient, retriever: FakeRetriever) -> None:
    assert await client.search(WHO, ASKED) == retriever.result
    assert retriever.requests == [(WHO, ASKED)]


@pytest.mark.parametrize(
    "error",
    [
        NotFound("There is no collection.", code="collection_not_found"),
        Invalid("Too long.", code="question_too_long"),
        Unavailable("Milvus is down.", code="dense_unavailable", retry_after_s=3, extra={"part": "milvus"}),
        Exhausted("Too late.", code="deadline"),
        Denied("No.", code="forbidden"),
    ],
)
async def test_errors_come_back_as_they_were_raised(
    client: RetrievalClient, retriever: FakeRetriever, error: AssayError
) -> None:
    retriever.result = error
    with pytest.raises(type(error)) as raised:
        await client.search(WHO, ASKED)
    for member in ("message", "code", "retry_after_s"):
        assert getattr(raised.value, member) == getattr(error, member)
    assert dict(raised.value.extra) == dict(error.extra)


async def test_texts_are_embedded_in_order(client: RetrievalClient) -> None:
    one, two = (
        (await client.embed(WHO, ["leave"], kind="query")),
        await client.embed(WHO, ["leave", "b"], kind="passage"),
    )
    assert one.vectors[0] == pytest.approx(two.vectors[0])
    assert (len(two.vectors), two.model, two.tokens) == (2, "fake-embedder", 2)
    with pytest.raises(Invalid) as error:
        await client.embed(WHO, ["x"] * 257, kind="passage")
    assert error.value.code == "too_many_texts"


async def test_a_token_of_someone_else_is_refused(client: RetrievalClient, monkeypatch: pytest.MonkeyPatch) -> None:
    other = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    monkeypatch.setattr(client.peer, "_token", TokenMinter(other, issuer="gateway"))
    with pytest.raises(Unavailable) as error:
        await client.search(WHO, ASKED)
    assert error.value.code == "retrieval_refused"


async def test_readiness_is_told(client: RetrievalClient) -> None:
    assert await client.peer.readiness() == (True, "")


async def test_generations_are_compared(client: RetrievalClient) -> None:
    check = internal.GenerationCheck("e" * 32, None, 100)
    assert await client.compare_generations(WHO, check, deadline_s=300.0) == COMPARED


async def test_an_index_is_checked_and_sampled(client: RetrievalClient) -> None:
    assert await client.check_index(WHO, internal.IndexCheck("e" * 32, ("how many?",)), deadline_s=60.0) == REPORT
    assert await client.sample_vectors(WHO, internal.VectorSample("e" * 32, SINCE, None, 5)) == SAMPLE
