"""Answers, citations and the events of a streamed answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from assay_core.ab_tests import Assigned
from assay_core.documents import ChunkId, CollectionId, DocumentId
from assay_core.metadata_filter import Part
from assay_core.search import (
    CacheUse,
    Degradation,
    Hit,
    Mode,
    narrowing_of,
)


class Verdict(StrEnum):
    """What the judge says of a claim against its sources."""

    SUPPORTED = "supported"
    CONTRADICTED = "contradicted"
    UNSUPPORTED = "unsupported"
    UNVERIFIED = "unverified"


class Outcome(StrEnum):
    """How a question ended; "nothing found", "could not look" and "not supported" are different results."""

    ANSWERED = "answered"
    PARTLY_SUPPORTED = "partly_supported"
    NOT_SUPPORTED = "not_supported"
    NOTHING_FOUND = "nothing_found"


@dataclass(frozen=True, slots=True)
class Turn:
    """A message of a conversation; `role` is "user" or "assistant"."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class AnswerRequest:
    """A question to the documents of one collection. `deadline_s` is what remains of the request's time.

    `prompt`, `mode` and `rerank` are what the collection was given by promotion (see `Answering`), or what is tried in
    an A/B test, not the asker's.
    """

    collection: CollectionId
    question: str
    history: tuple[Turn, ...] = ()
    top_k: int = 5
    max_tokens: int = 256
    temperature: float = 0.0
    stop: tuple[str, ...] = ()
    cache: CacheUse = CacheUse.USE
    filter: tuple[Part, ...] = ()
    phrases: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    prompt: str = ""
    mode: Mode = Mode.HYBRID
    rerank: bool = True
    assigned: Assigned | None = None
    deadline_s: float = 120.0

    @property
    def narrowing(self) -> str:
        """What decides beside the question what may be found; empty if nothing does."""
        return narrowing_of(self.filter, self.phrases, self.excluded)


@dataclass(frozen=True, slots=True)
class Citation:
    """A span of a stored document version that backs a part of the answer.

    `quote` equals the canonical text of that version at `start:end`. `n` is the mark shown in the answer. `origin`
    is "model" if the model wrote the mark and "attributed" if the server found the passage for the sentence.
    """

    n: int
    chunk: ChunkId
    document: DocumentId
    document_name: str
    version: int
    page: int | None
    heading_path: tuple[str, ...]
    start: int
    end: int
    quote: str
    origin: str


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence of the answer (`start:end` in the answer's text) with the judge's verdict.

    `probability` is that of the sentence being supported, between 0 and 1; None if it could not be judged.
    """

    start: int
    end: int
    verdict: Verdict
    probability: float | None
    citations: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class TokenUsage:
    """Tokens as the model server counted them."""

    prompt: int
    completion: int


@dataclass(frozen=True, slots=True)
class Answer:
    """A finished answer with all that is needed to replay and check it."""

    id: str
    question: str
    text: str
    outcome: Outcome
    citations: tuple[Citation, ...]
    claims: tuple[Claim, ...]
    sources: tuple[Hit, ...]
    model: str
    prompt_version: str
    usage: TokenUsage | None
    timings_ms: Mapping[str, float]
    degraded: tuple[Degradation, ...] = ()
    cache: str = "off"
    finish_reason: str = "stop"


@dataclass(frozen=True, slots=True)
class Retrieved:
    """First event: the passages that the answer may use."""

    hits: tuple[Hit, ...]
    timings_ms: Mapping[str, float] = field(default_factory=dict[str, float])
    degraded: tuple[Degradation, ...] = ()


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the answer's text, in order."""

    text: str


@dataclass(frozen=True, slots=True)
class Cited:
    """A citation was settled."""

    citation: Citation


@dataclass(frozen=True, slots=True)
class Judged:
    """A claim was judged."""

    claim: Claim


@dataclass(frozen=True, slots=True)
class Done:
    """Last event of a good stream."""

    answer: Answer


@dataclass(frozen=True, slots=True)
class Failed:
    """Last event of a stream that broke: what the caller can do is in `code` and `retry_after_s`."""

    code: str
    message: str
    status: int
    retry_after_s: float | None = None


AnswerEvent = Retrieved | Token | Cited | Judged | Done | Failed


@dataclass(frozen=True, slots=True)
class ChatDelta:
    """A piece of a chat model's reply; the last one carries `finish_reason` and usage if the server tells it."""

    text: str
    finish_reason: str | None = None
    usage: TokenUsage | None = None
