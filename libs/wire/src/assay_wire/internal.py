"""Contracts between our own services: domain dataclasses as JSON, checked on arrival.

Requests travel with the headers `Authorization: Bearer <principal token>` and `X-Deadline-Ms` (what remains).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from assay_core.ab_tests import ABPlan, ABTest
from assay_core.answers import Answer, AnswerEvent, AnswerRequest, Cited, Done, Failed, Judged, Retrieved, Token
from assay_core.errors import Broken
from assay_core.evaluation import EvaluationRun, NightReport, QuestionScore
from assay_core.experiments import Baseline, Experiment, GateDecision, Promotion
from assay_core.index_generations import GenerationComparison
from assay_core.search import CacheExplanation, SearchRequest, SearchResult
from pydantic import TypeAdapter, ValidationError

from assay_wire.sse import ServerEvent

DEADLINE_HEADER = "X-Deadline-Ms"

SEARCH = "/internal/search"
EMBED = "/internal/embed"
INDEX_CHECK = "/internal/index/check"
GENERATION_CHECK = "/internal/index/compare"
VECTOR_SAMPLE = "/internal/index/sample"
CACHE_LOOKUP = "/internal/cache/lookup"
CACHE_STORE = "/internal/cache/store"
CACHE_EXPLAIN = "/internal/cache/explain"
ANSWER = "/internal/answer"
GENERATOR = "/internal/generator"
RUNS = "/internal/runs"
COMPARE = "/internal/compare"
GATE = "/internal/gate"
BASELINES = "/internal/baselines"
PROMOTIONS = "/internal/promotions"
AB_TESTS = "/internal/ab-tests"
NIGHTS = "/internal/nights"

search_request = TypeAdapter(SearchRequest)
search_result = TypeAdapter(SearchResult)
answer_request = TypeAdapter(AnswerRequest)
answer = TypeAdapter(Answer)
evaluation_run = TypeAdapter(EvaluationRun)
experiment = TypeAdapter(Experiment)
gate_decision = TypeAdapter(GateDecision)
baseline = TypeAdapter(Baseline)
baselines = TypeAdapter(list[Baseline])
promotion = TypeAdapter(Promotion)
ab_plan = TypeAdapter(ABPlan)
ab_test = TypeAdapter(ABTest)

_EVENTS: dict[str, TypeAdapter[AnswerEvent]] = {
    "retrieval": TypeAdapter(Retrieved),
    "token": TypeAdapter(Token),
    "citation": TypeAdapter(Cited),
    "verdict": TypeAdapter(Judged),
    "done": TypeAdapter(Done),
    "failed": TypeAdapter(Failed),
}
_NAMES: dict[type, str] = {
    Retrieved: "retrieval",
    Token: "token",
    Cited: "citation",
    Judged: "verdict",
    Done: "done",
    Failed: "failed",
}


@dataclass(frozen=True, slots=True)
class EmbedRequest:
    """Texts to embed; `kind` is "query" or "passage"."""

    texts: tuple[str, ...]
    kind: str = "passage"


@dataclass(frozen=True, slots=True)
class EmbedResult:
    """Vectors in input order, and the tokens that were read."""

    model: str
    vectors: tuple[tuple[float, ...], ...]
    tokens: int


@dataclass(frozen=True, slots=True)
class IndexCheck:
    """Asks how much of the exact result the dense index finds for these questions."""

    collection_id: str
    questions: tuple[str, ...]
    top_k: int = 10


@dataclass(frozen=True, slots=True)
class IndexReport:
    """Recall of each question, None where nothing could be found; `missing` of `chunks` live ones are not in the
    index."""

    recalls: tuple[float | None, ...]
    index_kind: str
    chunks: int
    missing: int


@dataclass(frozen=True, slots=True)
class GenerationCheck:
    """Asks how the generation beside the active index compares, on up to `most` questions of a golden set, or the
    first that the collection has."""

    collection_id: str
    dataset: str | None
    most: int


@dataclass(frozen=True, slots=True)
class VectorSample:
    """Asks for vectors of documents that went live from `since` until before `until`; None for no bound."""

    collection_id: str
    since: datetime | None
    until: datetime | None
    limit: int


@dataclass(frozen=True, slots=True)
class Vectors:
    """Vectors of unit length, in no order."""

    vectors: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class CacheLookup:
    """Asks for an answer that was given before. `recipe` names what shaped it (models, prompt version, options).

    `narrowed` says that the documents' fields did too.
    """

    collection_id: str
    question: str
    recipe: str
    narrowed: bool = False


@dataclass(frozen=True, slots=True)
class CacheStore:
    """Offers an answer (JSON of `Answer`) for later; `moment` is the collection's from before its search, and
    `floors` are its candidates'."""

    collection_id: str
    question: str
    recipe: str
    moment: str
    answer: str
    floors: Mapping[str, float] = field(default_factory=dict[str, float])
    narrowed: bool = False


@dataclass(frozen=True, slots=True)
class CacheReply:
    """A cached answer, or None, and the moment to hand back with `CacheStore`: what results rest on now."""

    moment: str
    answer: str | None


@dataclass(frozen=True, slots=True)
class GeneratorState:
    """Whether the chat model answers; `detail` says what is missing."""

    ready: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class RunRequest:
    """Asks for an evaluation run; `limit` restricts it to so many questions, `answering` is tried in the place of what
    the collection was given. Without a version: the newest."""

    collection_id: str
    dataset: str
    judge: str = "local"
    limit: int | None = None
    answering: Mapping[str, str | bool | int] = field(default_factory=dict[str, str | bool | int])
    dataset_version: int | None = None


@dataclass(frozen=True, slots=True)
class PromotionRequest:
    """Asks that a run's collection answers as the run did, for a reason if the gate says no."""

    run: str
    override_reason: str | None = None


@dataclass(frozen=True, slots=True)
class ABTestList:
    """A/B tests, newest first; `ABTest.collection` is the collection's id."""

    tests: tuple[ABTest, ...]


@dataclass(frozen=True, slots=True)
class StopABTest:
    """Asks that all questions are answered as before."""

    reason: str


@dataclass(frozen=True, slots=True)
class RunList:
    """Runs, newest first; `EvaluationRun.collection` is the collection's id."""

    runs: tuple[EvaluationRun, ...]


@dataclass(frozen=True, slots=True)
class NightList:
    """Closed nights, newest first; `NightReport.collection` is the collection's id."""

    nights: tuple[NightReport, ...]


@dataclass(frozen=True, slots=True)
class RunDetail:
    """A run with every score; `slices` says of each question what it is, by name of the division, and `answers` which
    answer was scored."""

    run: EvaluationRun
    scores: tuple[QuestionScore, ...]
    slices: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    answers: Mapping[str, str] = field(default_factory=dict[str, str])


generator_state = TypeAdapter(GeneratorState)
run_request = TypeAdapter(RunRequest)
promotion_request = TypeAdapter(PromotionRequest)
ab_test_list = TypeAdapter(ABTestList)
stop_ab_test = TypeAdapter(StopABTest)
run_list = TypeAdapter(RunList)
run_detail = TypeAdapter(RunDetail)
night = TypeAdapter(NightReport)
night_list = TypeAdapter(NightList)
embed_request = TypeAdapter(EmbedRequest)
embed_result = TypeAdapter(EmbedResult)
index_check = TypeAdapter(IndexCheck)
index_report = TypeAdapter(IndexReport)
generation_check = TypeAdapter(GenerationCheck)
generation_comparison = TypeAdapter(GenerationComparison)
vector_sample = TypeAdapter(VectorSample)
vectors = TypeAdapter(Vectors)
cache_lookup = TypeAdapter(CacheLookup)
cache_store = TypeAdapter(CacheStore)
cache_reply = TypeAdapter(CacheReply)
cache_explanation = TypeAdapter(CacheExplanation)


def event_to_wire(event: AnswerEvent, number: int) -> ServerEvent:
    """An answer event as a server-sent event."""
    name = _NAMES[type(event)]
    return ServerEvent(name, _EVENTS[name].dump_json(event).decode(), str(number))


def event_from_wire(event: ServerEvent) -> AnswerEvent:
    """The answer event of a server-sent event. Raises `Broken` if a peer speaks another language."""
    try:
        return _EVENTS[event.event].validate_json(event.data)
    except (KeyError, ValidationError) as error:
        raise Broken(f"A service sent an event {event.event!r} that cannot be read.", code="bad_peer") from error
