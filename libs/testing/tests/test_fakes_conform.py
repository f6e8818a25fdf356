from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from assay_core.ports import (
    BlobStore,
    ChatModel,
    Connector,
    Generator,
    Judge,
    LanguageDetector,
    LexicalIndex,
    Parser,
    Reranker,
    Retriever,
    SemanticCache,
    TokenEmbedder,
    VectorIndex,
)
from assay_core.search import SearchResult
from assay_testing.conformance.blob_store import BlobStoreContract
from assay_testing.conformance.chat_model import ChatModelContract
from assay_testing.conformance.connector import ConnectorContract, Place
from assay_testing.conformance.embedder import TokenEmbedderContract
from assay_testing.conformance.judge import JudgeContract
from assay_testing.conformance.language_detector import LanguageDetectorContract
from assay_testing.conformance.lexical_index import LexicalIndexContract
from assay_testing.conformance.parser import ParserContract
from assay_testing.conformance.percolated_cache import MOST, BothPorts, PercolatedCacheContract
from assay_testing.conformance.reranker import RerankerContract
from assay_testing.conformance.semantic_cache import SemanticCacheContract
from assay_testing.conformance.vector_index import VectorIndexContract
from assay_testing.conformance.vocabulary import VocabularyContract, WordedIndex
from assay_testing.fake_blobs import FakeBlobStore
from assay_testing.fake_cache import FakeSemanticCache
from assay_testing.fake_chat import FakeChatModel
from assay_testing.fake_connector import FakeConnector
from assay_testing.fake_embedder import FakeEmbedder
from assay_testing.fake_generator import FakeGenerator
from assay_testing.fake_indexes import FakeLexicalIndex, FakeVectorIndex
from assay_testing.fake_judge import FakeJudge
from assay_testing.fake_language import FakeLanguageDetector
from assay_testing.fake_parser import FakeParser
from assay_testing.fake_reranker import FakeReranker
from assay_testing.fake_retriever import FakeRetriever


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def advance(self, seconds: float) -> None:
        self.now_s += seconds


class TestFakeEmbedder(TokenEmbedderContract):
    @pytest.fixture
    def embedder(self) -> TokenEmbedder:
        return FakeEmbedder()


class TestFakeLanguageDetector(LanguageDetectorContract):
    @pytest.fixture
    def detector(self) -> LanguageDetector:
        return FakeLanguageDetector()


class TestFakeVocabulary(VocabularyContract):
    @pytest.fixture
    def make_index(self) -> Callable[[], WordedIndex]:
        index = FakeLexicalIndex()
        return lambda: index


class TestFakeVectorIndex(VectorIndexContract):
    @pytest.fixture
    def make_index(self) -> Callable[[], VectorIndex]:
        index = FakeVectorIndex()
        return lambda: index


class TestFakeLexicalIndex(LexicalIndexContract):
    @pytest.fixture
    def make_index(self) -> Callable[[], LexicalIndex]:
        index = FakeLexicalIndex()
        return lambda: index


class TestFakeSemanticCache(SemanticCacheContract):
    @pytest.fixture
    def clock(self) -> Clock:
        return Clock()

    @pytest.fixture
    def make_cache(self, clock: Clock) -> Callable[[float], SemanticCache]:
        return lambda ttl_s: FakeSemanticCache(ttl_s=ttl_s, most_of_tenant=4, now=lambda: clock.now_s)

    @pytest.fixture
    def pass_time(self, clock: Clock) -> Callable[[float], None]:
        return clock.advance


@dataclass
class OneFakeCache:
    """The fake is both ports in one."""

    users: FakeSemanticCache = field(default_factory=lambda: FakeSemanticCache(most_entries=MOST))

    @property
    def percolation(self) -> FakeSemanticCache:
        return self.users

    def flush(self) -> None:
        self.users.flush()


class TestFakePercolatedCache(PercolatedCacheContract):
    @pytest.fixture
    def both(self) -> BothPorts:
        return OneFakeCache()


class TestFakeBlobStore(BlobStoreContract):
    @pytest.fixture
    def blobs(self) -> BlobStore:
        return FakeBlobStore()


class TestFakeReranker(RerankerContract):
    @pytest.fixture
    def reranker(self) -> Reranker:
        return FakeReranker()


class TestFakeJudge(JudgeContract):
    @pytest.fixture
    def judge(self) -> Judge:
        return FakeJudge()


class TestFakeParser(ParserContract):
    @pytest.fixture
    def parser(self) -> Parser:
        return FakeParser()


class TestFakeChatModel(ChatModelContract):
    @pytest.fixture
    def chat(self) -> ChatModel:
        return FakeChatModel(["one two three"])


def test_the_fakes_of_the_engines_are_their_ports() -> None:
    retriever: Retriever = FakeRetriever(SearchResult((), {}))
    generator: Generator = FakeGenerator([])
    assert retriever
    assert generator


class FakePlace:
    def __init__(self) -> None:
        self._files: dict[str, bytes] = {}

    def connector(self) -> Connector:
        return FakeConnector(self._files)

    def put(self, name: str, data: bytes) -> None:
        self._files[name] = data

    def remove(self, name: str) -> None:
        del self._files[name]


class TestFakeConnector(ConnectorContract):
    @pytest.fixture
    def place(self) -> Place:
        return FakePlace()
