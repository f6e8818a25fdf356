"""The `Judge` port without a language model: closeness in the embedder's space, held against words and numbers.

A sentence supports a claim if it is close to it and has its words; a number that the source does not have, or a
negation on one side only, speaks against it. The constants are chosen by hand, not trained: this is the baseline that
`encoder_judge` is measured beside.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from assay_core.answers import Verdict
from assay_core.evaluation import ClaimJudgement, TriadSample, TriadScore
from assay_core.ports import Embedder
from assay_core.sentences import split_sentences

from assay_adapters.entailment import Wording, containment, missing_numbers, opposed, wording

Matrix = np.ndarray[tuple[int, ...], np.dtype[np.float32]]

_SUPPORT_STEEPNESS, _SUPPORT_MIDDLE = 10.0, 0.6
_CONTRADICTION_CONTAINMENT = 0.6
_RELEVANCE_STEEPNESS, _RELEVANCE_MIDDLE = 12.0, 0.4
_DOUBT = 0.25
_MAX_SENTENCES = 160


@dataclass(frozen=True, slots=True)
class _Sentence:
    source: int
    start: int
    end: int
    text: str
    words: Wording


class EmbeddingJudge:
    """Judges with the embedder that the indexes use."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    @property
    def model_id(self) -> str:
        return f"embedding-1:{self._embedder.model_id}"

    def judge_claims(self, claims: Sequence[str], sources: Sequence[str]) -> list[ClaimJudgement]:
        sentences = _sentences(sources)
        if not claims or not sentences:
            return [ClaimJudgement(Verdict.UNSUPPORTED, 0.0, None) for _ in claims]
        cosines = self._embed(claims) @ self._embed([s.text for s in sentences]).T
        passages = [wording(source) for source in sources]
        return [_judge(wording(claim), sentences, passages, cosines[i]) for i, claim in enumerate(claims)]

    def score_triad(self, samples: Sequence[TriadSample]) -> list[TriadScore]:
        return [self._score(sample) for sample in samples]

    def _score(self, sample: TriadSample) -> TriadScore:
        if not sample.answer.strip():
            return TriadScore(sample.id, None, None, None, failure="The answer is empty.")
        if not any(context.strip() for context in sample.contexts):
            return TriadScore(sample.id, None, None, None, failure="No passage was given to the model.")
        question = self._embed([sample.question])[0]
        claims = [sample.answer[start:end] for start, end in split_sentences(sample.answer)]
        judged = self.judge_claims(claims, sample.contexts)
        return TriadScore(
            sample.id,
            context_relevance=self._context_relevance(question, sample.contexts),
            groundedness=sum(j.verdict is Verdict.SUPPORTED for j in judged) / len(judged),
            answer_relevance=_relevance(float(question @ self._embed([sample.answer])[0])),
        )

    def _context_relevance(self, question: Matrix, contexts: Sequence[str]) -> float:
        """Mean over the passages of the relevance of their closest sentence."""
        sentences = _sentences(contexts)
        cosines = self._embed([s.text for s in sentences]) @ question
        best = [-1.0] * len(contexts)
        for sentence, cosine in zip(sentences, cosines, strict=True):
            best[sentence.source] = max(best[sentence.source], float(cosine))
        return sum(_relevance(cosine) for cosine in best) / len(best)

    def _embed(self, texts: Sequence[str]) -> Matrix:
        return np.asarray([list(v) for v in self._embedder.embed_passages(texts)], dtype=np.float32)


def _judge(
    claim: Wording, sentences: Sequence[_Sentence], passages: Sequence[Wording], cosines: Matrix
) -> ClaimJudgement:
    shares = np.asarray([containment(claim, s.words) for s in sentences])
    closeness = (cosines + shares) / 2
    place = int(np.argmax(closeness))
    best = sentences[place]
    probability = _logistic(_SUPPORT_STEEPNESS * (float(closeness[place]) - _SUPPORT_MIDDLE))
    verdict = Verdict.SUPPORTED if probability >= 0.5 else Verdict.UNSUPPORTED
    # The number may stand in the passage's heading or the sentence before, so the whole passage is asked.
    doubtful = missing_numbers(claim, passages[best.source]) or (
        opposed(claim, best.words) and shares[place] >= _CONTRADICTION_CONTAINMENT
    )
    if doubtful:
        contradicts = shares[place] >= _CONTRADICTION_CONTAINMENT and verdict is Verdict.SUPPORTED
        verdict = Verdict.CONTRADICTED if contradicts else Verdict.UNSUPPORTED
        probability *= _DOUBT
    return ClaimJudgement(verdict, probability, best.source, best.start, best.end)


def _sentences(sources: Sequence[str]) -> list[_Sentence]:
    """Sentences of all sources in order; of very many, the first of each source in turn."""
    found = [
        _Sentence(i, start, end, source[start:end], wording(source[start:end]))
        for i, source in enumerate(sources)
        for start, end in split_sentences(source)
    ]
    if len(found) <= _MAX_SENTENCES:
        return found
    each = max(1, _MAX_SENTENCES // len(sources))
    taken = [0] * len(sources)
    kept: list[_Sentence] = []
    for sentence in found:
        if taken[sentence.source] < each:
            taken[sentence.source] += 1
            kept.append(sentence)
    return kept


def _relevance(cosine: float) -> float:
    return _logistic(_RELEVANCE_STEEPNESS * (cosine - _RELEVANCE_MIDDLE))


def _logistic(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x))
