"""`assay bench rerank`: what reranking adds to a search."""

import os
from pathlib import Path
from typing import Annotated

import typer
from assay_core.errors import Unavailable

from assay_cli import bench_queries, latency
from assay_cli.figures import show
from assay_cli.options import CollectionOption, Command
from assay_cli.session import session_of

_WARM_UP = 5
_STAGE = "rerank"


def register(app: typer.Typer) -> None:
    app.command("rerank", cls=Command)(rerank)


def rerank(
    context: typer.Context,
    collection: CollectionOption,
    queries: Annotated[int, typer.Option(min=1, help="How many searches are measured.")] = 100,
    queries_file: Annotated[Path | None, typer.Option(metavar="FILE", help="Queries, one a line.")] = None,
    top_k: Annotated[int, typer.Option("--top-k", "-k", min=1, max=200)] = 10,
    seed: Annotated[int, typer.Option(help="The same seed takes the same queries.")] = 0,
) -> None:
    """Measure each search twice, with and without reranking, in turns, one at a time and without cache.

    Exit code 1 if the platform has no reranker, or one that did not answer.
    """
    session = session_of(context)
    client = session.client
    texts = (
        bench_queries.read_queries(queries_file)
        if queries_file
        else bench_queries.sample_queries(client, collection, queries, seed=seed)
    )
    texts = [texts[i % len(texts)] for i in range(queries)]

    def ask(query: str, *, reranked: bool) -> latency.Sample:
        (sample,), _ = latency.measure_searches(
            client, collection, [query], mode="hybrid", top_k=top_k, concurrency=1, rerank=reranked
        )
        return sample

    for query in texts[::-1][:_WARM_UP]:
        ask(query, reranked=True)
    # Whichever comes first warms the stores for the other, so they take turns at that too.
    pairs = [
        (ask(query, reranked=True), ask(query, reranked=False))
        if place % 2
        else (ask(query, reranked=False), ask(query, reranked=True))[::-1]
        for place, query in enumerate(texts)
    ]
    stage = [with_it.stages_ms[_STAGE] for with_it, _ in pairs if _STAGE in with_it.stages_ms and not with_it.degraded]
    if len(stage) < len(pairs):
        raise Unavailable(
            f"{len(pairs) - len(stage)} of {len(pairs)} searches were not reranked; `assay status` shows whether there "
            "is a reranker, ASSAY_RERANKER__MODEL sets one.",
            code="degraded",
        )
    added = [with_it.total_ms - without.total_ms for with_it, without in pairs]
    result: dict[str, object] = {
        "collection": collection,
        "queries": len(pairs),
        "rerank_p50_ms": round(latency.percentile(stage, 0.5), 1),
        "rerank_p95_ms": round(latency.percentile(stage, 0.95), 1),
        "added_p50_ms": round(latency.percentile(added, 0.5), 1),
        "with_p50_ms": round(latency.percentile([one.total_ms for one, _ in pairs], 0.5), 1),
        "without_p50_ms": round(latency.percentile([one.total_ms for _, one in pairs], 0.5), 1),
        "cores": os.cpu_count() or 1,
        "load_average": [round(load, 1) for load in os.getloadavg()],
    }
    show(session, result)
