"""Every metric that a run can have: what it says, where it is defined, and which way is better.

Runs, reports, the command line and docs/metrics.md read this one table. A value that cannot be measured is a failure or
is absent; it is never a number.
"""

from dataclasses import asdict, dataclass
from itertools import chain
from math import isfinite


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    Attributes:
        definition: what one value of it says, for readers.
        source: where it is defined.
        low, high: the range of a value; `high` is None if there is no upper end.
        per_case: whether each question has a value of its own, and the run their mean; others are of a whole run.
    """

    name: str
    definition: str
    source: str
    group: str
    low: float = 0.0
    high: float | None = 1.0
    higher_is_better: bool = True
    unit: str = ""
    per_case: bool = True

    @property
    def range(self) -> str:
        """Its range in words."""
        return (
            f"{self.low:g} to {self.high:g}" if self.high is not None else f"{self.low:g} and up {self.unit}".rstrip()
        )

    def as_json(self) -> dict[str, object]:
        return asdict(self)


_TREC = "trec_eval 9"
_GOLD = "answerable questions; gold passages among the hits of a search (assay_evals.golden)"
_RETRIEVAL = (
    Metric(
        "recall@5", f"Share of the gold passages that the first 5 hits show: {_GOLD}.", f"{_TREC}, recall", "retrieval"
    ),
    Metric(
        "recall@100",
        "Share of all relevant documents that stand in the first 100: judged sets in BEIR's form.",
        f"{_TREC}, recall",
        "retrieval",
    ),
    Metric(
        "precision@5",
        "Share of the first 5 hits that show a gold passage, over 5 also if fewer were found.",
        f"{_TREC}, P",
        "retrieval",
    ),
    Metric(
        "precision@10",
        "Relevant documents among the first 10, over 10: judged sets in BEIR's form.",
        f"{_TREC}, P",
        "retrieval",
    ),
    Metric(
        "mrr@10",
        "1 / rank of the first relevant hit; 0 if none is in the first 10.",
        f"{_TREC}, recip_rank of the first 10; BEIR, MRR@k",
        "retrieval",
    ),
    Metric(
        "map@10",
        "Mean over the gold passages of the precision at the rank of each; one not in the first 10 counts 0.",
        f"{_TREC}, map_cut",
        "retrieval",
    ),
    Metric(
        "map@100",
        "Mean over the relevant documents of the precision at the rank of each; one not in the first 100 counts 0.",
        f"{_TREC}, map_cut",
        "retrieval",
    ),
    Metric(
        "ndcg@10",
        "Grades found in the first 10, each divided by log2(rank + 1), over those of the best ranking.",
        f"{_TREC}, ndcg_cut; Järvelin and Kekäläinen 2002 with linear gain",
        "retrieval",
    ),
)

_RAGAS = "Es et al. 2024 (ragas); the judge of the run says how"
_ONLY_RAGAS = "ragas 0.4.3; with the ragas judge alone"
_TRIAD = (
    Metric("context_relevance", "How much of what was given to the model bears on the question.", _RAGAS, "triad"),
    Metric("groundedness", "Share of the answer's sentences that its sources support.", _RAGAS, "triad"),
    Metric("answer_relevance", "How well the answer answers the question that was asked.", _RAGAS, "triad"),
    Metric(
        "faithfulness",
        "Share of the statements, taken from the answer by the language model, that the passages back.",
        f"{_ONLY_RAGAS}, Faithfulness",
        "triad",
    ),
    Metric(
        "context_precision",
        "Mean over the passages that help towards the golden answer of the precision at the rank of each.",
        f"{_ONLY_RAGAS}, ContextPrecisionWithReference",
        "triad",
    ),
    Metric(
        "context_recall",
        "Share of the golden answer's statements that the passages back.",
        f"{_ONLY_RAGAS}, ContextRecall",
        "triad",
    ),
    Metric(
        "answer_accuracy",
        "How far answer and golden answer say the same: mean of two ratings, each with the two in another order.",
        f"{_ONLY_RAGAS}, AnswerAccuracy (NVIDIA)",
        "triad",
    ),
)

_SQUAD = "Rajpurkar et al. 2016 (SQuAD), their evaluation script"
_CORRECTNESS = (
    Metric(
        "exact_match",
        "1 if answer and golden answer are the same without case, punctuation and articles; 0 also for an abstention.",
        _SQUAD,
        "correctness",
    ),
    Metric(
        "token_f1",
        "F1 of the words that answer and golden answer share, normalised as for exact_match; 0 for an abstention.",
        _SQUAD,
        "correctness",
    ),
    Metric(
        "rouge_l",
        "F1 of the longest common subsequence of words, without stemming; 0 for an abstention.",
        "Lin 2004 (ROUGE), as rouge-score 0.1.2 computes it",
        "correctness",
    ),
    Metric(
        "semantic_similarity",
        "Cosine of answer and golden answer in the embedder's space, cut at 0; 0 for an abstention.",
        "Reimers and Gurevych 2019 (Sentence-BERT)",
        "correctness",
    ),
    Metric(
        "answer_correct",
        "1 if the golden answer stands in the answer word for word (normalised as for exact_match) or token_f1 is at"
        " least 0.5; unanswerable questions: 1 if the documents were said not to tell.",
        "Mallen et al. 2023 (PopQA), widened by token_f1 for answers in whole sentences",
        "correctness",
    ),
)

_ALCE = "Gao et al. 2023 (ALCE), with the run's judge in place of their model"
_CITATIONS = (
    Metric(
        "citation_exactness",
        "Share of the citations whose quote equals the stored text at its place.",
        "own definition",
        "citations",
    ),
    Metric(
        "citation_precision",
        "Share of the citations whose quote alone supports the sentence that carries it, by the judge.",
        f"{_ALCE}; stricter: what helps only together with another citation counts as wrong",
        "citations",
    ),
    Metric(
        "citation_coverage",
        "Share of the answer's sentences that what they cite, taken together, supports, by the judge.",
        f"{_ALCE}: citation recall",
        "citations",
    ),
)

_SELECTIVE = "Geifman and El-Yaniv 2017"
_ABSTENTION = (
    Metric(
        "abstention_recall",
        "Unanswerable questions: 1 if the documents were said not to tell.",
        "Rajpurkar et al. 2018 (SQuAD 2.0), as recall of the unanswerable",
        "abstention",
    ),
    Metric(
        "abstention_precision",
        "Questions to which the documents were said not to tell: 1 if they do not.",
        "Rajpurkar et al. 2018 (SQuAD 2.0), as precision of the unanswerable",
        "abstention",
    ),
    Metric(
        "confidence",
        "How sure the platform was of its answer: the least probability of support among its sentences. Neither end is"
        " better by itself; ece and aurc say whether it can be trusted.",
        "own definition",
        "abstention",
    ),
    Metric(
        "aurc",
        "Area under the risk-coverage curve: answers by falling confidence, the share of wrong ones among the first so"
        " many, averaged over how many. Abstentions are not covered.",
        f"{_SELECTIVE}; risk = 1 - answer_correct",
        "abstention",
        higher_is_better=False,
        per_case=False,
    ),
    Metric(
        "ece",
        "Expected calibration error of confidence against answer_correct, in 10 bins of equal width.",
        "Naeini et al. 2015; Guo et al. 2017",
        "abstention",
        higher_is_better=False,
        per_case=False,
    ),
)

_COST = (
    Metric(
        "latency_ms",
        "Time that answering took in the platform: search, evidence, prompt, generation with its checks.",
        "own definition",
        "cost",
        high=None,
        higher_is_better=False,
        unit="ms",
    ),
    Metric(
        "tokens",
        "Tokens of prompt and answer as the model server counted them.",
        "OpenAI API, usage",
        "cost",
        high=None,
        higher_is_better=False,
        unit="tokens",
    ),
)

_CACHE = (
    Metric(
        "cache_hit_rate",
        "Share of the answers that came from the cache; a rate of traffic, not a quality.",
        "own definition",
        "cache",
        per_case=False,
    ),
    Metric(
        "cache_wrong_hit_rate",
        "Of the answers from the cache that were asked again afresh: share that a fresh run would not give.",
        "GPTCache's negative hits; Bang 2023",
        "cache",
        higher_is_better=False,
        per_case=False,
    ),
)

_FAILURES = (
    Metric(
        "scored",
        "Comparisons of runs: 1 for a question of which everything could be scored, so that more failures show.",
        "own definition",
        "failures",
    ),
)

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in chain(_RETRIEVAL, _TRIAD, _CORRECTNESS, _CITATIONS, _ABSTENTION, _COST, _CACHE, _FAILURES)
}


def described(name: str) -> Metric:
    """The metric of this name. Raises `KeyError` if there is none: every score belongs to one of the table."""
    return METRICS[name]


def refused(metric: str, value: float) -> str | None:
    """Why a value cannot be one of this metric, or None if it can."""
    found = METRICS[metric]
    if isfinite(value) and found.low <= value and (found.high is None or value <= found.high):
        return None
    return f"{value!r} is no value of {metric}, which is in the range {found.range}"
