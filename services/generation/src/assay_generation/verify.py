"""Checks a sentence of the model against the passages: what the judge says of it, and which spans back it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from assay_core.answers import Outcome, Verdict
from assay_core.errors import Unavailable
from assay_core.evaluation import ClaimJudgement
from assay_core.ports import Judge
from assay_core.search import Hit
from assay_runtime.threads import Workers

from assay_generation.draft import Sentence
from assay_generation.evidence import spans_of
from assay_generation.metrics import MARKS
from assay_generation.words import content_words, coverage

# "Twenty days." says something only together with what was asked.
_SHORT_CLAIM_WORDS = 3


@dataclass(frozen=True, slots=True)
class Support:
    """A span of the text of hit number `hit` (from 0) that backs a sentence; `origin` as in `Citation`."""

    hit: int
    start: int
    end: int
    origin: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What became of a sentence. `probability` is None, and the verdict `UNVERIFIED`, if no judge could be asked."""

    verdict: Verdict
    probability: float | None
    support: tuple[Support, ...]


class Checker(Protocol):
    """Says of a sentence whether it may be shown, and with which spans."""

    async def check(self, question: str, sentence: Sentence, hits: Sequence[Hit]) -> Checked: ...


class Verifier:
    """Asks the judge.

    Args:
        certainty: a sentence counts as supported from this probability on.
    """

    def __init__(self, *, judge: Callable[[], Judge], workers: Workers, certainty: float) -> None:
        self._judge = judge
        self._workers = workers
        self._certainty = certainty

    async def check(self, question: str, sentence: Sentence, hits: Sequence[Hit]) -> Checked:
        """Judge one sentence against all passages. Model marks that nothing backs are dropped and counted."""
        named = _real_marks(sentence, hits)
        claim = _claim(question, sentence.text)
        try:
            judged = await self._ask(claim, hits)
            others = [number for number in named if number != judged.source]
            backing = {number: await self._ask(claim, [hits[number]]) for number in others}
        except Unavailable:
            return Checked(Verdict.UNVERIFIED, None, tuple(_unverified(sentence.text, hits, n) for n in named))
        if not self._holds(judged) or judged.source is None:
            MARKS.labels("unsupported").inc(len(named))
            return Checked(_doubted(judged), judged.probability, ())
        origin = "model" if judged.source in named else "attributed"
        support = [_support(judged, judged.source, origin, sentence.text, hits)]
        for number, second in backing.items():
            MARKS.labels("kept" if self._holds(second) else "wrong").inc()
            if self._holds(second):
                support.append(_support(second, number, "model", sentence.text, hits))
        return Checked(Verdict.SUPPORTED, judged.probability, tuple(support))

    async def _ask(self, claim: str, hits: Sequence[Hit]) -> ClaimJudgement:
        texts = [hit.text for hit in hits]
        judgements = await self._workers.run(lambda: self._judge().judge_claims([claim], texts), abandon=True)
        return judgements[0]

    def _holds(self, judged: ClaimJudgement) -> bool:
        return judged.verdict is Verdict.SUPPORTED and judged.probability >= self._certainty


def outcome_of(shown: Sequence[Verdict], *, withheld: int) -> Outcome:
    """How an answer ended of which some sentences are shown."""
    if not shown:
        return Outcome.NOT_SUPPORTED
    return Outcome.PARTLY_SUPPORTED if withheld or set(shown) != {Verdict.SUPPORTED} else Outcome.ANSWERED


def _real_marks(sentence: Sentence, hits: Sequence[Hit]) -> list[int]:
    """Hit numbers (from 0) of the marks that name one; the others are inventions."""
    real = [number - 1 for number in sentence.named if 1 <= number <= len(hits)]
    MARKS.labels("invented").inc(len(sentence.named) - len(real))
    return real


def _claim(question: str, sentence: str) -> str:
    return sentence if len(content_words(sentence)) >= _SHORT_CLAIM_WORDS else f"{question} {sentence}"


def _doubted(judged: ClaimJudgement) -> Verdict:
    return Verdict.UNSUPPORTED if judged.verdict is Verdict.SUPPORTED else judged.verdict


def _support(judged: ClaimJudgement, number: int, origin: str, sentence: str, hits: Sequence[Hit]) -> Support:
    start, end = judged.quote_start, judged.quote_end
    if start is None or end is None or not 0 <= start < end <= len(hits[number].text):
        start, end = nearest_span(sentence, hits[number].text)
    return Support(number, start, end, origin)


def _unverified(sentence: str, hits: Sequence[Hit], number: int) -> Support:
    return Support(number, *nearest_span(sentence, hits[number].text), "model")


def nearest_span(sentence: str, text: str) -> tuple[int, int]:
    """Where `text` has most words of a sentence."""
    spans = spans_of(text) or [(0, len(text))]
    return max(spans, key=lambda span: coverage(sentence, text[slice(*span)]))
