"""Ranking metrics of one query, computed by trec_eval itself (pytrec_eval).

A ranking lists document ids, best first, each once (see `one_per_document`). Judgements map a document id to its
grade; a grade above 0 means relevant, and a document without a grade is not relevant. Every metric is between 0 and
1, higher is better, and asks for at least one relevant document: trec_eval leaves other queries out as well.

Sources: trec_eval 9 (measures `recall`, `P`, `recip_rank`, `map_cut`, `ndcg_cut`), BEIR's `EvaluateRetrieval` (`MRR`).
Unlike BEIR we never drop a document whose id equals the query's: in NPL both are numbered from 1.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from pytrec_eval import RelevanceEvaluator

Judgements = Mapping[str, int]
Metric = Callable[[Sequence[str], Judgements], float]
_QUERY = "query"


def recall_at(k: int, ranking: Sequence[str], judgements: Judgements) -> float:
    """Share of all relevant documents that stand in the first `k`."""
    return _measured("recall", k, ranking, judgements)


def precision_at(k: int, ranking: Sequence[str], judgements: Judgements) -> float:
    """Relevant documents among the first `k`, divided by `k` also if the ranking is shorter."""
    return _measured("P", k, ranking, judgements)


def mrr_at(k: int, ranking: Sequence[str], judgements: Judgements) -> float:
    """1 / rank of the first relevant document; 0 if none is in the first `k`."""
    return _measured("recip_rank", None, ranking[:k], judgements)


def map_at(k: int, ranking: Sequence[str], judgements: Judgements) -> float:
    """Mean over all relevant documents of the precision at their rank; what is not in the first `k` counts 0."""
    return _measured("map_cut", k, ranking, judgements)


def ndcg_at(k: int, ranking: Sequence[str], judgements: Judgements) -> float:
    """Discounted gain over that of the ideal ranking: gain = grade (linear), discount = log2(rank + 1)."""
    return _measured("ndcg_cut", k, ranking, judgements)


def one_per_document(documents: Iterable[str]) -> list[str]:
    """Collapse hits of passages to documents: each document stays at its best rank."""
    return list(dict.fromkeys(documents))


def _measured(measure: str, k: int | None, ranking: Sequence[str], judgements: Judgements) -> float:
    # A grade below 0 means "not relevant" like 0, of which trec_eval would take away gain.
    grades = {document: max(0, grade) for document, grade in judgements.items()}
    if not any(grades.values()):
        raise ValueError("no relevant document is known for this query; leave it out of the mean")
    if not ranking:
        return 0.0
    asked, told = (measure, measure) if k is None else (f"{measure}.{k}", f"{measure}_{k}")
    # trec_eval orders by score; ranks as scores keep our order where scores were equal.
    scores = {document: float(len(ranking) - place) for place, document in enumerate(ranking)}
    found = RelevanceEvaluator({_QUERY: grades}, {asked}).evaluate({_QUERY: scores})
    return float(found[_QUERY][told])
