"""A generator with fakes all around, whose parts a test replaces as it needs. Needs assay-testing."""

from collections.abc import AsyncGenerator, Collection, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from assay_core.answers import Answer, AnswerEvent, AnswerRequest, Done, Failed
from assay_core.documents import ChunkId, CollectionId, DocumentId, TenantId
from assay_core.errors import AssayError
from assay_core.ports import ChatModel, Embedder, Judge
from assay_core.principals import Principal
from assay_core.search import Degradation, EvidenceVersion, Hit, Scorer, SearchResult
from assay_runtime.threads import Workers
from assay_testing.fake_chat import FakeChatModel, Reply
from assay_testing.fake_embedder import FakeEmbedder
from assay_testing.fake_judge import FakeJudge
from assay_testing.fake_retriever import FakeRetriever
from assay_wire import problems

from assay_generation.abstain import Thresholds
from assay_generation.evidence import EvidenceFinder
from assay_generation.gate import Gate
from assay_generation.generator import DocumentGenerator
from assay_generation.prompting import load_prompt
from assay_generation.verify import Verifier
from assay_generation.writing import Writer

TENANT = TenantId("acme")
COLLECTION = CollectionId(TENANT, "c1")
ASKER = Principal(TENANT, "u1", "User", frozenset({"reader"}))

LEAVE = (
    "Full-time staff receive 28 days of paid annual leave. Requests are entered in the portal Tidewater. "
    "Up to six unused days may be carried over."
)
FARES = "A single crossing costs 9.40 pounds for adults. Bicycles cost 3 pounds."


class Liveness:
    """All is live, but for `gone`."""

    def __init__(self) -> None:
        self.gone: set[EvidenceVersion] = set()
        self.error: AssayError | None = None

    async def live(self, principal: Principal, versions: Collection[EvidenceVersion]) -> frozenset[EvidenceVersion]:
        assert principal == ASKER
        if self.error is not None:
            raise self.error
        return frozenset(versions) - self.gone


class Recorder:
    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.error: AssayError | None = None

    async def record(self, principal: Principal, request: AnswerRequest, answer: Answer) -> None:
        assert (principal, request.collection) == (ASKER, COLLECTION)
        if self.error is not None:
            raise self.error
        self.answers.append(answer)


class Cache:
    """Holds answers by question and recipe; `down` stands for a cache that cannot be asked.

    `narrowed` is what was said of each question that was looked for.
    """

    def __init__(self) -> None:
        self.narrowed: list[bool] = []
        self.kept: dict[tuple[str, str], Answer] = {}
        self.down = False

    async def find(
        self, principal: Principal, collection: CollectionId, question: str, recipe: str, *, narrowed: bool
    ) -> tuple[str | None, Answer | None]:
        assert (principal, collection) == (ASKER, COLLECTION)
        self.narrowed.append(narrowed)
        return (None, None) if self.down else ("7", self.kept.get((question, recipe)))

    async def keep(
        self,
        principal: Principal,
        collection: CollectionId,
        question: str,
        recipe: str,
        *,
        narrowed: bool,
        moment: str,
        floors: Mapping[str, float],
        answer: Answer,
    ) -> None:
        assert floors == {}
        assert narrowed == self.narrowed[-1]
        assert (principal, collection, moment) == (ASKER, COLLECTION, "7")
        self.kept[question, recipe] = answer


_RANKS = count(1)


def make_hit(text: str, *, document: str = "handbook.md", start: int = 0, cosine: float | None = 0.8) -> Hit:
    """A hit at `start` of its document."""
    rank = next(_RANKS)
    return Hit(
        rank=rank,
        chunk=ChunkId(TENANT, f"chunk{rank}"),
        document=DocumentId(TENANT, document),
        document_name=document,
        version=1,
        title="Handbook",
        text=text,
        start=start,
        end=start + len(text),
        page=None,
        heading_path=("Handbook",),
        score=1 / rank,
        scored_by=Scorer.RRF,
        score_cosine=cosine,
    )


def found(*hits: Hit, degraded: tuple[Degradation, ...] = ()) -> FakeRetriever:
    """A retriever that finds these."""
    return FakeRetriever(SearchResult(hits, {"dense": 1.0}, degraded=degraded))


def two_hits() -> tuple[Hit, Hit]:
    return make_hit(LEAVE, start=100), make_hit(FARES, document="fares.md", start=50)


@dataclass
class House:
    """Everything around the generator. `model` takes the place of `chat` where a test has one of its own.

    Fields of a request are given by name (Any: whichever these are).
    """

    reply: Reply = "Full-time staff receive 28 days. [1]"
    retriever: FakeRetriever = field(default_factory=lambda: found(*two_hits()))
    delay_s: float = 0.0
    model: ChatModel | None = None
    judge: Judge = field(default_factory=FakeJudge)
    embedder: Embedder = field(default_factory=FakeEmbedder)
    liveness: Liveness = field(default_factory=Liveness)
    recorder: Recorder = field(default_factory=Recorder)
    cache: Cache = field(default_factory=Cache)
    prompt: str = "cite.v1"
    places: int = 4
    stall_s: float = 5.0
    certainty: float = 0.5
    context_tokens: int = 2048
    limits: Thresholds = field(
        default_factory=lambda: Thresholds(
            hit_cosine=0.3,
            hit_coverage=0.9,
            span_cosine=0.0,
            quote_cosine=0.3,
            stray_cosine=0.5,
            stranger_cosine=-2.0,
        )
    )
    chat: FakeChatModel = field(init=False)

    def __post_init__(self) -> None:
        self.chat = FakeChatModel([self.reply], delay_s=self.delay_s)

    def generator(self) -> DocumentGenerator:
        workers, numbers = Workers(2), iter(range(1, 1_000_000))
        return DocumentGenerator(
            retriever=self.retriever,
            finder=EvidenceFinder(embedder=lambda: self.embedder, workers=workers),
            writer=Writer(
                chat=self.model or self.chat,
                prompt=load_prompt(self.prompt),
                context_tokens=self.context_tokens,
                stall_s=self.stall_s,
                new_mark=lambda: "0a1b2c3d",
            ),
            verifier=Verifier(judge=lambda: self.judge, workers=workers, certainty=self.certainty),
            liveness=self.liveness,
            cache=self.cache,
            recorder=self.recorder,
            gate=Gate(self.places),
            limits=self.limits,
            status_of=problems.status_of,
            new_id=lambda: f"a{next(numbers)}",
        )

    def ask(self, question: str = "How many days of annual leave?", **request: Any) -> AsyncGenerator[AnswerEvent]:
        return self.ask_of(self.generator(), question, **request)

    def ask_of(
        self, generator: DocumentGenerator, question: str = "How many days of annual leave?", **request: Any
    ) -> AsyncGenerator[AnswerEvent]:
        return generator.answer(ASKER, AnswerRequest(COLLECTION, question, **request))

    async def events(self, question: str = "How many days of annual leave?", **request: Any) -> list[AnswerEvent]:
        return [event async for event in self.ask(question, **request)]

    async def answer(self, question: str = "How many days of annual leave?", **request: Any) -> Answer:
        last = (await self.events(question, **request))[-1]
        assert isinstance(last, Done), last
        return last.answer

    async def failure(self, question: str = "How many days of annual leave?", **request: Any) -> Failed:
        last = (await self.events(question, **request))[-1]
        assert isinstance(last, Failed), last
        return last
