"""What is known of an answer while it is being made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from assay_core.answers import Answer, AnswerRequest, Outcome, TokenUsage
from assay_core.principals import Principal
from assay_core.search import Degradation, EvidenceVersion, Hit

from assay_generation.citations import Composition
from assay_generation.deadline import Deadline


@dataclass(slots=True)
class Work:
    """One request on its way.

    `question` stands alone, without the conversation before it; `nearest` is the cosine of the nearest sentence found.
    `read` are the hits, in their order, as the answer may use them: see `orders`. `strangers` are places in them that
    no answer rests on.
    """

    principal: Principal
    request: AnswerRequest
    question: str
    deadline: Deadline
    hits: tuple[Hit, ...] = ()
    read: tuple[Hit, ...] = ()
    gone: frozenset[EvidenceVersion] = frozenset()
    nearest: float = 0.0
    strangers: Sequence[tuple[int, int, int]] = ()
    composition: Composition = field(default_factory=lambda: Composition(()))
    outcome: Outcome = Outcome.NOTHING_FOUND
    finish_reason: str = "stop"
    usage: TokenUsage | None = None
    withheld: int = 0
    timings_ms: dict[str, float] = field(default_factory=dict[str, float])
    degraded: list[Degradation] = field(default_factory=list[Degradation])
    cache: str = "off"
    moment: str | None = None
    floors: Mapping[str, float] = field(default_factory=dict[str, float])

    def found(self, hits: tuple[Hit, ...], degraded: tuple[Degradation, ...], *, read: tuple[Hit, ...]) -> None:
        self.hits, self.read = hits, read
        self.composition = Composition(hits)
        self.degraded.extend(degraded)

    def degrade(self, what: Degradation) -> None:
        """Note what was missing, once."""
        if what not in self.degraded:
            self.degraded.append(what)

    def is_gone(self, hit: int) -> bool:
        return version_of(self.hits[hit]) in self.gone

    def is_strange(self, hit: int, start: int, end: int) -> bool:
        """Whether a place in a hit lies in a stranger."""
        return any(h == hit and s <= start and end <= e for h, s, e in self.strangers)

    def answer(self, *, id: str, model: str, prompt_version: str) -> Answer:
        return Answer(
            id=id,
            question=self.request.question,
            text=self.composition.text,
            outcome=self.outcome,
            citations=tuple(self.composition.citations),
            claims=tuple(self.composition.claims),
            sources=tuple(hit for hit in self.hits if version_of(hit) not in self.gone),
            model=model,
            prompt_version=prompt_version,
            usage=self.usage,
            timings_ms=dict(self.timings_ms),
            degraded=tuple(self.degraded),
            cache=self.cache,
            finish_reason=self.finish_reason,
        )


def version_of(hit: Hit) -> EvidenceVersion:
    return EvidenceVersion(hit.document, hit.version)
