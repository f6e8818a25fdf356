"""Measure retrieval on a BEIR folder through the public API, as any client would use it."""

import random
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from urllib.parse import quote, unquote

from assay_core.errors import Exhausted, Invalid, Unavailable
from assay_core.search import Scorer
from assay_wire.clients import AssayClient
from assay_wire.public import SearchReply

from assay_evals import retrieval_metrics, statistics
from assay_evals.datasets import CorpusDocument, RetrievalSet, read_beir
from assay_evals.misspelling import misspelled
from assay_evals.retrieval_comparison import StageComparison, compare_stages
from assay_evals.retrieval_metrics import Metric
from assay_evals.uploading import Progress, upload_missing

STAGES = ("dense", "lexical", "hybrid", "reranked")
DEPTH = 100
SUFFIX = ".md"
_FINAL = ("ready", "failed")
_METRICS: Mapping[str, Metric] = {
    "ndcg@10": lambda ranking, judged: retrieval_metrics.ndcg_at(10, ranking, judged),
    "recall@100": lambda ranking, judged: retrieval_metrics.recall_at(100, ranking, judged),
    "mrr@10": lambda ranking, judged: retrieval_metrics.mrr_at(10, ranking, judged),
    "precision@10": lambda ranking, judged: retrieval_metrics.precision_at(10, ranking, judged),
    "map@100": lambda ranking, judged: retrieval_metrics.map_at(100, ranking, judged),
}


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds of whole HTTP requests, one at a time."""

    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class RetrievalReport:
    """Figures of one data set by stage. `passed_over` counts documents without any text.

    `left_out` says of each stage that was not measured why. `scores` are those of each query, by stage and metric.
    """

    dataset: str
    queries: int
    documents: int
    passed_over: int
    stages: Mapping[str, Mapping[str, float]]
    latency: Mapping[str, Latency]
    comparisons: tuple[StageComparison, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict[str, str])
    scores: Mapping[str, Mapping[str, Sequence[float]]] = field(
        default_factory=dict[str, Mapping[str, Sequence[float]]]
    )

    def as_json(self) -> dict[str, object]:
        return {key: value for key, value in asdict(self).items() if key != "scores"}


@dataclass(frozen=True, slots=True)
class MeanReport:
    """Several data sets and the mean of their figures, in which each set counts alike."""

    sets: tuple[RetrievalReport, ...]
    stages: Mapping[str, Mapping[str, float]]
    comparisons: tuple[StageComparison, ...]

    def as_json(self) -> dict[str, object]:
        return {
            "sets": [one.as_json() for one in self.sets],
            "mean": {"stages": self.stages, "comparisons": [asdict(one) for one in self.comparisons]},
        }


def mean_report(sets: Sequence[RetrievalReport]) -> MeanReport:
    """The mean over sets, of the stages that all of them have."""
    stages = {
        stage: {
            metric: round(statistics.mean([one.stages[stage][metric] for one in sets]), 5)
            for metric in sets[0].stages[stage]
        }
        for stage in sets[0].stages
        if all(stage in one.stages for one in sets)
    }
    return MeanReport(tuple(sets), stages, compare_stages([one.scores for one in sets]))


def evaluate_retrieval(
    client: AssayClient,
    folder: Path,
    *,
    collection: str | None = None,
    stages: Sequence[str] = STAGES,
    misspell: int | None = None,
    on_progress: Progress = lambda _what, _done, _total: None,
    stall_s: float = 600.0,
    poll_s: float = 1.0,
) -> RetrievalReport:
    """Ingest a BEIR folder (what is there already is left alone), wait for it, and run every judged query.

    Args:
        collection: default: `beir-` and the folder's name.
        stages: of `STAGES`; `reranked` is left out where no reranker is set up.
        misspell: a seed: a word of each query is misspelled by it.
        stall_s: give up if for so long no further document becomes searchable.

    Raises:
        Invalid: the folder or the collection cannot be used, or a document could not be ingested.
        Exhausted: indexing came to a halt.
        Unavailable: a search was answered without one of its parts: such figures would be another system's.
    """
    dataset = read_beir(folder) if misspell is None else _misspelled(read_beir(folder), misspell)
    name = collection or default_collection(dataset.name)
    client.ensure_collection(name)
    documents = [document for document in dataset.corpus if document.title.strip() or document.text.strip()]
    files = {file_name(document.id): as_markdown(document) for document in documents}
    _refuse_strangers(client, name, files)
    upload_missing(client, name, files, on_progress)
    _await_searchable(client, name, len(documents), on_progress, stall_s=stall_s, poll_s=poll_s)
    left_out: dict[str, str] = {}
    if "reranked" in stages and not _reranks(client, name, dataset):
        left_out["reranked"] = "no reranker is set up (ASSAY_RERANKER__MODEL)"
    measured = {stage: _measure(client, name, dataset, stage, on_progress) for stage in stages if stage not in left_out}
    scores = {stage: found for stage, (found, _) in measured.items()}
    return RetrievalReport(
        dataset=dataset.name,
        queries=len(dataset.queries),
        documents=len(documents),
        passed_over=len(dataset.corpus) - len(documents),
        stages={
            stage: {metric: round(statistics.mean(values), 5) for metric, values in found.items()}
            for stage, found in scores.items()
        },
        latency={stage: latency for stage, (_, latency) in measured.items()},
        comparisons=compare_stages([scores]),
        left_out=left_out,
        scores=scores,
    )


def default_collection(dataset: str) -> str:
    """A collection's name for a data set."""
    return f"beir-{re.sub(r'[^a-z0-9._-]+', '-', dataset.lower())}"[:63]


def as_markdown(document: CorpusDocument) -> bytes:
    """The file that is uploaded: the title in front matter, so that it is indexed as the title and nowhere else.

    White space is evened out: a line that begins with four blanks would be code, and a line break means nothing in
    these sets.
    """
    title, text = " ".join(document.title.split()), " ".join(document.text.split())
    if not title or not text:
        return f"{title or text}\n".encode()
    return f"---\ntitle: {title}\n---\n\n{text}\n".encode()


def file_name(document_id: str) -> str:
    """The document's name in the collection."""
    return quote(document_id, safe="") + SUFFIX


def document_id(name: str) -> str:
    """The inverse of `file_name`."""
    return unquote(name.removesuffix(SUFFIX))


def _refuse_strangers(client: AssayClient, collection: str, files: Mapping[str, bytes]) -> None:
    there = {document.name for document in client.documents(collection) if document.state != "failed"}
    if strangers := there - files.keys():
        raise Invalid(
            f"The collection {collection!r} holds {min(strangers)!r}, which is not of this data set; name another"
            " collection.",
            code="foreign_documents",
        )


def _await_searchable(
    client: AssayClient, collection: str, wanted: int, on_progress: Progress, *, stall_s: float, poll_s: float
) -> None:
    ready, since = -1, time.monotonic()
    while True:
        counts = client.documents_page(collection, limit=1).counts
        if counts.get("ready", 0) != ready:
            ready, since = counts.get("ready", 0), time.monotonic()
            on_progress("index", ready, wanted)
        if not any(count for state, count in counts.items() if state not in _FINAL):
            break
        if time.monotonic() - since > stall_s:
            raise Exhausted(
                f"{ready} of {wanted} documents are searchable, and no more for {stall_s:.0f} s; look at the workers'"
                " logs and start again: what is there stays.",
                code="stalled",
            )
        time.sleep(poll_s)
    if counts.get("failed"):
        (first, *_) = client.documents(collection, state="failed")
        raise Invalid(
            f"{counts['failed']} documents could not be ingested; {first.name!r}: {first.error}",
            code="ingestion_failed",
        )
    if ready != wanted:
        raise Invalid(f"The collection holds {ready} documents; the data set has {wanted}.", code="bad_collection")


def _misspelled(dataset: RetrievalSet, seed: int) -> RetrievalSet:
    rng = random.Random(seed)
    return replace(dataset, queries={query: misspelled(text, rng) for query, text in dataset.queries.items()})


def _measure(
    client: AssayClient, collection: str, dataset: RetrievalSet, stage: str, on_progress: Progress
) -> tuple[dict[str, list[float]], Latency]:
    values: dict[str, list[float]] = {metric: [] for metric in _METRICS}
    elapsed_ms: list[float] = []
    for number, (query, text) in enumerate(dataset.queries.items(), 1):
        start = time.perf_counter()
        reply = _search(client, collection, text, stage)
        elapsed_ms.append((time.perf_counter() - start) * 1000)
        ranking = retrieval_metrics.one_per_document(document_id(hit.document_name) for hit in reply.hits)
        for metric, measure in _METRICS.items():
            values[metric].append(measure(ranking, dataset.judgements[query]))
        on_progress(stage, number, len(dataset.queries))
    p50, p99 = (round(statistics.percentile(elapsed_ms, share), 1) for share in (0.5, 0.99))
    return values, Latency(p50, p99)


def _reranks(client: AssayClient, collection: str, dataset: RetrievalSet) -> bool:
    reply = _search(client, collection, next(iter(dataset.queries.values())), "reranked")
    return any(hit.scored_by == Scorer.RERANKER for hit in reply.hits)


def _search(client: AssayClient, collection: str, text: str, stage: str) -> SearchReply:
    reranked = stage == "reranked"
    reply = client.search(
        collection,
        text,
        mode="hybrid" if reranked else stage,
        top_k=DEPTH,
        one_per_document=True,
        rerank=reranked,
        cache="bypass",
    )
    if reply.degraded:
        missing = reply.degraded[0]
        raise Unavailable(
            f"A {stage} search was answered without {missing.component!r} ({missing.reason}); nothing was measured.",
            code="degraded",
        )
    return reply
