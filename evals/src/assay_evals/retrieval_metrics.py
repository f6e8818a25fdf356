"""Ranking metrics of one query, defined as trec_eval and BEIR define them.

A ranking lists document ids, best first, each once (see `one_per_document`). Judgements map a document id to its
grade; a grade above 0 means relevant, and a document without a grade is not relevant. Every metric is between 0 and
1, higher is better, and asks for at least one relevant document: trec_eval leaves other queries out as well.

Sources: trec_eval 9 (measures `recall`, `P`, `recip_rank`, `ndcg_cut`), BEIR's `EvaluateRetrieval` (`MRR@k`).
Unlike BEIR we never drop a document whose id equals the query's: in NPL both are numbered from 1.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import log2

Judgements = Mapping[str, int]
Metric = Callable[[Sequence[str], Judgements], float]


def recall_at(k: int, ranking: Sequence[str], judgements: Judgements) -> float:
    """Share of all relevant documents that stand in the first `k`."""
    relevant = _relevant(judgements)
    return len(relevant & set(ranking[:k])) / len(relevant)


def precision_at(k: int, ranking: Sequence[str], judgements: Judgements) -> float:
    """Relevant documents among the first `k`, divided by `k` also if the ranking is shorter."""
    return len(_relevant(judgements) & set(ranking[:k])) / k


def mrr_at(k: int, ranking: Sequence[str], judgements: Judgements) -> float:
    """1 / rank of the first relevant document; 0 if none is in the first `k`."""
    relevant = _relevant(judgements)
    return next((1 / rank for rank, document in enumerate(ranking[:k], 1) if document in relevant), 0.0)


def ndcg_at(k: int, ranking: Sequence[str], judgements: Judgements) -> float:
    """Discounted gain over that of the ideal ranking: gain = grade (linear), discount = log2(rank + 1)."""
    _relevant(judgements)
    gains = [max(0, judgements.get(document, 0)) for document in ranking[:k]]
    ideal = sorted((max(0, grade) for grade in judgements.values()), reverse=True)[:k]
    return _discounted(gains) / _discounted(ideal)


def one_per_document(documents: Iterable[str]) -> list[str]:
    """Collapse hits of passages to documents: each document stays at its best rank."""
    return list(dict.fromkeys(documents))


def _relevant(judgements: Judgements) -> set[str]:
    relevant = {document for document, grade in judgements.items() if grade > 0}
    if not relevant:
        raise ValueError("no relevant document is known for this query; leave it out of the mean")
    return relevant


def _discounted(gains: Sequence[float]) -> float:
    return sum(gain / log2(rank + 1) for rank, gain in enumerate(gains, 1))
