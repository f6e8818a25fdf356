"""Score questions: ask, look at what came back, judge it. What could not be scored is a failure, never a number.

Every metric is defined in `metrics.METRICS`. Which questions have which:

retrieval                   answerable questions
triad                       answers that were given
correctness                 answerable questions with a golden answer, abstentions included
answer_correct              these, and unanswerable questions
citations                   answers with citations; coverage: answers with sentences
abstention                  unanswerable questions, abstentions; confidence: answers that were judged on the way
latency, tokens             answers, as far as they tell
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar, cast

from assay_core.answers import Answer, Citation, Outcome, Turn
from assay_core.claims import without_marks
from assay_core.errors import AssayError
from assay_core.evaluation import GoldenQuestion, QuestionScore, TriadSample, TriadScore
from assay_core.ports import Judge
from assay_core.search import Hit

from assay_evals import abstention, correctness, golden, metrics, statistics
from assay_evals.citation_quality import judge_citations
from assay_evals.correctness import Similarity

Result = TypeVar("Result")
SEARCH_DEPTH = 10
RETRIEVAL = ("recall@5", "precision@5", "mrr@10", "map@10", "ndcg@10")
TRIAD = ("context_relevance", "groundedness", "answer_relevance")
SEMANTIC = "semantic_similarity"
CORRECT = "answer_correct"
CORRECTNESS: Mapping[str, Callable[[str, Sequence[str]], float]] = {
    "exact_match": correctness.exact_match,
    "token_f1": correctness.token_f1,
    "rouge_l": correctness.rouge_l,
    CORRECT: lambda answer, golden: float(correctness.is_correct(answer, golden)),
}
CONFIDENCE = "confidence"
CITATION_PRECISION = "citation_precision"
CITATION_COVERAGE = "citation_coverage"
LATENCY = "latency_ms"
TOKENS = "tokens"
CITATIONS = "citation_exactness"
ABSTENTION_RECALL = "abstention_recall"
ABSTENTION_PRECISION = "abstention_precision"

Search = Callable[[str], Sequence[Hit]]
"""The best `SEARCH_DEPTH` passages for a question, without cache."""
Ask = Callable[[str, tuple[Turn, ...]], Answer]
"""The answer to a question after a conversation, without cache."""
StoredText = Callable[[Citation], str]
"""What the store holds at a citation's place."""
_WITHIN_ANOTHER = frozenset({"verify", "first_token"})
"""Timings of steps that are part of another one's."""


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
    hits = _attempt(lambda: search(golden.searched(question))) if question.answerable else None
    return Observation(question, hits, _attempt(lambda: ask(question.question, question.history)))


def score_observation(
    observed: Observation, *, judge: Judge, stored_text: StoredText, similarity: Similarity | None = None
) -> list[QuestionScore]:
    """Every score of a golden question; without `similarity`, none of that."""
    question = observed.question
    scores = [] if observed.hits is None else _score_hits(question, observed.hits)
    answer = observed.answer
    if isinstance(answer, AssayError):
        wanted = (
            *TRIAD,
            *_correctness_of(question, similarity),
            *(() if question.answerable else (ABSTENTION_RECALL,)),
        )
        return scores + [_failed(question.id, metric, "no answer", answer) for metric in wanted]
    abstained = has_abstained(answer)
    if not question.answerable:
        scores.append(QuestionScore(question.id, ABSTENTION_RECALL, float(abstained)))
    if abstained:
        scores.append(QuestionScore(question.id, ABSTENTION_PRECISION, float(not question.answerable)))
    scores += _score_correctness(question, answer, similarity)
    reference = question.accepted[0] if question.accepted else ""
    return scores + score_answer(question.id, answer, judge=judge, stored_text=stored_text, reference=reference)


def score_answer(
    identity: str, answer: Answer, *, judge: Judge, stored_text: StoredText | None, reference: str = ""
) -> list[QuestionScore]:
    """The scores that need no golden answer, and with one as `reference` those of judges that take one.

    Without `stored_text` it is not asked whether quotes are exact.

    An abstention claims nothing, so it has no triad.
    """
    scores = _score_citations(identity, answer, stored_text) + _score_cost(identity, answer)
    if has_abstained(answer):
        return scores
    return _score_triad(identity, answer, judge, reference) + _score_backing(identity, answer, judge) + scores


def has_abstained(answer: Answer) -> bool:
    """Whether the answer says that the documents do not tell; it may still show the nearest passage."""
    return answer.outcome in (Outcome.NOTHING_FOUND, Outcome.NOT_SUPPORTED)


def summarize(scores: Iterable[QuestionScore], *, seed: int) -> Summary:
    """Means, intervals and failures. A metric that no question has a value for is absent, not 0."""
    values: dict[str, list[float]] = {}
    failed = set[str]()
    seen = list(scores)
    for score in seen:
        if score.value is None:
            failed.add(score.question)
        else:
            values.setdefault(score.metric, []).append(score.value)
    means = {metric: statistics.mean(found) for metric, found in values.items()}
    spread = {metric: statistics.interval(found, seed=seed) for metric, found in values.items() if len(found) > 1}
    answers = given_answers(seen)
    return Summary(
        metrics=dict(sorted({**means, **abstention.figures(answers)}.items())),
        intervals=dict(sorted({**spread, **abstention.intervals(answers, seed=seed)}.items())),
        failures=len(failed),
    )


def given_answers(scores: Iterable[QuestionScore]) -> list[abstention.Given]:
    """The answers that have a confidence and are known to be right or wrong, for curve and calibration."""
    confidence: dict[str, float] = {}
    correct: dict[str, float] = {}
    for score in scores:
        if score.value is not None and score.metric == CONFIDENCE:
            confidence[score.question] = score.value
        elif score.value is not None and score.metric == CORRECT:
            correct[score.question] = score.value
    return [
        abstention.Given(sure, correct[question] == 1) for question, sure in confidence.items() if question in correct
    ]


def _attempt(call: Callable[[], Result]) -> Result | AssayError:
    try:
        return call()
    except AssayError as error:
        return error


def _score_hits(question: GoldenQuestion, hits: Sequence[Hit] | AssayError) -> list[QuestionScore]:
    if isinstance(hits, AssayError):
        return [_failed(question.id, metric, "no search", hits) for metric in RETRIEVAL]
    ranks = golden.first_ranks(hits, question.passages)
    found = (
        golden.recall_at(5, ranks),
        golden.precision_at(5, hits, question.passages),
        golden.mrr_at(10, ranks),
        golden.map_at(10, ranks),
        golden.ndcg_at(10, ranks, [passage.grade for passage in question.passages]),
    )
    return [QuestionScore(question.id, metric, value) for metric, value in zip(RETRIEVAL, found, strict=True)]


def _correctness_of(question: GoldenQuestion, similarity: Similarity | None) -> tuple[str, ...]:
    if not question.answerable:
        return (CORRECT,)
    if not question.accepted:
        return ()
    return (*CORRECTNESS, SEMANTIC) if similarity else tuple(CORRECTNESS)


def _score_correctness(question: GoldenQuestion, answer: Answer, similarity: Similarity | None) -> list[QuestionScore]:
    wanted = _correctness_of(question, similarity)
    if has_abstained(answer) or not question.answerable:
        right = float(has_abstained(answer) and not question.answerable)
        return [QuestionScore(question.id, metric, right) for metric in wanted]
    scores = [
        QuestionScore(question.id, metric, measure(answer.text, question.accepted))
        for metric, measure in CORRECTNESS.items()
        if metric in wanted
    ]
    if similarity is not None and SEMANTIC in wanted:
        scores.append(_score_similarity(question, answer, similarity))
    return scores


def _score_similarity(question: GoldenQuestion, answer: Answer, similarity: Similarity) -> QuestionScore:
    said = without_marks(answer.text)
    try:
        nearest = max(similarity(said, golden) for golden in question.accepted)
    except AssayError as error:
        return _failed(question.id, SEMANTIC, "no embedding", error)
    return QuestionScore(question.id, SEMANTIC, min(1.0, max(0.0, nearest)))


def _score_backing(identity: str, answer: Answer, judge: Judge) -> list[QuestionScore]:
    """How well sentences are backed: by what they cite, and by the word of the judge on the way."""
    sure = [claim.probability for claim in answer.claims if claim.probability is not None]
    scores = [QuestionScore(identity, CONFIDENCE, min(sure))] if sure else []
    try:
        found = judge_citations(answer, judge)
    except AssayError as error:
        return scores + [_failed(identity, m, "no judgement", error) for m in (CITATION_PRECISION, CITATION_COVERAGE)]
    if found is None:
        return scores
    if found.precision is not None:
        scores.append(QuestionScore(identity, CITATION_PRECISION, found.precision))
    return [*scores, QuestionScore(identity, CITATION_COVERAGE, found.coverage)]


def _score_cost(identity: str, answer: Answer) -> list[QuestionScore]:
    spent = [spent_ms for name, spent_ms in answer.timings_ms.items() if name not in _WITHIN_ANOTHER]
    scores = [QuestionScore(identity, LATENCY, sum(spent))] if spent else []
    if answer.usage is not None:
        scores.append(QuestionScore(identity, TOKENS, float(answer.usage.prompt + answer.usage.completion)))
    return scores


def _score_triad(identity: str, answer: Answer, judge: Judge, reference: str) -> list[QuestionScore]:
    contexts = tuple(hit.text for hit in answer.sources)
    sample = TriadSample(identity, answer.question, contexts, without_marks(answer.text), reference)
    try:
        (judged,) = judge.score_triad([sample])
    except AssayError as error:
        return [_failed(identity, metric, "no judgement", error) for metric in TRIAD]
    values = {metric: cast(float | None, getattr(judged, metric)) for metric in TRIAD} | dict(judged.further)
    return [_triad_score(identity, metric, value, judged) for metric, value in values.items()]


def _triad_score(identity: str, metric: str, value: float | None, judged: TriadScore) -> QuestionScore:
    if value is None:
        return QuestionScore(identity, metric, None, judged.failure or "the judge gave no score and no reason")
    if (refused := metrics.refused(metric, value)) is not None:
        return QuestionScore(identity, metric, None, f"the judge's score is none: {refused}")
    return QuestionScore(identity, metric, float(value))


def _score_citations(identity: str, answer: Answer, stored_text: StoredText | None) -> list[QuestionScore]:
    if stored_text is None or not answer.citations:
        return []
    try:
        exact = [stored_text(citation) == citation.quote for citation in answer.citations]
    except AssayError as error:
        return [_failed(identity, CITATIONS, "no stored text", error)]
    return [QuestionScore(identity, CITATIONS, sum(exact) / len(exact))]


def _failed(identity: str, metric: str, what: str, error: AssayError) -> QuestionScore:
    return QuestionScore(identity, metric, None, f"{what}: {error.code}: {error.message}")
