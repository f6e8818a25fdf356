"""Score questions: ask, look at what came back, judge it. What could not be scored is a failure, never a number.

Every metric is a mean over questions of a value between 0 and 1, higher is better:

recall@5, mrr@10, ndcg@10   answerable questions: gold passages among the hits of a search (see `golden`)
context_relevance, groundedness, answer_relevance    answers that were given: the judge's triad
citation_exactness          answers with citations: share of quotes that equal the stored text at their offsets
abstention_recall           unanswerable questions: 1 if the documents were said not to tell
abstention_precision        questions to which the documents were said not to tell: 1 if they do not
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import TypeVar

from assay_core.answers import Answer, Citation, Outcome
from assay_core.errors import AssayError
from assay_core.evaluation import GoldenQuestion, QuestionScore, TriadSample, TriadScore
from assay_core.ports import Judge
from assay_core.search import Hit

from assay_evals import golden, statistics

Result = TypeVar("Result")
SEARCH_DEPTH = 10
RETRIEVAL: Mapping[str, Callable[[Sequence[int | None]], float]] = {
    "recall@5": lambda ranks: golden.recall_at(5, ranks),
    "mrr@10": lambda ranks: golden.mrr_at(10, ranks),
    "ndcg@10": lambda ranks: golden.ndcg_at(10, ranks),
}
TRIAD = ("context_relevance", "groundedness", "answer_relevance")
CITATIONS = "citation_exactness"
ABSTENTION_RECALL = "abstention_recall"
ABSTENTION_PRECISION = "abstention_precision"

Search = Callable[[str], Sequence[Hit]]
"""The best `SEARCH_DEPTH` passages for a question, without cache."""
Ask = Callable[[str], Answer]
"""The answer to a question, without cache."""
StoredText = Callable[[Citation], str]
"""What the store holds at a citation's place."""


@dataclass(frozen=True, slots=True)
class Observation:
    """What the system did with a golden question; an error where it could not. `hits` is None if not asked for."""

    question: GoldenQuestion
    hits: Sequence[Hit] | AssayError | None
    answer: Answer | AssayError


@dataclass(frozen=True, slots=True)
class Summary:
    """Mean and 95 % interval of each metric that has a value (an interval needs two), and questions with a failure."""

    metrics: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]
    failures: int


def observe(question: GoldenQuestion, *, search: Search, ask: Ask) -> Observation:
    """Put a question to the system. Only answerable ones are searched for: the others have nothing to be found."""
    hits = _attempt(search, question.question) if question.answerable else None
    return Observation(question, hits, _attempt(ask, question.question))


def score_observation(observed: Observation, *, judge: Judge, stored_text: StoredText) -> list[QuestionScore]:
    """Every score of a golden question."""
    question = observed.question
    scores = [] if observed.hits is None else _score_hits(question, observed.hits)
    answer = observed.answer
    if isinstance(answer, AssayError):
        wanted = TRIAD if question.answerable else (*TRIAD, ABSTENTION_RECALL)
        return scores + [_failed(question.id, metric, "no answer", answer) for metric in wanted]
    abstained = has_abstained(answer)
    if not question.answerable:
        scores.append(QuestionScore(question.id, ABSTENTION_RECALL, float(abstained)))
    if abstained:
        scores.append(QuestionScore(question.id, ABSTENTION_PRECISION, float(not question.answerable)))
    return scores + score_answer(question.id, answer, judge=judge, stored_text=stored_text)


def score_answer(identity: str, answer: Answer, *, judge: Judge, stored_text: StoredText) -> list[QuestionScore]:
    """The scores that need no golden answer: triad and citations. An abstention claims nothing, so it has no triad."""
    triad = [] if has_abstained(answer) else _score_triad(identity, answer, judge)
    return triad + _score_citations(identity, answer, stored_text)


def has_abstained(answer: Answer) -> bool:
    """Whether the answer says that the documents do not tell; it may still show the nearest passage."""
    return answer.outcome in (Outcome.NOTHING_FOUND, Outcome.NOT_SUPPORTED)


def summarize(scores: Iterable[QuestionScore], *, seed: int) -> Summary:
    """Means, intervals and failures. A metric that no question has a value for is absent, not 0."""
    values: dict[str, list[float]] = {}
    failed = set[str]()
    for score in scores:
        if score.value is None:
            failed.add(score.question)
        else:
            values.setdefault(score.metric, []).append(score.value)
    return Summary(
        metrics={metric: statistics.mean(found) for metric, found in sorted(values.items())},
        intervals={
            metric: statistics.interval(found, seed=seed) for metric, found in sorted(values.items()) if len(found) > 1
        },
        failures=len(failed),
    )


def _attempt(call: Callable[[str], Result], question: str) -> Result | AssayError:
    try:
        return call(question)
    except AssayError as error:
        return error


def _score_hits(question: GoldenQuestion, hits: Sequence[Hit] | AssayError) -> list[QuestionScore]:
    if isinstance(hits, AssayError):
        return [_failed(question.id, metric, "no search", hits) for metric in RETRIEVAL]
    ranks = golden.first_ranks(hits, question.passages)
    return [QuestionScore(question.id, metric, measure(ranks)) for metric, measure in RETRIEVAL.items()]


def _score_triad(identity: str, answer: Answer, judge: Judge) -> list[QuestionScore]:
    sample = TriadSample(identity, answer.question, tuple(hit.text for hit in answer.sources), answer.text)
    try:
        (judged,) = judge.score_triad([sample])
    except AssayError as error:
        return [_failed(identity, metric, "no judgement", error) for metric in TRIAD]
    return [_triad_score(identity, metric, judged) for metric in TRIAD]


def _triad_score(identity: str, metric: str, judged: TriadScore) -> QuestionScore:
    value: float | None = getattr(judged, metric)
    if value is None:
        return QuestionScore(identity, metric, None, judged.failure or "the judge gave no score and no reason")
    if not isfinite(value) or not 0 <= value <= 1:
        return QuestionScore(identity, metric, None, f"the judge gave {value!r}; a score is between 0 and 1")
    return QuestionScore(identity, metric, float(value))


def _score_citations(identity: str, answer: Answer, stored_text: StoredText) -> list[QuestionScore]:
    if not answer.citations:
        return []
    try:
        exact = [stored_text(citation) == citation.quote for citation in answer.citations]
    except AssayError as error:
        return [_failed(identity, CITATIONS, "no stored text", error)]
    return [QuestionScore(identity, CITATIONS, sum(exact) / len(exact))]


def _failed(identity: str, metric: str, what: str, error: AssayError) -> QuestionScore:
    return QuestionScore(identity, metric, None, f"{what}: {error.code}: {error.message}")
